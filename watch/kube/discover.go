package kube

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"

	"orka/watch"
)

// Discovery is what a server serves: each resource once, in the version the server prefers.
type Discovery struct {
	// Kinds are in order of group, kind and version. Pointers are those of the call before for kinds that
	// have not changed.
	Kinds []*watch.Kind
	// Aliases are resources left out because their objects are those of another kind.
	Aliases []Alias
	// Failed are the group-versions that did not answer; what they serve is not known, not gone.
	Failed []GroupFailure
}

// Alias is a second way to the objects of a kind.
type Alias struct {
	Kind *watch.Kind // as it is served
	Of   *watch.Kind // the one that is listed
}

// GroupFailure is a group-version of which discovery failed, as when an aggregated API is down.
type GroupFailure struct {
	GroupVersion string
	Err          error
}

// sameObjects lists resources that are stored once and served twice. The second is left out when the first
// is served: listing both would count every object twice. Events stay in the core group, whose columns
// kubectl prints. The groups of extensions/v1beta1 are where its resources moved.
var sameObjects = map[schema.GroupResource][]schema.GroupResource{
	{Group: "events.k8s.io", Resource: "events"}:           {{Resource: "events"}},
	{Group: "extensions", Resource: "ingresses"}:           {{Group: "networking.k8s.io", Resource: "ingresses"}},
	{Group: "extensions", Resource: "networkpolicies"}:     {{Group: "networking.k8s.io", Resource: "networkpolicies"}},
	{Group: "extensions", Resource: "deployments"}:         {{Group: "apps", Resource: "deployments"}},
	{Group: "extensions", Resource: "daemonsets"}:          {{Group: "apps", Resource: "daemonsets"}},
	{Group: "extensions", Resource: "replicasets"}:         {{Group: "apps", Resource: "replicasets"}},
	{Group: "extensions", Resource: "podsecuritypolicies"}: {{Group: "policy", Resource: "podsecuritypolicies"}},
}

// Discover asks the server what it serves: two requests where the server aggregates discovery. A group
// that fails is reported and costs the others nothing; an error means that nothing is known.
func (c *Client) Discover(ctx context.Context) (Discovery, error) {
	if p := c.opts.Player; p != nil {
		return c.playDiscovery(p.Discovery()), nil
	}
	client, err := discovery.NewDiscoveryClientForConfigAndClient(c.config, c.http)
	if err != nil {
		return Discovery{}, fmt.Errorf("discovery: %w", err)
	}
	groups, lists, err := client.ServerGroupsAndResourcesWithContext(ctx)
	var out Discovery
	if failures, ok := discovery.GroupDiscoveryFailedErrorGroups(err); ok {
		for gv, err := range failures {
			out.Failed = append(out.Failed, GroupFailure{GroupVersion: gv.String(), Err: err})
		}
		slices.SortFunc(out.Failed, func(a, b GroupFailure) int { return cmp.Compare(a.GroupVersion, b.GroupVersion) })
	} else if err != nil {
		return Discovery{}, fmt.Errorf("discovery of %s: %w", c.base.Host, err)
	}
	if len(groups) == 0 {
		return Discovery{}, fmt.Errorf("discovery of %s: %w", c.base.Host, errors.New("the server names no API groups"))
	}
	resources := preferred(groups, lists)
	c.mu.Lock()
	defer c.mu.Unlock()
	kinds := make(map[schema.GroupResource]*watch.Kind, len(resources))
	for gr, r := range resources {
		kinds[gr] = c.kindLocked(gr, r)
	}
	for gr, kind := range kinds {
		if i := slices.IndexFunc(sameObjects[gr], func(o schema.GroupResource) bool { return kinds[o] != nil }); i >= 0 {
			out.Aliases = append(out.Aliases, Alias{Kind: kind, Of: kinds[sameObjects[gr][i]]})
			continue
		}
		out.Kinds = append(out.Kinds, kind)
	}
	slices.SortFunc(out.Kinds, compareKinds)
	slices.SortFunc(out.Aliases, func(a, b Alias) int { return compareKinds(a.Kind, b.Kind) })
	c.forgetLocked(out)
	c.recordDiscovery(out)
	return out, nil
}

func compareKinds(a, b *watch.Kind) int {
	return cmp.Or(a.GVK.Compare(b.GVK), cmp.Compare(a.Resource, b.Resource))
}

// served is a resource in one version.
type served struct {
	version string
	metav1.APIResource
}

// preferred picks one version of each resource: the one its group prefers, else the first in the server's
// order. Subresources are left out.
func preferred(groups []*metav1.APIGroup, lists []*metav1.APIResourceList) map[schema.GroupResource]served {
	byVersion := make(map[string]*metav1.APIResourceList, len(lists))
	for _, l := range lists {
		byVersion[l.GroupVersion] = l
	}
	out := make(map[schema.GroupResource]served)
	for _, g := range groups {
		versions := []string{g.PreferredVersion.Version}
		for _, v := range g.Versions {
			versions = append(versions, v.Version)
		}
		for _, v := range versions {
			l := byVersion[schema.GroupVersion{Group: g.Name, Version: v}.String()]
			if l == nil {
				continue
			}
			for _, r := range l.APIResources {
				gr := schema.GroupResource{Group: g.Name, Resource: r.Name}
				if _, have := out[gr]; have || strings.Contains(r.Name, "/") {
					continue
				}
				out[gr] = served{version: v, APIResource: r}
			}
		}
	}
	return out
}

// kindLocked is the Kind of a resource, the known one while it is the same; c.mu is held.
func (c *Client) kindLocked(gr schema.GroupResource, r served) *watch.Kind {
	gvk := watch.GVK{Group: gr.Group, Version: r.version, Kind: r.Kind}
	kind := &watch.Kind{
		GVK: gvk, Resource: r.Name, Singular: r.SingularName,
		ShortNames: r.ShortNames, Categories: r.Categories,
		Namespaced: r.Namespaced, Verbs: watch.ParseVerbs(r.Verbs),
		Columns: c.opts.Columns(gvk),
	}
	return c.knownLocked(kind)
}

// knownLocked is kind, or the known one that is the same; c.mu is held.
func (c *Client) knownLocked(kind *watch.Kind) *watch.Kind {
	if kind.Singular == "" {
		kind.Singular = strings.ToLower(kind.Kind)
	}
	key := kindKey{kind.GVK, kind.Resource}
	if known := c.kinds[key]; known != nil && reflect.DeepEqual(known, kind) {
		return known
	}
	c.kinds[key] = kind
	return kind
}

// kindKey tells kinds apart; one Kind may be served as several resources.
type kindKey struct {
	watch.GVK
	resource string
}

// forgetLocked drops kinds that are no longer served, unless their group failed to answer; c.mu is held.
func (c *Client) forgetLocked(d Discovery) {
	keep := make(map[kindKey]bool, len(d.Kinds))
	for _, k := range d.Kinds {
		keep[kindKey{k.GVK, k.Resource}] = true
	}
	for _, a := range d.Aliases {
		keep[kindKey{a.Kind.GVK, a.Kind.Resource}] = true
	}
	failed := make(map[string]bool, len(d.Failed))
	for _, f := range d.Failed {
		failed[f.GroupVersion] = true
	}
	for key := range c.kinds {
		if !keep[key] && !failed[key.GroupVersion()] {
			delete(c.kinds, key)
		}
	}
	for scope := range c.interners {
		if k := scope.Kind; c.kinds[kindKey{k.GVK, k.Resource}] != k {
			delete(c.interners, scope)
		}
	}
}
