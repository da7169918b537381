package sim

import (
	"slices"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"k8s.io/kube-openapi/pkg/validation/spec"
	"k8s.io/kube-openapi/pkg/validation/strfmt"
	"k8s.io/kube-openapi/pkg/validation/validate"
)

// customSchema is what a CustomResourceDefinition says about the objects of one version. It is immutable. The nil
// customSchema, that of resources without a definition, takes anything.
type customSchema struct {
	structural *structuralschema.Structural
	openAPI    *spec.Schema
	validator  *validate.SchemaValidator
	types      managedfields.TypeConverter // of all versions
	versions   []string
	scale      *apiextensionsv1.CustomResourceSubresourceScale
}

// customSchemas reads the schemas of a definition, by version. One that can't be read takes anything; the real server refuses
// such a definition.
func customSchemas(crd *apiextensionsv1.CustomResourceDefinition) map[string]*customSchema {
	out := map[string]*customSchema{}
	models := map[string]*spec.Schema{}
	var versions []string
	for i := range crd.Spec.Versions {
		v := &crd.Spec.Versions[i]
		versions = append(versions, v.Name)
		c := &customSchema{}
		out[v.Name] = c
		if v.Subresources != nil {
			c.scale = v.Subresources.Scale
		}
		if v.Schema == nil || v.Schema.OpenAPIV3Schema == nil {
			continue
		}
		var internal apiextensions.JSONSchemaProps
		if err := apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(v.Schema.OpenAPIV3Schema, &internal, nil); err != nil {
			continue
		}
		structural, err := structuralschema.NewStructural(&internal)
		if err != nil {
			continue
		}
		c.structural = structural
		c.openAPI = structural.ToKubeOpenAPI()
		c.validator = validate.NewSchemaValidator(intOrString(structural.ToKubeOpenAPI()), nil, "", strfmt.Default)
		models[v.Name] = objectModel(crd.Spec.Group, v.Name, crd.Spec.Names.Kind, c.openAPI)
	}
	types, err := managedfields.NewTypeConverter(withMetaModels(models), crd.Spec.PreserveUnknownFields)
	if err != nil {
		types = nil // deduced
	}
	for _, c := range out {
		c.versions = versions
		if c.structural != nil {
			c.types = types
		}
	}
	return out
}

func (c *customSchema) hasVersion(sv *served, version string) bool {
	if c == nil {
		return version == sv.Version
	}
	return slices.Contains(c.versions, version)
}

// prune takes out what the schema does not know and names it.
func (c *customSchema) prune(u *unstructured.Unstructured) (unknown []string) {
	if c == nil || c.structural == nil {
		return nil
	}
	unknown = pruning.PruneWithOptions(u.Object, c.structural, true, structuralschema.UnknownFieldPathOptions{TrackUnknownFieldPaths: true})
	dropNulls(u.Object, c.structural)
	return unknown
}

// dropNulls removes nulls where the schema wants a value and has no default for it.
func dropNulls(v any, s *structuralschema.Structural) {
	if s == nil {
		return
	}
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			prop, ok := s.Properties[k]
			at := &prop
			if !ok {
				at = nil
				if s.AdditionalProperties != nil {
					at = s.AdditionalProperties.Structural
				}
			}
			if at == nil {
				continue
			}
			if e == nil && !at.Nullable && at.Default.Object == nil {
				delete(v, k)
				continue
			}
			dropNulls(e, at)
		}
	case []any:
		for _, e := range v {
			dropNulls(e, s.Items)
		}
	}
}

// setDefaults fills in the defaults of the schema.
func (c *customSchema) setDefaults(u *unstructured.Unstructured) {
	if c != nil {
		defaultValue(u.Object, c.structural)
	}
}

// defaultValue does what apiextensions-apiserver's pkg/apiserver/schema/defaulting does, which can't be linked without CEL.
func defaultValue(v any, s *structuralschema.Structural) {
	if s == nil {
		return
	}
	switch v := v.(type) {
	case map[string]any:
		for k, prop := range s.Properties {
			if e, ok := v[k]; prop.Default.Object != nil && (!ok || e == nil && !prop.Nullable) {
				v[k] = runtime.DeepCopyJSONValue(prop.Default.Object)
			}
		}
		for k, e := range v {
			if prop, ok := s.Properties[k]; ok {
				defaultValue(e, &prop)
			} else if s.AdditionalProperties != nil {
				defaultValue(e, s.AdditionalProperties.Structural)
			}
		}
	case []any:
		for _, e := range v {
			defaultValue(e, s.Items)
		}
	}
}

// intOrString gives x-kubernetes-int-or-string the two types that the validator knows.
func intOrString(s *spec.Schema) *spec.Schema {
	if s == nil {
		return nil
	}
	if on, _ := s.Extensions.GetBool("x-kubernetes-int-or-string"); on {
		s.Type = spec.StringOrArray{"integer", "string"}
	}
	for k, p := range s.Properties {
		s.Properties[k] = *intOrString(&p)
	}
	if s.Items != nil {
		s.Items.Schema = intOrString(s.Items.Schema)
	}
	if s.AdditionalProperties != nil {
		s.AdditionalProperties.Schema = intOrString(s.AdditionalProperties.Schema)
	}
	return s
}
