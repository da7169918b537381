package sim

import (
	"slices"
	"strings"
	"time"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
)

// A CustomResourceDefinition is served from the moment it is stored; the real server takes some tens of
// milliseconds for it. Versions share their objects; conversion is that of strategy None: apiVersion changes.

func (s *Server) isDefinition(sv *served) bool {
	return sv.Group == apiextensionsv1.GroupName && sv.Plural == "customresourcedefinitions"
}

func (s *Server) isNamespace(sv *served) bool { return sv.Group == "" && sv.Plural == "namespaces" }

// establish fills in the status that the real server's controllers would write.
func establish(crd *apiextensionsv1.CustomResourceDefinition) {
	n := &crd.Spec.Names
	if n.Singular == "" {
		n.Singular = strings.ToLower(n.Kind)
	}
	if n.ListKind == "" {
		n.ListKind = n.Kind + "List"
	}
	if crd.Spec.Conversion == nil {
		crd.Spec.Conversion = &apiextensionsv1.CustomResourceConversion{Strategy: apiextensionsv1.NoneConverter}
	}
	crd.Status.AcceptedNames = *n
	for _, v := range crd.Spec.Versions {
		if v.Storage && !slices.Contains(crd.Status.StoredVersions, v.Name) {
			crd.Status.StoredVersions = append(crd.Status.StoredVersions, v.Name)
		}
	}
	now := metav1.NewTime(time.Now().Truncate(time.Second))
	for _, c := range []apiextensionsv1.CustomResourceDefinitionCondition{
		{Type: apiextensionsv1.NamesAccepted, Status: apiextensionsv1.ConditionTrue, Reason: "NoConflicts", Message: "no conflicts found", LastTransitionTime: now},
		{Type: apiextensionsv1.Established, Status: apiextensionsv1.ConditionTrue, Reason: "InitialNamesAccepted", Message: "the initial names have been accepted", LastTransitionTime: now},
	} {
		if !slices.ContainsFunc(crd.Status.Conditions, func(d apiextensionsv1.CustomResourceDefinitionCondition) bool { return d.Type == c.Type }) {
			crd.Status.Conditions = append(crd.Status.Conditions, c)
		}
	}
}

// define brings what is served in line with a definition. The caller holds mu.
func (s *Server) define(doc document) error {
	crd := doc.(*apiextensionsv1.CustomResourceDefinition)
	coll := s.collectionOf(crd)
	var old []*served
	for _, sv := range s.resources {
		if coll != nil && sv.coll == coll {
			old = append(old, sv)
		}
	}
	if coll == nil {
		coll = newCollection(nil)
	}
	for _, sv := range old {
		s.unserve(sv)
	}
	schemas := customSchemas(crd)
	for i := range crd.Spec.Versions {
		v := &crd.Spec.Versions[i]
		res := crdResource(crd, v)
		if v.Storage {
			coll.res = res
		}
		if !v.Served {
			continue
		}
		s.serve(&served{Resource: res, coll: coll, custom: schemas[v.Name]})
	}
	// A version that is no longer served ends its watches, so do all of them: their clients rediscover.
	for _, sv := range old {
		if _, ok := s.resources[sv.gvr()]; !ok {
			close(coll.gone)
			coll.gone = make(chan struct{})
			break
		}
	}
	return nil
}

func crdResource(crd *apiextensionsv1.CustomResourceDefinition, v *apiextensionsv1.CustomResourceDefinitionVersion) *Resource {
	r := Resource{Group: crd.Spec.Group, Version: v.Name, Plural: crd.Spec.Names.Plural, Singular: crd.Spec.Names.Singular,
		Kind: crd.Spec.Names.Kind, Namespaced: crd.Spec.Scope == apiextensionsv1.NamespaceScoped,
		ShortNames: crd.Spec.Names.ShortNames, Categories: crd.Spec.Names.Categories,
		Status: v.Subresources != nil && v.Subresources.Status != nil}
	for _, c := range v.AdditionalPrinterColumns {
		r.Columns = append(r.Columns, Column{Name: c.Name, Type: c.Type, Format: c.Format, Description: c.Description, JSONPath: c.JSONPath})
	}
	return r.withDefaults()
}

// collectionOf finds where objects of a definition are kept. The caller holds mu.
func (s *Server) collectionOf(crd *apiextensionsv1.CustomResourceDefinition) *collection {
	for _, sv := range s.resources {
		if sv.Group == crd.Spec.Group && sv.Plural == crd.Spec.Names.Plural {
			return sv.coll
		}
	}
	return nil
}

// undefine deletes all objects of a definition and stops serving it. The caller holds mu.
func (s *Server) undefine(doc document) {
	crd := doc.(*apiextensionsv1.CustomResourceDefinition)
	coll := s.collectionOf(crd)
	if coll == nil {
		return
	}
	for _, sv := range s.resources {
		if sv.coll == coll {
			s.removeAll(sv, "")
			break
		}
	}
	for _, sv := range s.resources {
		if sv.coll == coll {
			s.unserve(sv)
		}
	}
	close(coll.gone)
}

// removeAll deletes all objects of a resource, or those of a namespace. The caller holds mu.
func (s *Server) removeAll(sv *served, namespace string) {
	items, _ := collect(sv.coll.objects, namespace, "", 0)
	for _, o := range items {
		// A body that can't be read any more is dropped all the same.
		if _, err := s.remove(sv, o); err != nil {
			s.rev++
			sv.coll.record(watch.Deleted, &object{key: o.key, uid: o.uid, version: o.version, rev: s.rev, body: o.body}, o, s.cfg.History)
		}
	}
}

// emptyNamespace deletes the content of a namespace. The caller holds mu.
func (s *Server) emptyNamespace(namespace string) {
	done := map[*collection]bool{}
	for _, g := range s.groups {
		for _, v := range g.versions {
			for _, sv := range v.resources {
				if sv.Namespaced && !done[sv.coll] {
					done[sv.coll] = true
					s.removeAll(sv, namespace)
				}
			}
		}
	}
}
