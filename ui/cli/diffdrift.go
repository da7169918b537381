package cli

import (
	"context"
	"fmt"

	"orka/apply"
	"orka/apply/history"
	"orka/engine"
	"orka/watch"
)

// diffLastApplied compares objects with the versions that orka applied last.
func (a *app) diffLastApplied(ctx context.Context, o diffOptions, words []string) (err error) {
	var s *session
	var all []*remembered
	switch {
	case len(o.files.names) > 0 && len(words) > 0:
		return usagef("diff --last-applied: want -f FILE or KIND NAME, not both")
	case len(o.files.names) > 0:
		s, all, err = a.rememberFiles(ctx, o.files)
	default:
		var one *remembered
		s, one, err = a.remember(ctx, "diff --last-applied", words)
		all = []*remembered{one}
	}
	if err != nil {
		return err
	}
	defer s.closeWith(&err)
	out, err := a.newDiffOutput(o.format)
	if err != nil {
		return err
	}
	defer out.close()
	for _, m := range all {
		if err := out.drift(ctx, m, s); err != nil {
			return err
		}
	}
	return out.end(ctx)
}

// rememberFiles is remember for the objects that files name.
func (a *app) rememberFiles(ctx context.Context, f fileFlags) (*session, []*remembered, error) {
	if a.allNamespaces {
		return nil, nil, errNoAll("diff --last-applied")
	}
	files, err := f.read(ctx, a)
	if err != nil {
		return nil, nil, err
	}
	s, err := a.start(ctx, oneShot(func(c *engine.Config, _ *source) { c.Select = nothing }))
	if err != nil {
		return nil, nil, err
	}
	all, err := a.recallFiles(ctx, s, files)
	if err != nil {
		_ = s.close() // the reason is the one to tell
		return nil, nil, err
	}
	return s, all, nil
}

func (a *app) recallFiles(ctx context.Context, s *session, files []*apply.File) ([]*remembered, error) {
	store, err := s.History()
	if err != nil {
		return nil, err
	}
	v, err := a.connected(ctx, s)
	if err != nil {
		return nil, err
	}
	docs, err := a.documents(ctx, v, s.source, files)
	if err != nil {
		return nil, err
	}
	var all []*remembered
	for _, d := range docs {
		m := &remembered{store: store, kind: d.Kind, resource: d.Kind.ResourceName(), namespace: d.Namespace, name: d.Name}
		if err := m.find(ctx, s); err != nil {
			return nil, err
		}
		if err := m.read(ctx, a, s); err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	return all, nil
}

// driftReport is a line of diff --last-applied -o json.
type driftReport struct {
	Target  reportTarget `json:"target"`
	Applied *record      `json:"applied,omitempty"`
	Changed bool         `json:"changed"`
	Diff    string       `json:"diff"`
	Error   *reportError `json:"error,omitempty"`
}

// drift takes one object's comparison with what was applied last.
func (o *diffOutput) drift(ctx context.Context, m *remembered, s *session) error {
	r := driftReport{Target: m.target()}
	v, err := m.newest(ctx, s, "")
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var d *apply.Diff
	if err == nil {
		applied := m.record(v, m.entry(v))
		r.Applied = &applied
		if !o.json {
			fmt.Fprintln(o.a.errOut, watch.Sanitize(m.sentence(v, applied)))
		}
		d, r.Changed, err = m.drift(v, applied.Live)
	}
	if err != nil {
		o.note(ctx, err)
		r.Error = errorReport(ctx, err)
	}
	o.differs = o.differs || r.Changed
	file := m.fileName()
	switch {
	case o.json:
		r.Diff = plainDiff("APPLIED/"+file, "LIVE/"+file, d)
		return o.a.emit(r)
	case d == nil:
		return nil
	case o.external != nil:
		return o.external.add(file, d.Before, d.After)
	}
	return o.a.unified(o.a.out).write("APPLIED/"+file, "LIVE/"+file, d)
}

// drift compares a version with the live object; the Diff is nil where there is nothing to print.
func (m *remembered) drift(v history.Version, live string) (d *apply.Diff, differs bool, err error) {
	switch {
	case live == matchUnknown:
		return nil, false, fmt.Errorf("%s could not be read", m)
	case live == matchGone:
		return nil, true, nil
	case v.Digest != "":
		return nil, live != matchSame, nil
	}
	if d, err = apply.Drift(m.base, v.Object); err != nil {
		return nil, false, err
	}
	return d, !d.Empty() || live == matchAnew, nil
}

func (m *remembered) target() reportTarget {
	t := reportTarget{Resource: m.resource, Namespace: m.namespace, Name: m.name}
	if m.kind != nil {
		t.APIVersion, t.Kind = m.kind.GroupVersion(), m.kind.Kind
	}
	return t
}

func (m *remembered) fileName() string {
	if m.kind == nil {
		return m.resource + "." + m.namespace + "." + m.name
	}
	return fileName(apply.Target{Kind: m.kind, Namespace: m.namespace, Name: m.name})
}
