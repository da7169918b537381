package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"orka/apply"
	"orka/engine"
)

// diffOptions are the flags of diff.
type diffOptions struct {
	files       fileFlags
	format      format
	lastApplied bool
}

// diffCommand prints what an apply would change.
func (a *app) diffCommand() *cobra.Command {
	var o diffOptions
	cmd := &cobra.Command{
		Use:   "diff (-f FILE | --last-applied KIND NAME)",
		Short: "Print what applying a file would change, or what changed since orka applied last",
		Long: `diff -f prints the difference between each object of the files as it is on the server and as it
would be stored: the server itself says so, by a dry-run of a server-side apply as manager orka.
Nothing is written. Fields that other managers own are named on stderr.

diff --last-applied prints the difference between the version that orka applied last, as its
history has it, and the object as it is now: what others have changed since. It takes KIND NAME, or
-f for the objects of files.

KUBECTL_EXTERNAL_DIFF names another program to compare with, as for kubectl.

Exit codes: 0 nothing differs, 1 something differs, 2 the command line or a file is wrong, 3 any
other error. Values of Secrets are masked.`,
		Example: "  orka diff -f web.yaml\n  kustomize build . | orka diff -f -\n  orka diff -R -f manifests -n shop\n  orka diff --last-applied deploy web -n shop",
		Args:    cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, words []string) error {
			switch {
			case o.lastApplied:
				return a.diffLastApplied(cmd.Context(), o, words)
			case len(words) > 0:
				return usagef("diff: unexpected %q; objects are named by -f FILE, or by KIND NAME with --last-applied", cutName(words[0]))
			case len(o.files.names) == 0:
				return usagef("diff: want -f FILE; - is stdin")
			case a.allNamespaces:
				return errNoAll("diff")
			}
			return a.diff(cmd.Context(), o)
		},
		ValidArgsFunction: a.completeKinds,
		Annotations:       map[string]string{oneDiffers: "true"},
	}
	o.files.add(cmd)
	formatFlag(cmd, &o.format, formatHuman, formatJSON)
	cmd.Flags().BoolVar(&o.lastApplied, "last-applied", false, "compare with the version that orka applied last, not with a file")
	return cmd
}

func errNoAll(command string) error {
	return usagef("%s: -A names no namespace; the documents do, or -n NAMESPACE", command)
}

func (a *app) diff(ctx context.Context, o diffOptions) (err error) {
	files, err := o.files.read(ctx, a)
	if err != nil {
		return err
	}
	s, err := a.start(ctx, oneShot(func(c *engine.Config, _ *source) { c.Select = nothing }))
	if err != nil {
		return err
	}
	defer s.closeWith(&err)
	v, err := a.connected(ctx, s)
	if err != nil {
		return err
	}
	docs, err := a.documents(ctx, v, s.source, files)
	if err != nil {
		return err
	}
	out, err := a.newDiffOutput(o.format)
	if err != nil {
		return err
	}
	defer out.close()
	for _, d := range docs {
		t := s.try(ctx, d, apply.Consent{}, true)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := out.attempt(ctx, t); err != nil {
			return err
		}
	}
	return out.end(ctx)
}

// diffOutput gathers differences and says them in the end by the exit code.
type diffOutput struct {
	a        *app
	json     bool
	external *externalDiff // nil: the differences are printed
	differs  bool
	exit     int // of the worst error; 0 is none
	failed   int // documents that could not be compared
}

func (a *app) newDiffOutput(f format) (*diffOutput, error) {
	out := &diffOutput{a: a, json: f.name == formatJSON}
	if out.json {
		return out, nil
	}
	var err error
	out.external, err = a.newExternalDiff()
	return out, err
}

func (o *diffOutput) close() {
	if o.external != nil {
		o.external.close()
	}
}

// attempt takes one document's preview.
func (o *diffOutput) attempt(ctx context.Context, t *attempt) error {
	if !o.json {
		o.a.remarks(t)
	}
	if t.err != nil {
		o.note(ctx, t.err)
	} else if t.preview != nil && !t.preview.Diff.Empty() {
		o.differs = true
	}
	switch {
	case o.json:
		if t.err == nil && t.preview != nil && t.preview.Diff.Empty() {
			t.outcome = outcomeSame // who owns what is not among the differences
		}
		return o.a.emit(t.report(ctx))
	case t.err != nil:
		return nil
	case o.external != nil:
		return o.hand(t)
	case t.preview == nil:
		return nil
	}
	return o.a.printDiff(o.a.out, t.doc.Target, t.base.Absent, t.preview.Diff)
}

// hand gives an object's two texts to the other program; one that is the same, too, as kubectl does.
func (o *diffOutput) hand(t *attempt) error {
	name := fileName(t.doc.Target)
	if t.preview == nil {
		same, err := apply.Unchanged(t.base)
		if err != nil {
			return err
		}
		return o.external.add(name, same.Before, same.After)
	}
	before := t.preview.Diff.Before
	if t.base.Absent {
		before = ""
	}
	return o.external.add(name, before, t.preview.Diff.After)
}

// note keeps an error and, for a person, prints it.
func (o *diffOutput) note(ctx context.Context, err error) {
	o.failed++
	_, exit := refusal(ctx, err)
	if exit != ExitUsage || o.exit == ExitPartial {
		exit = ExitPartial
	}
	o.exit = exit
	if !o.json {
		o.a.complain(err)
	}
}

// end is the command's answer.
func (o *diffOutput) end(ctx context.Context) error {
	if o.external != nil {
		differs, err := o.external.run(ctx, o.a.out, o.a.errOut)
		if err != nil {
			return err
		}
		o.differs = differs
	}
	switch {
	case o.failed > 0:
		return &exitError{o.exit, fmt.Errorf("%s could not be compared", counted(o.failed, "object"))}
	case o.differs:
		return &exitError{code: ExitDiffers}
	}
	return nil
}

// counted is "1 object", "3 objects".
func counted(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}
