package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/discovery"

	"orka/apply"
	"orka/engine"
	"orka/watch"
)

// document is one object of a file with what it stands for on the server.
type document struct {
	apply.Target
	file *apply.File
	// watched is the kind that the engine follows the object by: that of the target, or the one whose objects the
	// target's are, in the version that the server prefers.
	watched *watch.Kind
}

// where is the document's place: "web.yaml:12".
func (d *document) where() string { return place(d.file) }

func place(f *apply.File) string {
	if f.Line > 0 {
		return fmt.Sprintf("%s:%d", f.Name, f.Line)
	}
	return f.Name
}

// gvkOf is the kind that a document names.
func gvkOf(f *apply.File) watch.GVK {
	g := f.Object.GroupVersionKind()
	return watch.GVK{Group: g.Group, Version: g.Version, Kind: g.Kind}
}

// lookUp finds what serves a document's kind: the kind in just that version, if known, and the one that is watched for
// it. exact is nil where the group is served in another version.
func lookUp(served *engine.Served, gvk watch.GVK) (exact, watched *watch.Kind) {
	for _, k := range served.Kinds {
		if k.GVK == gvk {
			return k, k
		}
		if k.Group == gvk.Group && k.Kind == gvk.Kind && watched == nil {
			watched = k
		}
	}
	for _, a := range served.Aliases {
		if a.Kind.GVK == gvk {
			return a.Kind, a.Of
		}
		if a.Kind.Group == gvk.Group && a.Kind.Kind == gvk.Kind && watched == nil {
			watched = a.Of
		}
	}
	return nil, watched
}

// watchedFor selects the kinds that an engine must follow for the documents.
func watchedFor(files []*apply.File) func(engine.Served) []*watch.Kind {
	return func(served engine.Served) []*watch.Kind {
		var out []*watch.Kind
		for _, f := range files {
			if _, k := lookUp(&served, gvkOf(f)); k != nil && !slices.Contains(out, k) {
				out = append(out, k)
			}
		}
		return out
	}
}

// namespacesOf are the namespaces that the documents name; home stands in where one names none.
func namespacesOf(files []*apply.File, home string) []string {
	var out []string
	for _, f := range files {
		ns := f.Object.GetNamespace()
		if ns == "" {
			ns = home
		}
		if !slices.Contains(out, ns) {
			out = append(out, ns)
		}
	}
	return out
}

// documents finds what each file's objects stand for. Every one that stands for nothing is named in the error.
func (a *app) documents(ctx context.Context, v *engine.View, src *source, files []*apply.File) ([]*document, error) {
	var out []*document
	var bad []error
	first := map[string]*document{}
	for _, f := range files {
		d, err := a.document(ctx, v, src, f)
		if err == nil {
			key := d.watched.ResourceName() + " " + d.Namespace + "/" + d.Name
			if other := first[key]; other != nil {
				err = badFilef("%s: %s is named twice, first at %s", d.where(), d.Target, other.where())
			}
			first[key] = d
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if err != nil {
			bad = append(bad, err)
			continue
		}
		out = append(out, d)
	}
	return out, errors.Join(bad...)
}

func (a *app) document(ctx context.Context, v *engine.View, src *source, f *apply.File) (*document, error) {
	at, gvk, o := place(f), gvkOf(f), f.Object
	if err := checkName(o.GetName()); err != nil { // that there is one, ParseFiles has seen to
		return nil, badFilef("%s: .metadata.name: %w", at, errors.Unwrap(err))
	}
	kind, watched := lookUp(&v.Health.Served, gvk)
	if kind == nil {
		var err error
		if kind, err = otherVersion(ctx, src, watched, gvk); err != nil {
			return nil, err
		}
	}
	if kind == nil {
		return nil, badFilef("%s: %s", at, unknownKind(v, gvk))
	}
	if !kind.Verbs.Has(watch.VerbGet | watch.VerbPatch) {
		return nil, fmt.Errorf("%s: %w", at, cantBe("applied to", kind))
	}
	d := &document{Target: apply.Target{Kind: kind, Name: o.GetName()}, file: f, watched: watched}
	own, asked := o.GetNamespace(), *a.kube.Namespace
	switch {
	case !kind.Namespaced && own != "":
		return nil, badFilef("%s: %s have no namespace; take metadata.namespace away", at, kind.ResourceName())
	case !kind.Namespaced:
	case own != "" && asked != "" && own != asked:
		return nil, badFilef("%s: %s %s is in namespace %s, and -n says %s; leave one of them out", at, kind.ResourceName(), d.Name, cutName(own), asked)
	case own != "":
		if err := checkName(own); err != nil {
			return nil, badFilef("%s: .metadata.namespace: %w", at, errors.Unwrap(err))
		}
		d.Namespace = own
	case asked != "":
		d.Namespace = asked
	default:
		d.Namespace = src.namespace
	}
	return d, nil
}

// otherVersion is a kind in a version other than the one that the server prefers; nil where it doesn't serve it. One
// request: discovery keeps the preferred versions only.
func otherVersion(ctx context.Context, src *source, preferred *watch.Kind, gvk watch.GVK) (*watch.Kind, error) {
	if preferred == nil {
		return nil, nil
	}
	client, err := discovery.NewDiscoveryClientForConfigAndClient(src.client.Config(), src.client.HTTP())
	if err != nil {
		return nil, fmt.Errorf("discovery: %w", err)
	}
	list, err := client.ServerResourcesForGroupVersionWithContext(ctx, gvk.GroupVersion())
	if discovery.IsGroupDiscoveryFailedError(err) || apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("discovery of %s: %w", gvk.GroupVersion(), err)
	}
	for _, r := range list.APIResources {
		if r.Kind != gvk.Kind || strings.Contains(r.Name, "/") {
			continue
		}
		return &watch.Kind{
			GVK: gvk, Resource: r.Name, Singular: r.SingularName, ShortNames: r.ShortNames, Categories: r.Categories,
			Namespaced: r.Namespaced, Verbs: watch.ParseVerbs(r.Verbs), Columns: preferred.Columns,
		}, nil
	}
	return nil, nil
}

// unknownKind says that no kind is served as a document names it, and which may have been meant.
func unknownKind(v *engine.View, gvk watch.GVK) string {
	var other, all []string
	for _, k := range everyName(v.Health.Served) {
		if strings.EqualFold(k.Kind, gvk.Kind) {
			other = append(other, "apiVersion "+k.GroupVersion()+", kind "+k.Kind)
		}
		all = append(all, k.Kind)
	}
	hint := didYouMean(gvk.Kind, all)
	if len(other) > 0 {
		hint = "; did you mean " + watch.Sanitize(strings.Join(other, " or ")) + "?"
	}
	return fmt.Sprintf("the cluster serves no kind %s of %s%s%s; `orka discover` lists all kinds", cutName(gvk.Kind), cutName(gvk.GroupVersion()), hint, notAnswering(v))
}
