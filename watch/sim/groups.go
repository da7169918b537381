package sim

import (
	"slices"

	"k8s.io/apimachinery/pkg/version"
)

// group is one API group as discovery shows it: versions by preference, resources in the order they came.
type group struct {
	name     string
	versions []*groupVersion
}

type groupVersion struct {
	version   string
	resources []*served
}

// addToGroups puts sv where discovery lists it. The caller holds mu.
func (s *Server) addToGroups(sv *served) {
	i := slices.IndexFunc(s.groups, func(g *group) bool { return g.name == sv.Group })
	if i < 0 {
		i = len(s.groups)
		s.groups = append(s.groups, &group{name: sv.Group})
	}
	g := s.groups[i]
	j := slices.IndexFunc(g.versions, func(v *groupVersion) bool { return v.version == sv.Version })
	if j < 0 {
		g.versions = append(g.versions, &groupVersion{version: sv.Version})
		slices.SortStableFunc(g.versions, func(a, b *groupVersion) int {
			return version.CompareKubeAwareVersionStrings(b.version, a.version)
		})
		j = slices.IndexFunc(g.versions, func(v *groupVersion) bool { return v.version == sv.Version })
	}
	g.versions[j].resources = append(g.versions[j].resources, sv)
}

// unserve is the way back. The caller holds mu.
func (s *Server) unserve(sv *served) {
	delete(s.resources, sv.gvr())
	delete(s.kinds, sv.gvk())
	for _, g := range s.groups {
		for _, v := range g.versions {
			v.resources = slices.DeleteFunc(v.resources, func(o *served) bool { return o == sv })
		}
		g.versions = slices.DeleteFunc(g.versions, func(v *groupVersion) bool { return len(v.resources) == 0 })
	}
	s.groups = slices.DeleteFunc(s.groups, func(g *group) bool { return len(g.versions) == 0 })
}
