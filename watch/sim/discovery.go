package sim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"strings"

	discoveryv2 "k8s.io/api/apidiscovery/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/version"
)

func (s *Server) serveVersion(w http.ResponseWriter) {
	major, rest, _ := strings.Cut(strings.TrimPrefix(s.cfg.Version, "v"), ".")
	minor, _, _ := strings.Cut(rest, ".")
	b, err := json.MarshalIndent(version.Info{Major: major, Minor: minor, GitVersion: s.cfg.Version, GitTreeState: "clean",
		BuildDate: "2000-01-01T00:00:00Z", GoVersion: runtime.Version(), Compiler: runtime.Compiler,
		Platform: "linux/" + runtime.GOARCH}, "", "  ")
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	writeBytes(w, encoding{media: mediaJSON}, http.StatusOK, b)
}

// servePaths answers "/" as the real server does, with what else there is.
func (s *Server) servePaths(w http.ResponseWriter) {
	paths := []string{"/api", "/api/v1", "/apis"}
	s.mu.RLock()
	for _, g := range s.groups {
		if g.name == "" {
			continue
		}
		paths = append(paths, "/apis/"+g.name)
		for _, v := range g.versions {
			paths = append(paths, "/apis/"+g.name+"/"+v.version)
		}
	}
	s.mu.RUnlock()
	paths = append(paths, "/healthz", "/livez", "/openapi/v3", "/readyz", "/version")
	b, err := json.Marshal(metav1.RootPaths{Paths: paths})
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	writeBytes(w, encoding{media: mediaJSON}, http.StatusOK, b)
}

// serveDiscovery answers /api and /apis in both forms, and the documents below them.
func (s *Server) serveDiscovery(w http.ResponseWriter, q *request, path string) error {
	switch parts := strings.Split(strings.Trim(path, "/"), "/"); {
	case len(parts) == 1:
		e, err := negotiateDiscovery(q.Header)
		if err != nil {
			return err
		}
		core := parts[0] == "api"
		switch {
		case e.as != "":
			s.write(w, e, http.StatusOK, s.aggregated(core, e.asVersion))
		case core:
			s.write(w, e, http.StatusOK, &metav1.APIVersions{TypeMeta: metav1.TypeMeta{Kind: "APIVersions"}, Versions: []string{"v1"},
				ServerAddressByClientCIDRs: []metav1.ServerAddressByClientCIDR{{ClientCIDR: "0.0.0.0/0", ServerAddress: q.Host}}})
		default:
			s.write(w, e, http.StatusOK, s.groupList())
		}
		return nil
	case parts[0] == "apis" && len(parts) == 2:
		return s.serveGroup(w, q, parts[1])
	case parts[0] == "apis" && len(parts) == 3:
		return s.serveResourceList(w, q, parts[1], parts[2])
	case parts[0] == "api" && len(parts) == 2:
		return s.serveResourceList(w, q, "", parts[1])
	}
	return notServed()
}

// negotiateDiscovery prefers what the client lists first among plain and aggregated discovery.
func negotiateDiscovery(header http.Header) (encoding, error) {
	for _, c := range clauses(header) {
		e := encoding{media: c.media, as: c.params["as"], asVersion: c.params["v"]}
		if e.media == "*/*" {
			e.media = mediaJSON
		}
		if e.media != mediaJSON && e.media != mediaProtobuf {
			continue
		}
		switch {
		case e.as == "":
			return e, nil
		case e.as == "APIGroupDiscoveryList" && c.params["g"] == "apidiscovery.k8s.io" && e.asVersion == "v2":
			return e, nil
		}
	}
	return encoding{media: mediaJSON}, nil
}

// unavailable says whether a fault makes a group and version answer 503. It does not count hits: being listed as
// stale is no request.
func (fs *faults) unavailable(group, version string) bool {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	return slices.ContainsFunc(fs.active, func(i *Injected) bool {
		a, ok := i.Action.(Unavailable)
		return ok && a.Group == group && (a.Version == "" || a.Version == version)
	})
}

// Unavailable makes one group answer 503, as an aggregated API whose server is down: discovery marks it stale in the
// aggregated form and fails for it in the plain one, and so do requests. Match should be left empty.
type Unavailable struct{ Group, Version string }

func (Unavailable) action() {}

func (a Unavailable) request(s *Server, w http.ResponseWriter, q *request) (http.ResponseWriter, bool) {
	prefix := "/apis/" + a.Group + "/" + a.Version
	if q.URL.Path != strings.TrimSuffix(prefix, "/") && !strings.HasPrefix(q.URL.Path, strings.TrimSuffix(prefix, "/")+"/") || q.URL.Path == "/apis/"+a.Group {
		return w, false
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	http.Error(w, "service unavailable", http.StatusServiceUnavailable)
	return w, true
}

// aggregated is discovery in one document.
func (s *Server) aggregated(core bool, v string) *discoveryv2.APIGroupDiscoveryList {
	out := &discoveryv2.APIGroupDiscoveryList{TypeMeta: metav1.TypeMeta{Kind: "APIGroupDiscoveryList", APIVersion: "apidiscovery.k8s.io/" + v}}
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, g := range s.groups {
		if (g.name == "") != core {
			continue
		}
		d := discoveryv2.APIGroupDiscovery{ObjectMeta: metav1.ObjectMeta{Name: g.name}}
		for _, gv := range g.versions {
			dv := discoveryv2.APIVersionDiscovery{Version: gv.version, Freshness: discoveryv2.DiscoveryFreshnessCurrent}
			if s.faults.unavailable(g.name, gv.version) {
				dv.Freshness = discoveryv2.DiscoveryFreshnessStale
			} else {
				for _, sv := range gv.resources {
					dv.Resources = append(dv.Resources, sv.discovery())
				}
			}
			d.Versions = append(d.Versions, dv)
		}
		out.Items = append(out.Items, d)
	}
	return out
}

var statusVerbs = []string{"get", "patch", "update"}

func (sv *served) discovery() discoveryv2.APIResourceDiscovery {
	d := discoveryv2.APIResourceDiscovery{Resource: sv.Plural, SingularResource: sv.Singular, Scope: discoveryv2.ScopeCluster,
		ResponseKind: &metav1.GroupVersionKind{Kind: sv.Kind},
		Verbs:        sv.Verbs, ShortNames: sv.ShortNames, Categories: sv.Categories}
	if !sv.builtin { // the real server leaves group and version of built-in kinds to be understood
		d.ResponseKind.Group, d.ResponseKind.Version = sv.Group, sv.Version
	}
	if sv.Namespaced {
		d.Scope = discoveryv2.ScopeNamespace
	}
	if sv.scaled() {
		d.Subresources = append(d.Subresources, discoveryv2.APISubresourceDiscovery{Subresource: "scale", Verbs: statusVerbs,
			ResponseKind: &metav1.GroupVersionKind{Group: scaleKind.Group, Version: scaleKind.Version, Kind: scaleKind.Kind}})
	}
	if sv.Status {
		d.Subresources = append(d.Subresources, discoveryv2.APISubresourceDiscovery{Subresource: "status", ResponseKind: d.ResponseKind, Verbs: statusVerbs})
	}
	return d
}

// groupList is the plain form of /apis.
func (s *Server) groupList() *metav1.APIGroupList {
	out := &metav1.APIGroupList{TypeMeta: metav1.TypeMeta{Kind: "APIGroupList", APIVersion: "v1"}}
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, g := range s.groups {
		if g.name != "" {
			out.Groups = append(out.Groups, g.describe())
		}
	}
	return out
}

func (g *group) describe() metav1.APIGroup {
	d := metav1.APIGroup{Name: g.name}
	for _, v := range g.versions {
		d.Versions = append(d.Versions, metav1.GroupVersionForDiscovery{GroupVersion: g.name + "/" + v.version, Version: v.version})
	}
	d.PreferredVersion = d.Versions[0]
	return d
}

func (s *Server) serveGroup(w http.ResponseWriter, q *request, name string) error {
	e, err := negotiate(q.Header, true)
	if err != nil {
		return err
	}
	s.mu.RLock()
	i := slices.IndexFunc(s.groups, func(g *group) bool { return g.name == name && name != "" })
	var d metav1.APIGroup
	if i >= 0 {
		d = s.groups[i].describe()
	}
	s.mu.RUnlock()
	if i < 0 {
		http.NotFound(w, q.Request)
		return nil
	}
	d.TypeMeta = metav1.TypeMeta{Kind: "APIGroup", APIVersion: "v1"}
	s.write(w, e, http.StatusOK, &d)
	return nil
}

// serveResourceList is the plain form of /api/v1 and /apis/GROUP/VERSION.
func (s *Server) serveResourceList(w http.ResponseWriter, q *request, group, version string) error {
	e, err := negotiate(q.Header, true)
	if err != nil {
		return err
	}
	gv := metav1.GroupVersion{Group: group, Version: version}
	out := &metav1.APIResourceList{TypeMeta: metav1.TypeMeta{Kind: "APIResourceList", APIVersion: "v1"}, GroupVersion: gv.String()}
	s.mu.RLock()
	for _, g := range s.groups {
		for _, v := range g.versions {
			if g.name != group || v.version != version {
				continue
			}
			for _, sv := range v.resources {
				r := metav1.APIResource{Name: sv.Plural, SingularName: sv.Singular, Namespaced: sv.Namespaced, Kind: sv.Kind,
					Verbs: sv.Verbs, ShortNames: sv.ShortNames, Categories: sv.Categories,
					StorageVersionHash: storageVersionHash(sv.coll.res)}
				if sv.review {
					r.StorageVersionHash = ""
				}
				out.APIResources = append(out.APIResources, r)
				if sv.scaled() {
					out.APIResources = append(out.APIResources, metav1.APIResource{Name: sv.Plural + "/scale", Namespaced: sv.Namespaced,
						Group: scaleKind.Group, Version: scaleKind.Version, Kind: scaleKind.Kind, Verbs: statusVerbs})
				}
				if sv.Status {
					out.APIResources = append(out.APIResources, metav1.APIResource{Name: sv.Plural + "/status", Namespaced: sv.Namespaced,
						Kind: sv.Kind, Verbs: statusVerbs})
				}
			}
		}
	}
	s.mu.RUnlock()
	if !s.groupServed(group) {
		http.NotFound(w, q.Request)
		return nil
	}
	if len(out.APIResources) == 0 {
		return notServed()
	}
	s.write(w, e, http.StatusOK, out)
	return nil
}

// storageVersionHash is opaque to clients; like the real one it depends on the storage version alone.
func storageVersionHash(res *Resource) string {
	return hash8(fmt.Sprintf("%s/%s/%s", res.Group, res.Version, res.Kind))
}
