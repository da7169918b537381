package apply

import (
	"reflect"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"orka/watch/kube"
)

// checkIdentity refuses a document that is of another object than t; apiVersion, kind and name must be written.
func checkIdentity(t Target, d *document) error {
	obj := d.object.Object
	meta, ok := obj["metadata"].(map[string]any)
	if !ok && obj["metadata"] != nil {
		return d.fail(names("metadata"), "this must be an object")
	}
	for _, want := range []struct {
		in    map[string]any
		path  fieldpath.Path
		value string
	}{
		{obj, names("apiVersion"), t.Kind.GroupVersion()},
		{obj, names("kind"), t.Kind.Kind},
		{meta, names("metadata", "name"), t.Name},
		{meta, names("metadata", "namespace"), t.Namespace},
	} {
		last := *want.path[len(want.path)-1].FieldName
		got, ok := want.in[last]
		switch {
		case !ok && last == "namespace", ok && got == want.value:
		case !ok:
			return d.fail(want.path, "this is missing; it must be %q", want.value)
		case last == "namespace" && want.value == "":
			return d.fail(want.path, "%s have no namespace", t.Kind.ResourceName())
		default:
			return d.fail(want.path, "this can't be changed: it is %q", want.value)
		}
	}
	return nil
}

// dropReadOnly takes what only the server sets out of an edited object, where it is as in the live one; any other value
// is refused. It returns what is left.
func dropReadOnly(b *Base, d *document) (*unstructured.Unstructured, error) {
	edited, live := d.object.DeepCopy().Object, b.Object.Object
	meta, _ := edited["metadata"].(map[string]any)
	liveMeta, _ := live["metadata"].(map[string]any)
	for _, name := range serverMetadata {
		v, ok := meta[name]
		if !ok {
			continue
		}
		if v != nil && !reflect.DeepEqual(v, liveMeta[name]) {
			path := names("metadata", name)
			if name == "uid" {
				return nil, d.fail(path, "this is the uid of another object: %v, not %v", v, liveMeta[name])
			}
			return nil, d.fail(path, "only the server sets this; take the line away")
		}
		delete(meta, name)
	}
	if v, ok := edited["status"]; ok {
		if v != nil && !reflect.DeepEqual(v, live["status"]) {
			return nil, d.fail(names("status"), "the status is written by controllers and can't be edited; take it away")
		}
		delete(edited, "status")
	}
	if annotations, ok := meta["annotations"].(map[string]any); ok && kube.IsSecret(b.Kind) {
		liveAnnotations, _ := liveMeta["annotations"].(map[string]any)
		if v, ok := annotations[corev1.LastAppliedConfigAnnotation]; ok {
			if !reflect.DeepEqual(v, liveAnnotations[corev1.LastAppliedConfigAnnotation]) {
				return nil, d.fail(names("metadata", "annotations", corev1.LastAppliedConfigAnnotation), "kubectl apply writes this; take the line away")
			}
			delete(annotations, corev1.LastAppliedConfigAnnotation)
		}
	}
	if b.Namespace != "" {
		meta["namespace"] = b.Namespace
	}
	return &unstructured.Unstructured{Object: edited}, nil
}

// names is a path of fields.
func names(fields ...string) fieldpath.Path {
	var p fieldpath.Path
	for _, f := range fields {
		p = append(p, fieldpath.FieldNameElement(f))
	}
	return p
}

// fail is a DraftError at a path.
func (d *document) fail(path fieldpath.Path, format string, args ...any) *DraftError {
	line, column := d.position(path)
	return draftError(line, column, path.String(), format, args...)
}
