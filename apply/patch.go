package apply

import (
	"encoding/json"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
	"sigs.k8s.io/structured-merge-diff/v6/merge"
	"sigs.k8s.io/structured-merge-diff/v6/typed"
	"sigs.k8s.io/structured-merge-diff/v6/value"

	"orka/watch/kube"
)

// patch is an intent as it is sent.
type patch struct {
	Route   Route
	Body    []byte
	Notices []string
}

// newPatch says an intent in the server's terms: by server-side apply where that does what is meant, and otherwise as one
// JSON Patch. Both bear uid and resourceVersion of the base.
func newPatch(t *typer, b *Base, i *Intent) (patch, error) {
	t = i.typer(t)
	local := carriedOut(t, b, i)
	if i.RemoveForeign.Empty() {
		config := applyConfiguration(t, b, i, local)
		ok := b.Absent || i.whole
		if !ok {
			_, ok = merged(t, b, i, config, local)
		}
		if ok {
			body, err := json.Marshal(config)
			if err != nil {
				return patch{}, fmt.Errorf("%s: %w", i.Target, err)
			}
			return patch{Route: ServerSideApply, Body: kube.EscapeJSON(body)}, nil
		}
	}
	body, err := newJSONPatch(t, b, i, local)
	if err != nil {
		return patch{}, fmt.Errorf("%s: %w", i.Target, err)
	}
	return patch{Route: JSONPatch, Body: body}, nil
}

// applyConfiguration is the body of a server-side apply: what orka's applies own already and does not go, and what the
// intent sets. A file is all of it.
func applyConfiguration(t *typer, b *Base, i *Intent, local *unstructured.Unstructured) map[string]any {
	var config map[string]any
	if i.whole {
		config = t.project(i.Edited.Object, i.Set)
	} else {
		kept := appliedSet(ownersOf(b.Object)).RecursiveDifference(i.RemoveOwn)
		config = t.project(local.Object, kept.Union(i.Set))
		delete(config, "status")
	}
	config["apiVersion"], config["kind"] = i.Kind.GroupVersion(), i.Kind.Kind
	meta, _ := config["metadata"].(map[string]any)
	if meta == nil {
		meta = map[string]any{}
		config["metadata"] = meta
	}
	for _, name := range serverMetadata {
		delete(meta, name)
	}
	meta["name"] = i.Name
	if i.Namespace != "" {
		meta["namespace"] = i.Namespace
	}
	if !b.Absent {
		meta["uid"], meta["resourceVersion"] = b.UID, b.ResourceVersion
	}
	return config
}

// merged is what the server makes of a configuration, by its own algorithm; not ok when that is not what is meant, as when
// an object is left empty (a merge then drops it) or when items are there twice.
func merged(t *typer, b *Base, i *Intent, config map[string]any, local *unstructured.Unstructured) (*unstructured.Unstructured, bool) {
	version := fieldpath.APIVersion(i.Kind.GroupVersion())
	managers := fieldpath.ManagedFields{}
	for n, o := range ownersOf(b.Object) {
		name := fmt.Sprintf("%d %s", n, o.manager)
		if o.applied() {
			if fieldpath.APIVersion(o.apiVersion) != version {
				return nil, false // its paths may mean something else in this version
			}
			name = FieldManager
		}
		managers[name] = fieldpath.NewVersionedSet(o.set, version, o.apply)
	}
	live, err := t.typed(unmanaged(b.Object))
	if err != nil {
		return nil, false
	}
	applied, err := typed.AsTyped(value.NewValueInterface(runtime.DeepCopyJSON(config)), t.schema, t.ref)
	if err != nil {
		return nil, false
	}
	updater := (&merge.UpdaterBuilder{Converter: sameVersion{}, ReturnInputOnNoop: true}).BuildUpdater()
	result, _, err := updater.Apply(live, applied, version, managers, FieldManager, true)
	if err != nil {
		return nil, false
	}
	object, ok := result.AsValue().Unstructured().(map[string]any)
	if !ok {
		return nil, false
	}
	want, err := t.typed(unmanaged(local))
	if err != nil {
		return nil, false
	}
	object = runtime.DeepCopyJSON(object)
	t.dropNulls(t.ref, object, local.Object)
	out := &unstructured.Unstructured{Object: object}
	got, err := t.typed(out)
	if err != nil {
		return nil, false
	}
	if c, err := want.Compare(got); err != nil || !c.IsSame() {
		return nil, false
	}
	if managed, ok, _ := unstructured.NestedFieldNoCopy(b.Object.Object, "metadata", "managedFields"); ok {
		if meta, ok := object["metadata"].(map[string]any); ok {
			meta["managedFields"] = managed
		}
	}
	return out, true
}

// unmanaged is an object without managedFields, sharing all else.
func unmanaged(obj *unstructured.Unstructured) *unstructured.Unstructured {
	out := shallow(obj.Object)
	if meta, ok := out["metadata"].(map[string]any); ok {
		meta = shallow(meta)
		delete(meta, "managedFields")
		out["metadata"] = meta
	}
	return &unstructured.Unstructured{Object: out}
}

// sameVersion is the converter of a merge within one version.
type sameVersion struct{}

// Convert leaves the object as it is.
func (sameVersion) Convert(v *typed.TypedValue, _ fieldpath.APIVersion) (*typed.TypedValue, error) {
	return v, nil
}

// IsMissingVersionError is never so.
func (sameVersion) IsMissingVersionError(error) bool { return false }
