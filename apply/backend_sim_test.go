package apply_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	jsonpatch "github.com/evanphx/json-patch/v5"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"

	"orka/watch/sim"
)

// simCluster is the simulated server.
type simCluster struct {
	server *sim.Server

	mu sync.Mutex
	// grants are what users other than the administrator may do: "user namespace resource verb". Guarded by mu.
	grants []string
	users  []string
}

func openSim(t *testing.T) cluster {
	c := &simCluster{}
	c.server = sim.New(sim.Config{Seed: 1, Authorize: c.authorize})
	t.Cleanup(c.server.Close)
	return c
}

func (c *simCluster) authorize(user, verb, group, resource, namespace string) (bool, string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !slices.Contains(c.users, user) {
		return true, ""
	}
	if strings.HasPrefix(resource, "/") { // discovery and OpenAPI are open to everyone who is known
		return true, ""
	}
	if group != "" {
		resource += "." + group
	}
	return slices.Contains(c.grants, strings.Join([]string{user, namespace, resource, verb}, " ")), ""
}

func (c *simCluster) config() *rest.Config {
	return &rest.Config{Host: c.server.Host(), Dial: c.server.Dial}
}

func (c *simCluster) grant(_ *testing.T, user, namespace, resource string, verbs ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.users = append(c.users, user)
	for _, v := range verbs {
		c.grants = append(c.grants, strings.Join([]string{user, namespace, resource, v}, " "))
	}
}

func (c *simCluster) define(t *testing.T, crd []byte) {
	t.Helper()
	b, err := yaml.YAMLToJSON(crd)
	if err != nil {
		t.Fatal(err)
	}
	admin := newClient(t, c.config(), "theirs")
	admin.must("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", admin.query(), asJSON, b)
}

// writes counts what the server itself saw of orka's writes in a namespace.
func (c *simCluster) writes(namespace string) int {
	n := 0
	for _, r := range c.server.Requests(sim.Match{Namespace: namespace}) {
		if r.UserAgent == userAgent && r.Verb != "get" && r.Verb != "list" && r.Verb != "watch" && !strings.Contains(r.Query, "dryRun") {
			n++
		}
	}
	return n
}

// takesNoDryRun: it also plays servers that took webhooks that can't be part of a dry-run.
func (c *simCluster) takesNoDryRun() bool { return true }

func (c *simCluster) hook(t *testing.T, namespace string, h webhook) {
	t.Helper()
	call := func(r *sim.Review) error {
		if r.Object == nil {
			return nil
		}
		v := h.review(r.Object.Object, r.DryRun)
		for _, text := range v.warnings {
			r.Warn(text)
		}
		if v.deny != "" {
			return errors.New(v.deny)
		}
		if v.patch == nil {
			return nil
		}
		ops, err := json.Marshal(v.patch)
		if err != nil {
			return err
		}
		patch, err := jsonpatch.DecodePatch(ops)
		if err != nil {
			return err
		}
		object, err := r.Object.MarshalJSON()
		if err != nil {
			return err
		}
		if object, err = patch.Apply(object); err != nil {
			return err
		}
		return r.Object.UnmarshalJSON(object)
	}
	hook := sim.Hook{Name: h.name, Operations: []string{"CREATE", "UPDATE"}, Namespace: namespace, SideEffects: h.noDryRun, Validate: call}
	if h.mutating {
		hook.Mutate, hook.Validate = call, nil
	}
	t.Cleanup(c.server.Admit(hook).Remove)
}
