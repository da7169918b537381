package sim

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"k8s.io/kube-openapi/pkg/validation/spec"
)

// OpenAPI v3, as far as kubectl needs it: the index, and per group and version the paths with the query parameters of
// their writes. Field validation is the server's; schemas are those of any object.

type openAPIDoc map[string]any

// serveOpenAPI answers /openapi/v3 and below.
func (s *Server) serveOpenAPI(w http.ResponseWriter, q *request, path string) error {
	name := strings.TrimPrefix(strings.TrimPrefix(path, "/openapi/v3"), "/")
	s.mu.RLock()
	paths := map[string]*groupVersion{}
	groups := map[string]string{}
	for _, g := range s.groups {
		for _, v := range g.versions {
			p := "apis/" + g.name + "/" + v.version
			if g.name == "" {
				p = "api/" + v.version
			}
			paths[p] = &groupVersion{version: v.version, resources: append([]*served(nil), v.resources...)}
			groups[p] = g.name
		}
	}
	s.mu.RUnlock()
	var out openAPIDoc
	if name == "" {
		index := map[string]any{}
		for p, v := range paths {
			var key strings.Builder
			for _, sv := range v.resources {
				key.WriteString(sv.Plural + " ")
				if sv.custom != nil && sv.custom.openAPI != nil {
					b, err := json.Marshal(sv.custom.openAPI)
					if err != nil {
						return err
					}
					key.Write(b)
				}
			}
			index[p] = map[string]string{"serverRelativeURL": "/openapi/v3/" + p + "?hash=" + strings.Trim(urlSafe.Replace(hash8(p+key.String())), "=")}
		}
		out = openAPIDoc{"paths": index}
	} else if v, ok := paths[name]; ok {
		out = v.openAPI(s.cfg.Version)
	} else {
		http.NotFound(w, q.Request)
		return nil
	}
	b, err := json.Marshal(out)
	if err != nil {
		return err
	}
	writeBytes(w, encoding{media: mediaJSON}, http.StatusOK, b)
	return nil
}

var urlSafe = strings.NewReplacer("+", "-", "/", "_")

// openAPI describes the resources of one group and version.
func (v *groupVersion) openAPI(version string) openAPIDoc {
	paths, schemas := map[string]any{}, map[string]any{}
	for _, sv := range v.resources {
		gvk := map[string]string{"group": sv.Group, "version": sv.Version, "kind": sv.Kind}
		ref := sv.schemaName()
		schemas[ref] = map[string]any{"type": "object", extensionKinds: []any{gvk}, "x-kubernetes-preserve-unknown-fields": true}
		if sv.custom != nil && sv.custom.openAPI != nil {
			schemas[ref] = publishedModel(sv)
			for name, m := range metaModels {
				schemas[name] = m
			}
		}
		base := "/apis/" + sv.Group + "/" + sv.Version
		if sv.Group == "" {
			base = "/api/" + sv.Version
		}
		if sv.Namespaced {
			base += "/namespaces/{namespace}"
		}
		op := func(action string, params ...string) map[string]any {
			o := map[string]any{"x-kubernetes-action": action, "x-kubernetes-group-version-kind": gvk,
				"responses": map[string]any{"200": map[string]any{"description": "OK", "content": map[string]any{
					mediaJSON: map[string]any{"schema": map[string]string{"$ref": "#/components/schemas/" + ref}}}}}}
			list := []any{}
			for _, p := range params {
				list = append(list, map[string]any{"name": p, "in": "query", "schema": map[string]any{"type": "string", "uniqueItems": true}})
			}
			o["parameters"] = list
			return o
		}
		all, one := map[string]any{}, map[string]any{}
		for _, verb := range sv.Verbs {
			switch verb {
			case "list":
				all["get"] = op("list", "continue", "fieldSelector", "labelSelector", "limit", "resourceVersion")
			case "create":
				all["post"] = op("post", "dryRun", "fieldManager", "fieldValidation")
			case "get":
				one["get"] = op("get")
			case "update":
				one["put"] = op("put", "dryRun", "fieldManager", "fieldValidation")
			case "patch":
				one["patch"] = op("patch", "dryRun", "fieldManager", "fieldValidation", "force")
			case "delete":
				one["delete"] = op("delete", "dryRun", "gracePeriodSeconds", "propagationPolicy")
			}
		}
		paths[base+"/"+sv.Plural] = all
		if len(one) > 0 {
			paths[base+"/"+sv.Plural+"/{name}"] = one
		}
	}
	return openAPIDoc{"openapi": "3.0.0", "info": map[string]string{"title": "Kubernetes", "version": version},
		"paths": paths, "components": map[string]any{"schemas": schemas}}
}

// publishedModel is the schema of a definition as clients get it.
func publishedModel(sv *served) *spec.Schema {
	m := objectModel(sv.Group, sv.Version, sv.Kind, sv.custom.openAPI)
	text := func(name, description string) {
		p := m.Properties[name]
		p.Description = description
		m.Properties[name] = p
	}
	text("apiVersion", "APIVersion defines the versioned schema of this representation of an object. Servers should convert recognized schemas to the latest internal value, and may reject unrecognized values.")
	text("kind", "Kind is a string value representing the REST resource this object represents. Servers may infer this from the endpoint the client submits requests to. Cannot be updated. In CamelCase.")
	m.Properties["metadata"] = spec.Schema{SchemaProps: spec.SchemaProps{Description: "Standard object's metadata.",
		AllOf: []spec.Schema{*spec.RefSchema(schemaRefs + metaModel)}}}
	return m
}

func (sv *served) schemaName() string {
	if sv.goType == nil && !sv.builtin { // the group backwards
		parts := strings.Split(sv.Group, ".")
		slices.Reverse(parts)
		return strings.Join(append(parts, sv.Version, sv.Kind), ".")
	}
	group := sv.Group
	if group == "" {
		group = "core"
	}
	return "io.k8s.api." + strings.TrimSuffix(group, ".k8s.io") + "." + sv.Version + "." + sv.Kind
}
