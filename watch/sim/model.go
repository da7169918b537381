package sim

import (
	"encoding/json"
	"maps"

	"k8s.io/kube-openapi/pkg/validation/spec"
)

// OpenAPI models of custom kinds, for field ownership and for /openapi/v3.

const (
	metaModel      = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
	schemaRefs     = "#/components/schemas/"
	extensionKinds = "x-kubernetes-group-version-kind"
)

// metaModels describes what every object has, as far as merging depends on it.
var metaModels = func() map[string]*spec.Schema {
	out := map[string]*spec.Schema{}
	if err := json.Unmarshal([]byte(`{
"io.k8s.apimachinery.pkg.apis.meta.v1.Time": {"type": "string", "format": "date-time"},
"io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1": {"type": "object"},
"io.k8s.apimachinery.pkg.apis.meta.v1.ManagedFieldsEntry": {"type": "object", "properties": {
  "apiVersion": {"type": "string"}, "fieldsType": {"type": "string"},
  "fieldsV1": {"$ref": "#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1"},
  "manager": {"type": "string"}, "operation": {"type": "string"}, "subresource": {"type": "string"},
  "time": {"$ref": "#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.Time"}}},
"io.k8s.apimachinery.pkg.apis.meta.v1.OwnerReference": {"type": "object", "x-kubernetes-map-type": "atomic",
  "required": ["apiVersion", "kind", "name", "uid"], "properties": {
  "apiVersion": {"type": "string", "default": ""}, "blockOwnerDeletion": {"type": "boolean"}, "controller": {"type": "boolean"},
  "kind": {"type": "string", "default": ""}, "name": {"type": "string", "default": ""}, "uid": {"type": "string", "default": ""}}},
"io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta": {"type": "object", "properties": {
  "annotations": {"type": "object", "additionalProperties": {"type": "string", "default": ""}},
  "creationTimestamp": {"$ref": "#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.Time"},
  "deletionGracePeriodSeconds": {"type": "integer", "format": "int64"},
  "deletionTimestamp": {"$ref": "#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.Time"},
  "finalizers": {"type": "array", "items": {"type": "string", "default": ""}, "x-kubernetes-list-type": "set", "x-kubernetes-patch-strategy": "merge"},
  "generateName": {"type": "string"}, "generation": {"type": "integer", "format": "int64"},
  "labels": {"type": "object", "additionalProperties": {"type": "string", "default": ""}},
  "managedFields": {"type": "array", "items": {"$ref": "#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ManagedFieldsEntry"}, "x-kubernetes-list-type": "atomic"},
  "name": {"type": "string"}, "namespace": {"type": "string"},
  "ownerReferences": {"type": "array", "items": {"$ref": "#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.OwnerReference"},
    "x-kubernetes-list-map-keys": ["uid"], "x-kubernetes-list-type": "map", "x-kubernetes-patch-merge-key": "uid", "x-kubernetes-patch-strategy": "merge"},
  "resourceVersion": {"type": "string"}, "selfLink": {"type": "string"}, "uid": {"type": "string"}}}}`), &out); err != nil {
		panic(err) // a constant of ours: every test sees it
	}
	return out
}()

func withMetaModels(models map[string]*spec.Schema) map[string]*spec.Schema {
	out := maps.Clone(metaModels)
	maps.Copy(out, models)
	return out
}

// objectModel is the model of whole objects of one version of a definition: its schema with apiVersion, kind and metadata.
func objectModel(group, version, kind string, schema *spec.Schema) *spec.Schema {
	m := *schema
	m.Properties = maps.Clone(schema.Properties)
	if m.Properties == nil {
		m.Properties = map[string]spec.Schema{}
	}
	m.Type = spec.StringOrArray{"object"}
	m.Properties["apiVersion"] = *spec.StringProperty()
	m.Properties["kind"] = *spec.StringProperty()
	m.Properties["metadata"] = *spec.RefSchema(schemaRefs + metaModel)
	m.Extensions = maps.Clone(schema.Extensions)
	m.AddExtension(extensionKinds, []any{map[string]any{"group": group, "version": version, "kind": kind}})
	return &m
}
