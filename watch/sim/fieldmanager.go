package sim

import (
	"fmt"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	crdapply "k8s.io/apiextensions-apiserver/pkg/client/applyconfiguration"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/managedfields"
	clientapply "k8s.io/client-go/applyconfigurations"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

// Field ownership is apimachinery's pkg/util/managedfields, which is what the real server runs: this file only gives it
// what it asks for. Schemas of built-in kinds are those that client-go's apply configurations were generated from.

// fieldManagers makes the field managers of one served resource when they are first needed: reading the schemas of the
// built-in kinds takes a fifth of a second, which a server that nobody writes to should not pay.
type fieldManagers struct {
	mu   sync.Mutex
	made map[string]*managedfields.FieldManager // by subresource
}

// fieldManager is that of the main resource (sub "") or of a subresource.
func (sv *served) fieldManager(sub string) (*managedfields.FieldManager, error) {
	f := &sv.managers
	f.mu.Lock()
	defer f.mu.Unlock()
	if m := f.made[sub]; m != nil {
		return m, nil
	}
	m, err := sv.newFieldManager(sub)
	if err != nil {
		return nil, fmt.Errorf("sim: field ownership of %s: %w", sv.gvk(), err)
	}
	if f.made == nil {
		f.made = map[string]*managedfields.FieldManager{}
	}
	f.made[sub] = m
	return m, nil
}

func (sv *served) newFieldManager(sub string) (*managedfields.FieldManager, error) {
	gvk, gv := sv.gvk(), sv.GroupVersion()
	reset := fieldpath.NewExcludeFilterSetMap(sv.resetFields(sub))
	if sv.goType != nil {
		kinds := builtinKinds{scheme}
		return managedfields.NewDefaultFieldManager(builtinTypes(gvk), kinds, builtinDefaults{}, scheme, gvk, gv, sub, reset)
	}
	kinds := customKinds{sv}
	return managedfields.NewDefaultCRDFieldManager(sv.types(), kinds, kinds, kinds, gvk, gv, sub, reset)
}

// builtinTypes is the schema of a kind with a Go type.
func builtinTypes(gvk schema.GroupVersionKind) managedfields.TypeConverter {
	types := clientapply.NewTypeConverter(scheme)
	switch {
	case gvk.Group == apiextensionsv1.GroupName:
		types = crdapply.NewTypeConverter(scheme)
	case gvk == scaleKind:
		types = scaleTypes
	}
	// Kinds that nobody applies have no apply configuration.
	empty := &unstructured.Unstructured{}
	empty.SetGroupVersionKind(gvk)
	if _, err := types.ObjectToTyped(empty); err != nil {
		return managedfields.NewDeducedTypeConverter()
	}
	return types
}

// types is the schema of a kind without a Go type: that of its definition, or what can be deduced from the values.
func (sv *served) types() managedfields.TypeConverter {
	if sv.custom != nil && sv.custom.types != nil {
		return sv.custom.types
	}
	return managedfields.NewDeducedTypeConverter()
}

// resetFields are the fields that a write to an endpoint can't own, because the server puts them back: the
// GetResetFields of the strategies in k8s.io/kubernetes/pkg/registry.
func (sv *served) resetFields(sub string) map[fieldpath.APIVersion]*fieldpath.Set {
	paths := [][]any{}
	switch {
	case sub == "status":
		paths = append(paths, []any{"spec"})
		switch {
		case sv.goType == nil || sv.keepsMetadata():
			paths = append(paths, []any{"metadata"})
		case sv.Kind == "Deployment":
			paths = append(paths, []any{"metadata", "labels"})
		case sv.Kind == "Pod":
			paths = append(paths, []any{"metadata", "deletionTimestamp"}, []any{"metadata", "ownerReferences"})
		case sv.Kind == "CustomResourceDefinition":
			paths = append(paths, []any{"metadata"})
		}
	case sv.Status:
		paths = append(paths, []any{"status"})
		if sv.Kind == "CertificateSigningRequest" {
			paths = append(paths, []any{"spec"})
		}
	}
	set := fieldpath.NewSet()
	for _, p := range paths {
		set.Insert(fieldpath.MakePathOrDie(p...))
	}
	return map[fieldpath.APIVersion]*fieldpath.Set{fieldpath.APIVersion(sv.GroupVersion().String()): set}
}

// keepsMetadata says of a built-in kind that writes to its status endpoint leave metadata alone; the others take labels and
// annotations there.
func (sv *served) keepsMetadata() bool {
	switch sv.Kind {
	case "FlowSchema", "PriorityLevelConfiguration", "ServiceCIDR", "VolumeAttachment", "ResourceClaim",
		"ValidatingAdmissionPolicy", "APIService":
		return true
	}
	return false
}

// builtinKinds converts between Go types and maps. Each built-in kind has one version here, so that entries
// of managedFields in another are dropped, as the real server drops those of versions it no longer has.
type builtinKinds struct{ *runtime.Scheme }

func (k builtinKinds) ConvertToVersion(in runtime.Object, target runtime.GroupVersioner) (runtime.Object, error) {
	kinds, _, err := k.ObjectKinds(in)
	if err != nil {
		return nil, err
	}
	if _, ok := target.KindForGroupVersionKinds(kinds); !ok {
		return nil, runtime.NewNotRegisteredErrForTarget(k.Name(), nil, target)
	}
	return k.Scheme.ConvertToVersion(in, target)
}

// ObjectKinds of a map is what it says itself.
func (k builtinKinds) ObjectKinds(in runtime.Object) ([]schema.GroupVersionKind, bool, error) {
	if u, ok := in.(*unstructured.Unstructured); ok {
		return []schema.GroupVersionKind{u.GroupVersionKind()}, false, nil
	}
	return k.Scheme.ObjectKinds(in)
}

// builtinDefaults fills in what the real server fills in.
type builtinDefaults struct{}

func (builtinDefaults) Default(in runtime.Object) { setDefaults(in) }

// customKinds makes, converts and defaults objects of a kind without a Go type. Conversion is that of strategy None.
type customKinds struct{ sv *served }

func (k customKinds) New(gvk schema.GroupVersionKind) (runtime.Object, error) {
	u := &unstructured.Unstructured{Object: map[string]any{}}
	u.SetGroupVersionKind(gvk)
	return u, nil
}

func (k customKinds) Default(in runtime.Object) {
	if u, ok := in.(*unstructured.Unstructured); ok {
		k.sv.custom.setDefaults(u)
	}
}

func (k customKinds) ConvertToVersion(in runtime.Object, target runtime.GroupVersioner) (runtime.Object, error) {
	u, ok := in.(*unstructured.Unstructured)
	if !ok {
		return nil, fmt.Errorf("sim: %T is not a map", in)
	}
	gvk := u.GroupVersionKind()
	if gvk.Empty() {
		gvk = k.sv.gvk()
	}
	to := gvk
	gv, ok := target.(schema.GroupVersion)
	if !ok || gv.Group != gvk.Group {
		return nil, runtime.NewNotRegisteredErrForTarget("custom", nil, target)
	}
	if to.Version = gv.Version; !k.sv.custom.hasVersion(k.sv, to.Version) {
		return nil, runtime.NewNotRegisteredErrForKind("custom", to)
	}
	out := u.DeepCopy()
	out.SetGroupVersionKind(to)
	k.sv.custom.prune(out)
	return out, nil
}

func (customKinds) Convert(in, out, _ any) error {
	return fmt.Errorf("sim: no conversion of %T to %T", in, out)
}

func (customKinds) ConvertFieldLabel(_ schema.GroupVersionKind, label, value string) (string, string, error) {
	return label, value, nil
}

// own brings doc, which manager made out of live, its managedFields. What does not fit the schema, and so is about to
// be refused, keeps those of live (UpdateNoErrors of the field manager, which logs as well).
func own(m *managedfields.FieldManager, live, doc document, manager string) document {
	out, err := m.Update(live, doc, manager)
	if err != nil {
		doc.SetManagedFields(live.GetManagedFields())
		return doc
	}
	return out.(document)
}

// managerName is the field manager of a request: the one it names, else what its User-Agent begins with
// (prefixFromUserAgent in k8s.io/apiserver/pkg/endpoints/handlers/create.go).
func (q *request) managerName() string {
	if name := q.query.Get("fieldManager"); name != "" {
		return name
	}
	agent, _, _ := strings.Cut(q.UserAgent(), "/")
	var b strings.Builder
	for _, r := range agent {
		if !unicode.IsPrint(r) {
			continue
		}
		if b.Len()+utf8.RuneLen(r) > validation.FieldManagerMaxLength {
			break
		}
		b.WriteRune(r)
	}
	return b.String()
}
