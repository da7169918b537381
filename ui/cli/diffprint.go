package cli

import (
	"fmt"
	"io"
	"strings"

	"orka/apply"
	"orka/watch"
)

// The colours of a difference; 16-colour codes, so that every terminal has them.
const (
	styleHead   = "\x1b[1m"
	styleHunk   = "\x1b[36m"
	styleAdd    = "\x1b[32m"
	styleDelete = "\x1b[31m"
	styleMark   = "\x1b[7m"  // the part of a line that differs
	styleUnmark = "\x1b[27m" //
	styleReset  = "\x1b[0m"
)

// unifiedDiff prints differences in the unified format, which patch(1) reads.
type unifiedDiff struct {
	w io.Writer
	// terminal makes what would steer it visible; a pipe gets the text as it is.
	terminal bool
	colour   bool
}

func (a *app) unified(w io.Writer) *unifiedDiff {
	terminal := isTerminal(a.out)
	_, noColour := a.lookupEnv("NO_COLOR")
	term, _ := a.lookupEnv("TERM")
	return &unifiedDiff{w: w, terminal: terminal, colour: terminal && !noColour && term != "dumb"}
}

// write prints one difference; from and to are the names of the two versions, "/dev/null" where there is none.
func (u *unifiedDiff) write(from, to string, d *apply.Diff) error {
	if d.Empty() {
		return nil
	}
	var b strings.Builder
	u.line(&b, styleHead, "--- "+from)
	u.line(&b, styleHead, "+++ "+to)
	for _, h := range d.Hunks {
		u.line(&b, styleHunk, hunkHeader(h))
		for _, l := range h.Lines {
			u.changed(&b, l)
		}
	}
	_, err := io.WriteString(u.w, b.String())
	return err
}

// hunkHeader is "@@ -12,7 +12,8 @@". A side without lines counts from the line before, as diff(1) does.
func hunkHeader(h apply.Hunk) string {
	var old, added struct{ start, count int }
	for _, l := range h.Lines {
		if l.Op != apply.Insert {
			if old.count == 0 {
				old.start = l.Old
			}
			old.count++
		}
		if l.Op != apply.Delete {
			if added.count == 0 {
				added.start = l.New
			}
			added.count++
		}
	}
	return fmt.Sprintf("@@ -%d,%d +%d,%d @@", old.start, old.count, added.start, added.count)
}

func (u *unifiedDiff) line(b *strings.Builder, style, text string) {
	text = u.clean(text)
	if u.colour && style != "" {
		text = style + text + styleReset
	}
	b.WriteString(text + "\n")
}

func (u *unifiedDiff) clean(text string) string {
	if u.terminal {
		return watch.Sanitize(text)
	}
	return text
}

func (u *unifiedDiff) changed(b *strings.Builder, l apply.Line) {
	style := map[apply.Op]string{apply.Insert: styleAdd, apply.Delete: styleDelete}[l.Op]
	if !u.colour || style == "" || len(l.Emphasis) == 0 {
		u.line(b, style, string(l.Op)+l.Text)
		return
	}
	b.WriteString(style + string(l.Op))
	at := 0
	for _, e := range l.Emphasis {
		b.WriteString(u.clean(l.Text[at:e[0]]) + styleMark + u.clean(l.Text[e[0]:e[1]]) + styleUnmark)
		at = e[1]
	}
	b.WriteString(u.clean(l.Text[at:]) + styleReset + "\n")
}

// fileName is what kubectl calls an object's file in the two directories of a diff: group.version.kind.namespace.name
// (k8s.io/kubectl/pkg/cmd/diff/diff.go, InfoObject.Name).
func fileName(t apply.Target) string {
	name := t.Kind.Version + "." + t.Kind.Kind + "." + t.Namespace + "." + t.Name
	if t.Kind.Group != "" {
		name = t.Kind.Group + "." + name
	}
	return name
}

// printDiff prints what a preview changes.
func (a *app) printDiff(w io.Writer, t apply.Target, absent bool, d *apply.Diff) error {
	from, name := "LIVE/"+fileName(t), fileName(t)
	if absent {
		from = "/dev/null"
	}
	return a.unified(w).write(from, "MERGED/"+name, d)
}
