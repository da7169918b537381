package sim

import (
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/api/validation/path"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// validateCreate refuses what the real server refuses of a new object: bad metadata, the rules of rules.go for built-in
// kinds, the schema of its definition for custom ones.
func validateCreate(sv *served, doc document) error {
	meta := field.NewPath("metadata")
	var errs field.ErrorList
	if doc.GetName() == "" {
		errs = append(errs, field.Required(meta.Child("name"), "name or generateName is required"))
	}
	for _, e := range validation.ValidateObjectMetaAccessor(doc, sv.Namespaced, nameRule(sv), meta) {
		if doc.GetName() != "" || e.Field != "metadata.name" {
			errs = append(errs, e)
		}
	}
	if u, ok := doc.(*unstructured.Unstructured); ok {
		errs = append(errs, sv.custom.check(u.Object)...)
	} else {
		errs = append(errs, checkKind(doc)...)
	}
	return invalid(sv, doc, errs)
}

// validateUpdate refuses what the real server refuses of a change.
func validateUpdate(sv *served, sub string, old, doc document) error {
	meta := field.NewPath("metadata")
	errs := validation.ValidateObjectMetaAccessor(doc, sv.Namespaced, nameRule(sv), meta)
	errs = append(errs, validation.ValidateObjectMetaAccessorUpdate(doc, old, meta)...)
	u, custom := doc.(*unstructured.Unstructured)
	switch {
	case custom:
		errs = append(errs, sv.custom.checkUpdate(sub, u.Object, old.(*unstructured.Unstructured).Object)...)
	case sub == "":
		errs = append(errs, checkKind(doc)...)
		errs = append(errs, checkChange(doc, old)...)
	}
	return invalid(sv, doc, errs)
}

func invalid(sv *served, doc document, errs field.ErrorList) error {
	if len(errs) == 0 {
		return nil
	}
	return apierrors.NewInvalid(sv.gvk().GroupKind(), doc.GetName(), errs)
}

// nameRule is what names of the kind look like.
func nameRule(sv *served) validation.ValidateNameFunc {
	switch {
	case sv.Group == "rbac.authorization.k8s.io":
		return path.ValidatePathSegmentName
	case sv.Kind == "Service" && sv.Group == "":
		return validation.NameIsDNS1035Label
	case sv.Kind == "Namespace" && sv.Group == "":
		return validation.ValidateNamespaceName
	case sv.Group == "" && sv.Kind == "Event":
		return func(name string, prefix bool) []string {
			if strings.Contains(name, "/") {
				return path.ValidatePathSegmentName(name, prefix)
			}
			return validation.NameIsDNSSubdomain(name, prefix)
		}
	default:
		return validation.NameIsDNSSubdomain
	}
}

// unconditional says that an update needs no resourceVersion.
func (sv *served) unconditional() bool {
	return sv.goType != nil && sv.Kind != "CustomResourceDefinition"
}

// gvkOfPlural is how the real server names the kind in this one error.
func (sv *served) gvkOfPlural() schema.GroupKind {
	return schema.GroupKind{Group: sv.Group, Kind: sv.Plural}
}
