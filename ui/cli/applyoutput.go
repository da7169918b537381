package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"orka/apply"
	"orka/watch"
)

// The outcomes of a document in JSON output.
const (
	outcomeSame     = "unchanged"
	outcomeDiffers  = "differs"       // diff only
	outcomeWould    = "would-apply"   // --dry-run only
	outcomeValid    = "valid"         // --validate only
	outcomeApplied  = "applied"       //
	outcomeRefused  = "refused"       // nothing was written
	outcomeUnknown  = "unknown"       // it may have been written
	outcomeNotTried = "not-attempted" // another document was refused
)

// report is what became of one document: a line of -o json.
type report struct {
	File     string `json:"file,omitempty"`
	Document int    `json:"document"` // of the file, from 1
	Line     int    `json:"line,omitempty"`

	Target reportTarget `json:"target"`
	Exists *bool        `json:"exists,omitempty"` // left out where it was not read
	// Changed says whether the object as it would be stored differs from the one that is.
	Changed     bool          `json:"changed"`
	Fields      reportFields  `json:"fields"`
	Diff        string        `json:"diff"` // unified; a Secret's values are masked
	Unexplained int           `json:"unexplained"`
	Warnings    []string      `json:"warnings"`
	Notices     []string      `json:"notices"`
	Checks      []reportCheck `json:"checks,omitempty"`
	Outcome     string        `json:"outcome"`
	Version     string        `json:"version,omitempty"`   // resourceVersion after the write
	Delivered   *bool         `json:"delivered,omitempty"` // whether the watch has shown that version
	Rebased     int           `json:"rebased,omitempty"`
	Resolved    bool          `json:"resolved,omitempty"`
	Surprises   string        `json:"surprises,omitempty"` // from what was promised to what was stored
	Error       *reportError  `json:"error,omitempty"`
}

type reportTarget struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Resource   string `json:"resource"`
	Namespace  string `json:"namespace,omitempty"`
	Name       string `json:"name"`
}

type reportFields struct {
	Set       []string         `json:"set"`
	Removed   []string         `json:"removed"`
	Conflicts []reportConflict `json:"conflicts"`
}

type reportConflict struct {
	Path    string `json:"path"`
	Manager string `json:"manager"`
	Removes bool   `json:"removes,omitempty"`
	Message string `json:"message,omitempty"`
}

type reportCheck struct {
	Condition string `json:"condition"`
	Verdict   string `json:"verdict"`
	Reason    string `json:"reason"`
}

type reportError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
	// Status, Reason and Webhook are the server's, where it refused.
	Status  int           `json:"status,omitempty"`
	Reason  string        `json:"reason,omitempty"`
	Webhook string        `json:"webhook,omitempty"`
	Causes  []reportCause `json:"causes,omitempty"`
	// Fields are the three versions of what somebody else changed.
	Fields []reportVersions `json:"fields,omitempty"`
}

type reportCause struct {
	Path    string `json:"path"`
	Message string `json:"message,omitempty"`
}

type reportVersions struct {
	Path  string `json:"path"`
	Base  string `json:"base"`
	Yours string `json:"yours"`
	Their string `json:"their"`
}

// verdictNames are the words of the guard's marks.
var verdictNames = map[apply.Verdict]string{apply.Pending: "pending", apply.Holds: "holds", apply.Fails: "fails", apply.Skipped: "skipped"}

// report makes the line of an attempt.
func (t *attempt) report(ctx context.Context) report {
	r := report{
		File: t.doc.file.Name, Document: t.doc.file.Index + 1, Line: t.doc.file.Line,
		Target: reportTarget{
			APIVersion: t.doc.Kind.GroupVersion(), Kind: t.doc.Kind.Kind, Resource: t.doc.Kind.ResourceName(),
			Namespace: t.doc.Namespace, Name: t.doc.Name,
		},
		Fields:   reportFields{Set: []string{}, Removed: []string{}, Conflicts: []reportConflict{}},
		Warnings: []string{}, Notices: []string{}, Outcome: t.outcome, Delivered: t.delivered,
	}
	if t.base != nil {
		exists := !t.base.Absent
		r.Exists = &exists
	}
	if t.intent != nil {
		r.Fields.Set = paths(t.intent.Set)
		r.Fields.Removed = append(paths(t.intent.RemoveOwn), paths(t.intent.RemoveForeign)...)
	}
	if p := t.preview; p != nil {
		r.Changed = !p.Diff.Empty()
		r.Diff = diffText(t.doc.Target, t.base.Absent, p.Diff)
		r.Unexplained = unexplained(p)
		r.Warnings = append(r.Warnings, p.Warnings...)
		for _, c := range p.Conflicts {
			r.Fields.Conflicts = append(r.Fields.Conflicts, reportConflict{c.Path, c.Manager, c.Removes, c.Message})
		}
	}
	r.Notices = append(r.Notices, t.notices()...)
	for _, c := range t.checks {
		r.Checks = append(r.Checks, reportCheck{string(c.Condition), verdictNames[c.Verdict], c.Reason})
	}
	if w := t.result; w != nil {
		r.Version, r.Rebased, r.Resolved = w.ResourceVersion, w.Rebased, w.Resolved
		r.Warnings = append(r.Warnings, w.Warnings...)
		r.Surprises = surprisesText(t.doc.Target, w)
	}
	if t.err != nil {
		r.Error = errorReport(ctx, t.err)
	}
	return r
}

func errorReport(ctx context.Context, err error) *reportError {
	code, _ := refusal(ctx, err)
	out := &reportError{Code: code, Message: err.Error(), Hint: hint(err)}
	var rejected *apply.RejectedError
	if errors.As(err, &rejected) {
		out.Status, out.Reason, out.Webhook = rejected.Code, rejected.Reason, rejected.Webhook
		for _, c := range rejected.Causes {
			out.Causes = append(out.Causes, reportCause{c.Path, c.Message})
		}
	}
	var draft *apply.DraftError
	if errors.As(err, &draft) && draft.Path != "" {
		out.Causes = append(out.Causes, reportCause{draft.Path, draft.Message})
	}
	var changed *apply.ChangedError
	if errors.As(err, &changed) {
		for _, f := range changed.Fields {
			out.Fields = append(out.Fields, reportVersions{f.Path, f.Base, f.Yours, f.Their})
		}
	}
	return out
}

// paths lists a set's leaves, as fieldpath writes them.
func paths(s *fieldpath.Set) []string {
	out := []string{}
	if s == nil {
		return out
	}
	s.Leaves().Iterate(func(p fieldpath.Path) { out = append(out, p.String()) })
	return out
}

// unexplained counts the changed lines that the file doesn't ask for; of a new object all defaults would be.
func unexplained(p *apply.Preview) int {
	if p.Base.Absent || p.Diff == nil {
		return 0
	}
	return p.Diff.Unexplained
}

// diffText is a difference as a pipe gets it.
func diffText(t apply.Target, absent bool, d *apply.Diff) string {
	from := "LIVE/" + fileName(t)
	if absent {
		from = "/dev/null"
	}
	return plainDiff(from, "MERGED/"+fileName(t), d)
}

func surprisesText(t apply.Target, r *apply.Result) string {
	return plainDiff("PREVIEW/"+fileName(t), "STORED/"+fileName(t), r.Surprises)
}

func plainDiff(from, to string, d *apply.Diff) string {
	var b strings.Builder
	_ = (&unifiedDiff{w: &b}).write(from, to, d) // a Builder takes all
	return b.String()
}

// emit prints one line of -o json.
func (a *app) emit(v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if isTerminal(a.out) {
		b = []byte(watch.Sanitize(string(b)))
	}
	_, err = fmt.Fprintf(a.out, "%s\n", b)
	return err
}

// remark prints one line on stderr: what it is, which object, and the text.
func (a *app) remark(what string, t apply.Target, format string, args ...any) {
	text := watch.SanitizeText(fmt.Sprintf(format, args...))
	fmt.Fprintf(a.errOut, "%s: %s: %s\n", what, t, text)
}

// remarks prints what a person should know about a preview beside the difference.
func (a *app) remarks(t *attempt) {
	if p := t.preview; p != nil {
		for _, w := range p.Warnings {
			a.remark("warning", t.doc.Target, "%s", w)
		}
		for _, c := range p.Conflicts {
			verb := "is owned by"
			if c.Removes {
				verb = "would be removed; it is owned by"
			}
			a.remark("conflict", t.doc.Target, "%s %s %s", c.Path, verb, c.Manager)
		}
	}
	for _, n := range t.notices() {
		a.remark("note", t.doc.Target, "%s", n)
	}
}

// complain prints why a document was refused, with the way out.
func (a *app) complain(err error) {
	fmt.Fprintf(a.errOut, "error: %s\n", errorText(err))
	var rejected *apply.RejectedError
	if errors.As(err, &rejected) {
		for _, c := range rejected.Causes {
			if strings.Contains(rejected.Message, c.Message) {
				continue // the message repeats most causes
			}
			fmt.Fprintf(a.errOut, "  %s: %s\n", watch.Sanitize(c.Path), watch.Sanitize(c.Message))
		}
	}
	var changed *apply.ChangedError
	if errors.As(err, &changed) {
		for _, f := range changed.Fields {
			fmt.Fprintf(a.errOut, "  %s\n", watch.Sanitize(f.Path))
			for _, v := range []struct{ who, value string }{{"it was", f.Base}, {"your file", f.Yours}, {"it is now", f.Their}} {
				fmt.Fprintf(a.errOut, "    %-9s  %s\n", v.who, indented(v.value))
			}
		}
	}
	if h := hint(err); h != "" {
		fmt.Fprintf(a.errOut, "  %s\n", h)
	}
}

// indented is a value of some lines below a label of complain.
func indented(value string) string {
	value = strings.TrimRight(watch.SanitizeText(value), "\n")
	if value == "" {
		return "(absent)"
	}
	return strings.ReplaceAll(value, "\n", "\n"+strings.Repeat(" ", 15))
}
