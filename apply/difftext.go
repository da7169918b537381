package apply

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/aymanbagabas/go-udiff"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"orka/watch"
	"orka/watch/kube"
)

// contextLines is how many unchanged lines are shown on each side of a change.
const contextLines = 3

// newDiff is the difference of two versions of an object; before is nil for one that is to be created, after for one
// that is gone. Changed lines that expected, where it is given, does not have are marked as unexplained. The values that a
// Secret had in earlier versions are masked, too.
func newDiff(kind *watch.Kind, before, after, expected *unstructured.Unstructured, earlier ...*unstructured.Unstructured) (*Diff, error) {
	if kube.IsSecret(kind) {
		before, after, expected = maskSecrets(before, after, expected, earlier...)
	}
	var texts [3]string
	for n, o := range []*unstructured.Unstructured{before, after, expected} {
		if o == nil {
			continue
		}
		text, err := kube.MarshalYAML(compared(o))
		if err != nil {
			return nil, fmt.Errorf("the object can't be shown as YAML: %w", err)
		}
		texts[n] = string(text)
	}
	d := &Diff{Before: texts[0], After: texts[1]}
	lines := compareLines(texts[0], texts[1])
	if expected != nil {
		markUnexplained(lines, texts[0], texts[2], texts[1])
	}
	for _, l := range lines {
		switch l.Op {
		case Delete:
			d.Deleted++
		case Insert:
			d.Added++
		}
		if l.Unexplained {
			d.Unexplained++
		}
	}
	emphasise(lines)
	d.Hunks = hunks(lines)
	return d, nil
}

// compared is what of an object is compared: not what every write changes.
func compared(o *unstructured.Unstructured) map[string]any {
	out := shallow(o.Object)
	if meta, ok := out["metadata"].(map[string]any); ok {
		meta = shallow(meta)
		for _, name := range []string{"managedFields", "resourceVersion", "generation"} {
			delete(meta, name)
		}
		out["metadata"] = meta
	}
	return out
}

// splitLines cuts a text into lines without their newlines.
func splitLines(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n")
}

// compareLines is the difference of two texts, line by line, deletions before insertions.
func compareLines(before, after string) []Line {
	olds, news := splitLines(before), splitLines(after)
	var out []Line
	o, n := 0, 0
	equal := func(upto int) {
		for ; o < upto; o, n = o+1, n+1 {
			out = append(out, Line{Op: Equal, Text: olds[o], Old: o + 1, New: n + 1})
		}
	}
	at, line := 0, 0 // of before, in bytes and lines
	lineAt := func(offset int) int {
		line += strings.Count(before[at:offset], "\n")
		at = offset
		return line
	}
	for _, e := range udiff.Lines(before, after) {
		from := lineAt(e.Start)
		upto := lineAt(e.End)
		equal(from)
		for ; o < upto; o++ {
			out = append(out, Line{Op: Delete, Text: olds[o], Old: o + 1})
		}
		for range splitLines(e.New) {
			out = append(out, Line{Op: Insert, Text: news[n], New: n + 1})
			n++
		}
	}
	equal(len(olds))
	return out
}

// markUnexplained marks the changes that the intent does not ask for: lines taken away that the expected text has, and
// lines added that come on top of it.
func markUnexplained(lines []Line, before, expected, after string) {
	taken, given := map[int]bool{}, map[int]bool{}
	for _, l := range compareLines(before, expected) {
		if l.Op == Delete {
			taken[l.Old] = true
		}
	}
	for _, l := range compareLines(expected, after) {
		if l.Op == Insert {
			given[l.New] = true
		}
	}
	for n := range lines {
		switch l := &lines[n]; l.Op {
		case Delete:
			l.Unexplained = !taken[l.Old]
		case Insert:
			l.Unexplained = given[l.New]
		}
	}
}

// hunks groups changes with the lines around them.
func hunks(lines []Line) []Hunk {
	var out []Hunk
	for n := 0; n < len(lines); n++ {
		if lines[n].Op == Equal {
			continue
		}
		from, last := max(0, n-contextLines), n
		for k := n; k < len(lines) && k <= last+2*contextLines+1; k++ {
			if lines[k].Op != Equal {
				last = k
			}
		}
		end := min(len(lines), last+contextLines+1)
		out = append(out, Hunk{Lines: slices.Clone(lines[from:end])})
		n = end - 1
	}
	return out
}

// emphasise marks, in lines that replace as many others, what of them differs.
func emphasise(lines []Line) {
	for n := 0; n < len(lines); {
		if lines[n].Op != Delete {
			n++
			continue
		}
		mid := n
		for mid < len(lines) && lines[mid].Op == Delete {
			mid++
		}
		end := mid
		for end < len(lines) && lines[end].Op == Insert {
			end++
		}
		if mid-n == end-mid {
			for k := range mid - n {
				old, now := &lines[n+k], &lines[mid+k]
				old.Emphasis, now.Emphasis = differing(old.Text, now.Text)
			}
		}
		n = end
	}
}

// differing are the ranges between the common beginning and the common end of two lines; none when they have nothing but
// indentation in common.
func differing(a, b string) (inA, inB [][2]int) {
	start := 0
	for start < len(a) && start < len(b) && a[start] == b[start] {
		start++
	}
	for start > 0 && !boundary(a, start, b) {
		start--
	}
	end := 0
	for end < len(a)-start && end < len(b)-start && a[len(a)-1-end] == b[len(b)-1-end] {
		end++
	}
	for end > 0 && (!utf8.RuneStart(a[len(a)-end]) || !utf8.RuneStart(b[len(b)-end])) {
		end--
	}
	if strings.TrimLeft(a[:start], " -") == "" && end == 0 {
		return nil, nil
	}
	if start < len(a)-end {
		inA = [][2]int{{start, len(a) - end}}
	}
	if start < len(b)-end {
		inB = [][2]int{{start, len(b) - end}}
	}
	return inA, inB
}

// boundary reports whether an offset is between characters of both lines.
func boundary(a string, at int, b string) bool {
	return (at == len(a) || utf8.RuneStart(a[at])) && (at == len(b) || utf8.RuneStart(b[at]))
}

// sameChange reports whether two differences take away and add the same lines in the same order; context and line numbers
// don't matter.
func sameChange(a, b *Diff) bool {
	return slices.Equal(changedLines(a), changedLines(b))
}

type changedLine struct {
	op   Op
	text string
}

func changedLines(d *Diff) []changedLine {
	var out []changedLine
	if d == nil {
		return nil
	}
	for _, h := range d.Hunks {
		for _, l := range h.Lines {
			if l.Op != Equal {
				out = append(out, changedLine{l.Op, l.Text})
			}
		}
	}
	return out
}
