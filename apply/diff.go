package apply

// Op is what became of a line.
type Op byte

// The ops are the marks of a unified diff.
const (
	Equal  Op = ' '
	Delete Op = '-'
	Insert Op = '+'
)

// Line is one line of a difference.
type Line struct {
	Op   Op
	Text string // without its newline; as in the YAML, not sanitised for a screen
	// Old and New are its numbers in the two texts, from 1; 0 where it isn't.
	Old, New int
	// Unexplained is set for a change that the intent doesn't ask for: a default, a mutating webhook, a controller.
	Unexplained bool
	// Emphasis are byte ranges of Text that differ from the line it replaces, ascending: pairs of from and to.
	Emphasis [][2]int
}

// Hunk is a run of changes with the lines around them.
type Hunk struct{ Lines []Line }

// Diff is the difference of two objects as YAML, without managedFields, resourceVersion and generation. A Secret's values
// are masked.
type Diff struct {
	Hunks          []Hunk
	Added, Deleted int    // lines
	Unexplained    int    // changed lines of either sort
	Before, After  string // the texts that were compared, masked
}

// Empty reports whether nothing changes.
func (d *Diff) Empty() bool { return d == nil || d.Added+d.Deleted == 0 }
