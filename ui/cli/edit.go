package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"orka/apply"
	"orka/engine"
	"orka/watch"
	"orka/watch/kube"
)

const (
	// followWithin is how long edit waits for a complete list to become a live watch.
	followWithin = 10 * time.Second
	// deliverWithin is how long all of an edit's writes together may take to show in the watch.
	deliverWithin = 10 * time.Second
)

// editOptions are the flags of edit.
type editOptions struct {
	files    fileFlags
	format   format
	dryRun   bool
	apply    bool
	validate bool
	consent  apply.Consent
}

// editCommand changes objects as files say: the flow of the apply screen without a screen.
func (a *app) editCommand() *cobra.Command {
	var o editOptions
	cmd := &cobra.Command{
		Use:   "edit -f FILE (--dry-run | --apply) [--validate]",
		Short: "Change existing objects as files say, or say what would happen",
		Long: `edit changes objects that exist, by a server-side apply as manager orka, bound to the very version
that was looked at.

Each document is read, checked against the server's schema and tried by the server (a dry-run)
before any is written; when one is refused, nothing is written at all. Then they are written in
order. When a write goes wrong, edit stops there: the documents behind it are named and left as
they are. Running the same command again goes on where it stopped.

  --validate   checks against the server's schema alone; no object is read or tried
  --dry-run    prints the difference and how the conditions of a write stand now; nothing is written
  --apply      writes; it asks nothing

Exit codes: 0 done, 1 refused or error, 2 the command line or a file is wrong, 4 fields belong to
other managers (--force-conflicts takes them over), 5 the object or the view of it is out of date,
6 the answer was lost and the outcome is not known.`,
		Example: "  orka edit -f web.yaml --dry-run\n  orka edit -f web.yaml --apply\n  orka edit -f manifests --validate",
		Args:    args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case !o.apply && !o.dryRun && !o.validate:
				return usagef("edit: want --dry-run (nothing is written), --apply (writes) or --validate (checks the files alone)")
			case o.apply && o.dryRun:
				return usagef("edit: --apply writes and --dry-run does not; want one of them")
			case len(o.files.names) == 0:
				return usagef("edit: want -f FILE; - is stdin")
			case a.allNamespaces:
				return errNoAll("edit")
			}
			return a.edit(cmd.Context(), o)
		},
	}
	o.files.add(cmd)
	formatFlag(cmd, &o.format, formatHuman, formatJSON)
	f := cmd.Flags()
	f.BoolVar(&o.dryRun, "dry-run", false, "say what would happen; nothing is written")
	f.BoolVar(&o.apply, "apply", false, "write, if every document passes")
	f.BoolVar(&o.validate, "validate", false, "check all documents against the server's schema before anything else, or alone")
	f.BoolVar(&o.consent.All, "force-conflicts", false, "take over the fields of the files that other managers own")
	f.BoolVar(&o.consent.WithoutDryRun, "without-dry-run", false, "go on where an admission webhook can't take part in a dry-run")
	return cmd
}

func (a *app) edit(ctx context.Context, o editOptions) (err error) {
	files, err := o.files.read(ctx, a)
	if err != nil {
		return err
	}
	s, err := a.start(ctx, oneShot(func(c *engine.Config, src *source) { a.followFiles(c, src, files, o) }))
	if err != nil {
		return err
	}
	defer s.closeWith(&err)
	if s.source.client.Player() != nil {
		return fmt.Errorf("nothing can be applied: %w", kube.ErrRecording)
	}
	if o.apply && s.Config().ReadOnly {
		return apply.ErrReadOnly
	}
	v, err := a.connected(ctx, s)
	if err != nil {
		return err
	}
	docs, err := a.documents(ctx, v, s.source, files)
	if err != nil {
		return err
	}
	e := &edit{app: a, session: s, options: o, docs: docs}
	if o.validate {
		if err := e.validateAll(ctx); err != nil || !o.apply && !o.dryRun {
			return err
		}
	}
	if err := e.previewAll(ctx); err != nil {
		return err
	}
	if err := e.checkAll(ctx); err != nil || o.dryRun {
		return err
	}
	return e.commitAll(ctx)
}

// followFiles bends an engine to follow the kinds and namespaces of the files, so that the guard can tell whether what
// is known of their objects is current.
func (a *app) followFiles(c *engine.Config, src *source, files []*apply.File, o editOptions) {
	c.KeepBodies = false
	c.Select = watchedFor(files)
	if !o.apply && !o.dryRun {
		c.Select = nothing
	}
	home := src.namespace
	if ns := *a.kube.Namespace; ns != "" {
		home = ns
	}
	if namespaces := namespacesOf(files, home); len(namespaces) == 1 {
		c.Namespace = namespaces[0]
	} else {
		c.HomeNamespaces = namespaces // one by one where all of them together may not be listed
	}
}

// edit is one run of the command.
type edit struct {
	*app
	session  *session
	options  editOptions
	docs     []*document
	attempts []*attempt
}

func (e *edit) json() bool { return e.options.format.name == formatJSON }

// validateAll checks every document against the schema of its kind. Nothing but schemas is asked of the server.
func (e *edit) validateAll(ctx context.Context) error {
	var attempts []*attempt
	for _, d := range e.docs {
		t := &attempt{doc: d, outcome: outcomeValid}
		var err error
		// A new object's intent is all of the file, so all of it is checked.
		t.intent, err = e.session.FileIntent(ctx, &apply.Base{Target: d.Target, Absent: true}, d.file)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil && !errors.Is(err, apply.ErrNoChange) {
			t.fail(d.placed(err))
		}
		attempts = append(attempts, t)
	}
	if e.options.apply || e.options.dryRun {
		return e.refused(ctx, attempts)
	}
	for _, t := range attempts {
		if err := e.say(ctx, t); err != nil {
			return err
		}
	}
	if n, exit := failures(ctx, attempts); n > 0 {
		return &exitError{exit, fmt.Errorf("%d of %s invalid", n, counted(len(attempts), "document"))}
	}
	return nil
}

// previewAll has the server try every document, prints what each would do, and fails when one is refused.
func (e *edit) previewAll(ctx context.Context) error {
	for _, d := range e.docs {
		t := e.session.try(ctx, d, e.options.consent, false)
		if ctx.Err() != nil {
			return e.stopped(ctx)
		}
		if t.err == nil && t.preview != nil {
			if missing := e.options.consent.Missing(t.preview.Conflicts); len(missing) > 0 {
				t.fail(&apply.ConflictError{Target: d.Target, Conflicts: missing})
			}
		}
		e.attempts = append(e.attempts, t)
		if e.json() {
			continue
		}
		e.remarks(t)
		if t.preview != nil {
			if err := e.printDiff(e.out, d.Target, t.base.Absent, t.preview.Diff); err != nil {
				return err
			}
		}
	}
	return e.refused(ctx, e.attempts)
}

// checkAll looks at the guard's conditions for every document that would be written.
func (e *edit) checkAll(ctx context.Context) error {
	e.follow(ctx)
	if ctx.Err() != nil {
		return e.stopped(ctx)
	}
	for _, t := range e.attempts {
		if t.outcome == outcomeSame {
			continue
		}
		t.outcome = outcomeWould
		t.checks = e.session.Checks(t.preview, e.options.consent)
		if failed := apply.Failed(t.checks); len(failed) > 0 {
			t.fail(&apply.StaleError{Target: t.doc.Target, Failed: failed})
		}
	}
	if err := e.refused(ctx, e.attempts); err != nil || !e.options.dryRun {
		return err
	}
	for _, t := range e.attempts {
		if err := e.say(ctx, t); err != nil {
			return err
		}
	}
	return nil
}

// failures counts the documents in whose way something stands; exit is the code of the first.
func failures(ctx context.Context, attempts []*attempt) (n, exit int) {
	for _, t := range attempts {
		if t.err == nil {
			continue
		}
		if n == 0 {
			_, exit = refusal(ctx, t.err)
		}
		n++
	}
	return n, exit
}

// refused prints what stands in the way of any of the documents, says that nothing was written, and returns the error
// of the command; nil when nothing does. JSON names the other documents, too.
func (e *edit) refused(ctx context.Context, attempts []*attempt) error {
	n, exit := failures(ctx, attempts)
	if n == 0 {
		return nil
	}
	for _, t := range attempts {
		switch {
		case t.err != nil:
		case !e.json():
			continue
		case t.outcome != outcomeSame:
			t.outcome = outcomeNotTried
		}
		if err := e.say(ctx, t); err != nil {
			return err
		}
	}
	return &exitError{exit, fmt.Errorf("nothing was written: %d of %s refused", n, counted(len(attempts), "document"))}
}

// say prints what became of one document.
func (e *edit) say(ctx context.Context, t *attempt) error {
	if e.json() {
		return e.emit(t.report(ctx))
	}
	if t.err != nil {
		if errors.Is(t.err, errNotAttempted) {
			e.remark("note", t.doc.Target, "not attempted")
		} else {
			e.complain(t.err)
		}
		return e.sayChecks(t)
	}
	text := t.doc.Target.String() + " "
	switch t.outcome {
	case outcomeSame:
		text += "unchanged"
	case outcomeWould:
		text += "would be applied (dry-run)"
	case outcomeApplied:
		text += fmt.Sprintf("applied (version %s)", watch.Sanitize(t.result.ResourceVersion))
	default:
		text += t.outcome
	}
	if _, err := fmt.Fprintln(e.out, text); err != nil {
		return err
	}
	return e.sayChecks(t)
}

// sayChecks prints the guard's marks of a dry-run.
func (e *edit) sayChecks(t *attempt) error {
	if !e.options.dryRun {
		return nil
	}
	for _, c := range t.checks {
		if _, err := fmt.Fprintf(e.out, "  %-7s  %-13s  %s\n", verdictNames[c.Verdict], c.Condition, watch.Sanitize(c.Reason)); err != nil {
			return err
		}
	}
	return nil
}

// follow waits until the kinds of the documents are watched live, or can't be; the guard says what is missing.
func (e *edit) follow(ctx context.Context) {
	if !slices.ContainsFunc(e.attempts, func(t *attempt) bool { return t.outcome != outcomeSame }) {
		return // nothing would be written
	}
	v, err := e.complete(ctx, e.session)
	if v == nil {
		return
	}
	var lacks *partialError
	if errors.As(err, &lacks) && !e.json() {
		for _, m := range lacks.missing {
			fmt.Fprintf(e.errOut, "note: %s\n", watch.SanitizeText(m))
		}
	}
	ctx, cancel := context.WithTimeout(ctx, followWithin)
	defer cancel()
	_, _ = e.session.await(ctx, func(v *engine.View) bool { // a watch that doesn't come is the guard's to name
		return !slices.ContainsFunc(v.Health.Watchers, func(s *watch.Status) bool {
			return s.Phase == watch.Queued || s.Phase == watch.Listing
		})
	})
}
