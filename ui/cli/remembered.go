package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"orka/apply"
	"orka/apply/history"
	"orka/engine"
	"orka/watch"
	"orka/watch/kube"
)

// remembered is what the history holds of one object.
type remembered struct {
	store     *history.Store
	resource  string
	kind      *watch.Kind // as it is served; nil when the server can't be reached
	namespace string
	name      string
	entries   []history.Entry // newest first
	// base is the live object; nil when it could not be read.
	base *apply.Base
}

func (m *remembered) String() string {
	if m.namespace == "" {
		return m.resource + " " + m.name
	}
	return m.resource + " " + m.namespace + "/" + m.name
}

// remember opens the history, and asks the server for the object where it can be reached.
func (a *app) remember(ctx context.Context, command string, words []string) (*session, *remembered, error) {
	kindName, name, ok := "", "", false
	if len(words) > 0 && len(words) <= 2 {
		kindName, name, ok = splitKindName(words)
	}
	if !ok {
		return nil, nil, usagef("%s: want KIND NAME or KIND/NAME", command)
	}
	if err := checkName(name); err != nil {
		return nil, nil, err
	}
	if a.allNamespaces {
		return nil, nil, usagef("%s: want -n NAMESPACE instead of -A", command)
	}
	s, err := a.start(ctx, oneShot(func(c *engine.Config, _ *source) { c.Select = nothing }))
	if err != nil {
		return nil, nil, err
	}
	m := &remembered{name: name, namespace: a.namespaceOf(s.source)}
	if err = m.recall(ctx, a, s, kindName); err != nil {
		_ = s.close() // the reason is the one to tell
		return nil, nil, err
	}
	return s, m, nil
}

// recall fills it. A server that can't be reached is no error.
func (m *remembered) recall(ctx context.Context, a *app, s *session, kindName string) (err error) {
	if m.store, err = s.History(); err != nil {
		return err
	}
	m.kind, err = a.kindInTime(ctx, s, kindName)
	var usage usageError
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.As(err, &usage): // the server serves no such kind; it may have, once
		if m.findByName(ctx, s, kindName) != nil {
			return err
		}
		fmt.Fprintln(a.errOut, "note: the cluster no longer serves this kind; what follows is the history's")
		return nil
	case err != nil:
		fmt.Fprintf(a.errOut, "note: %s; what follows is the history's\n", errorText(err))
		return m.findByName(ctx, s, kindName)
	}
	m.resource = m.kind.ResourceName()
	if !m.kind.Namespaced {
		m.namespace = ""
	}
	if err := m.find(ctx, s); err != nil {
		return err
	}
	return m.read(ctx, a, s)
}

// read reads the live object; that it can't be is no error.
func (m *remembered) read(ctx context.Context, a *app, s *session) (err error) {
	t := apply.Target{Kind: m.kind, Namespace: m.namespace, Name: m.name}
	m.base, err = s.FileBase(ctx, t)
	var denied *apply.PermissionError
	if errors.As(err, &denied) && denied.Verb != "get" && !kube.IsSecret(m.kind) {
		m.base, err = s.looked(ctx, t)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		m.base = nil
		fmt.Fprintf(a.errOut, "note: %s; what was applied can't be compared with it\n", errorText(err))
	}
	return nil
}

// kindInTime resolves a kind at the server, which gets reachWithin to answer.
func (a *app) kindInTime(ctx context.Context, s *session, name string) (*watch.Kind, error) {
	within := &timeoutError{after: reachWithin}
	ctx, cancel := context.WithTimeoutCause(ctx, reachWithin, fmt.Errorf("%s did not answer within %s", s.source.info.Cluster, within.after))
	defer cancel()
	v, err := a.connected(ctx, s)
	if err != nil {
		return nil, err
	}
	return resolve(v, name)
}

// find reads the entries of the object.
func (m *remembered) find(ctx context.Context, s *session) error {
	var err error
	m.entries, err = m.store.Find(ctx, history.Query{Cluster: s.Config().Identity.Cluster, Resource: m.resource, Namespace: m.namespace, Name: m.name, Limit: maxEntries})
	if err != nil || m.namespace != "" {
		return err
	}
	m.entries = slices.DeleteFunc(m.entries, func(e history.Entry) bool { return e.Intent.Namespace != "" }) // "" asks for any
	return nil
}

// looked is FileBase for those who may look and not write.
func (s *session) looked(ctx context.Context, t apply.Target) (*apply.Base, error) {
	raw, err := s.Fetch(ctx, t.Kind, t.Namespace, t.Name)
	if kube.IsNotFound(err) {
		return &apply.Base{Target: t, Absent: true}, nil
	}
	if err != nil {
		return nil, err
	}
	o := &unstructured.Unstructured{}
	if err := o.UnmarshalJSON(raw); err != nil {
		return nil, fmt.Errorf("%s: %w", t, err)
	}
	return &apply.Base{Target: t, UID: string(o.GetUID()), ResourceVersion: o.GetResourceVersion(), Object: o}, nil
}

// findByName is find where the server does not say which kind a name means: the newest entry that it fits says so.
func (m *remembered) findByName(ctx context.Context, s *session, kindName string) error {
	found, err := m.store.Find(ctx, history.Query{Cluster: s.Config().Identity.Cluster, Name: m.name, Limit: maxEntries})
	if err != nil {
		return err
	}
	var others []string
	for _, e := range found {
		if e.Intent.Namespace != "" && e.Intent.Namespace != m.namespace {
			continue
		}
		if recordedKind(e.Intent).Answers(kindName) {
			m.resource, m.namespace = e.Intent.Resource, e.Intent.Namespace
			return m.find(ctx, s)
		}
		if !slices.Contains(others, e.Intent.Resource) {
			others = append(others, e.Intent.Resource)
		}
	}
	hint := ""
	if len(others) > 0 {
		hint = fmt.Sprintf("; it has a %s among %s (without the server short names are not known)", m.name, strings.Join(others, ", "))
	}
	return fmt.Errorf("the history has no %q of the kind %q%s", cutName(m.name), cutName(kindName), hint)
}

// maxEntries bounds what is read of an object's history.
const maxEntries = 1000

// recordedKind is the kind of an entry, as far as it was recorded.
func recordedKind(i history.Intent) *watch.Kind {
	plural, group, _ := strings.Cut(i.Resource, ".")
	version, kind, _ := strings.Cut(strings.TrimPrefix(i.Kind, group+"/"), "/")
	return &watch.Kind{GVK: watch.GVK{Group: group, Version: version, Kind: kind}, Resource: plural, Singular: strings.ToLower(kind), Namespaced: i.Namespace != ""}
}

// versions are the kept versions of the object, newest first; those of earlier objects of the name come after.
func (m *remembered) versions(ctx context.Context) ([]history.Version, error) {
	var out []history.Version
	var seen []string
	for _, e := range m.entries {
		uid := e.Intent.UID
		if uid == "" || slices.Contains(seen, uid) {
			continue
		}
		seen = append(seen, uid)
		kept, err := m.store.Versions(ctx, uid)
		if err != nil {
			return nil, err
		}
		out = append(out, kept...)
	}
	return out, nil
}

// entry is the one that a version was written by; nil when it is kept no longer.
func (m *remembered) entry(v history.Version) *history.Entry {
	for i := range m.entries {
		if m.entries[i].ID == v.ID {
			return &m.entries[i]
		}
	}
	return nil
}

// newest is the last applied version, or the error that says there is none.
func (m *remembered) newest(ctx context.Context, s *session, version string) (history.Version, error) {
	kept, err := m.versions(ctx)
	if err != nil {
		return history.Version{}, err
	}
	var have []string
	for _, v := range kept {
		if version == "" || v.Version == version {
			return v, nil
		}
		have = append(have, v.Version)
	}
	if len(have) > 0 {
		return history.Version{}, fmt.Errorf("%s: version %q is not kept; the history has %s", m, cutName(version), strings.Join(have, ", "))
	}
	if len(m.entries) > 0 {
		return history.Version{}, fmt.Errorf("%s: none of the recorded applies has left a version; `orka last-applied get --all` lists them", m)
	}
	return history.Version{}, fmt.Errorf("%s: orka has applied nothing to it, as far as %s knows", m, s.Config().DBPath)
}

// The verdicts of a comparison with the live object.
const (
	matchSame    = "same"
	matchDiffers = "differs"
	matchGone    = "gone"
	matchAnew    = "recreated"
	matchUnknown = "unknown"
)

// match compares a version with the live object.
func (m *remembered) match(v history.Version) string {
	switch {
	case m.base == nil:
		return matchUnknown
	case m.base.Absent:
		return matchGone
	case m.base.UID != v.UID:
		return matchAnew
	case v.Digest == "":
		d, err := apply.Drift(m.base, v.Object)
		switch {
		case err != nil:
			return matchUnknown
		case d.Empty():
			return matchSame
		}
		return matchDiffers
	}
	live, err := json.Marshal(m.base.Object)
	if err != nil {
		return matchUnknown
	}
	if m.store.Same(v, live) {
		return matchSame
	}
	return matchDiffers
}
