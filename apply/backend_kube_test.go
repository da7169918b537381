//go:build integration

package apply_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/yaml"

	"orka/watch"
	"orka/watch/watchtest"
)

// The same scenarios against a real kube-apiserver: ORKA_E2E_KUBECONFIG is an administrator's kubeconfig. What a test
// makes is named anew each time, concerns a namespace of its own, and is removed when it ends.

func init() { backends = append(backends, backend{"kube-apiserver", openKube}) }

type kubeCluster struct{ cfg *rest.Config }

func openKube(t *testing.T) cluster {
	t.Helper()
	path := os.Getenv("ORKA_E2E_KUBECONFIG")
	if path == "" {
		t.Fatal("ORKA_E2E_KUBECONFIG is not set: run `make integration`, or point it at a cluster")
	}
	cfg, err := clientcmd.BuildConfigFromFlags("", path)
	if err != nil {
		t.Fatal(err)
	}
	cfg.QPS = -1
	d := &watchtest.Dialer{}
	cfg.Dial = d.Dial
	t.Cleanup(d.Close)
	return &kubeCluster{cfg}
}

func (c *kubeCluster) config() *rest.Config { return rest.CopyConfig(c.cfg) }

var (
	roles        = &watch.Kind{GVK: watch.GVK{Group: "rbac.authorization.k8s.io", Version: "v1", Kind: "Role"}, Resource: "roles", Namespaced: true}
	roleBindings = &watch.Kind{GVK: watch.GVK{Group: "rbac.authorization.k8s.io", Version: "v1", Kind: "RoleBinding"}, Resource: "rolebindings", Namespaced: true}
)

// admin is for what a test sets up; what it makes in a namespace stays there, because nothing empties the namespaces of a
// control plane without controllers.
func (c *kubeCluster) admin(t *testing.T) *client {
	t.Helper()
	return newClient(t, c.cfg, "theirs")
}

func (c *kubeCluster) grant(t *testing.T, user, namespace, resource string, verbs ...string) {
	t.Helper()
	name, group, _ := strings.Cut(resource, ".")
	list, err := json.Marshal(verbs)
	if err != nil {
		t.Fatal(err)
	}
	a := c.admin(t)
	a.create(roles, namespace, fmt.Sprintf(`{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: %s},
  rules: [{apiGroups: [%q], resources: [%s], verbs: %s}]}`, user, group, name, list))
	a.create(roleBindings, namespace, fmt.Sprintf(`{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: %[1]s},
  roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: %[1]s}, subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: %[1]s}]}`, user))
	review := fmt.Sprintf(`{"apiVersion":"authorization.k8s.io/v1","kind":"SubjectAccessReview","spec":{"user":%q,"resourceAttributes":{"namespace":%q,"verb":%q,"group":%q,"resource":%q}}}`,
		user, namespace, verbs[0], group, name)
	eventually(t, "the role is in effect", func() bool {
		return at(a.must(http.MethodPost, "/apis/authorization.k8s.io/v1/subjectaccessreviews", nil, asJSON, []byte(review)), "status", "allowed") == true
	})
}

func (c *kubeCluster) define(t *testing.T, crd []byte) {
	t.Helper()
	b, err := yaml.YAMLToJSON(crd)
	if err != nil {
		t.Fatal(err)
	}
	a := c.admin(t)
	const path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
	made := a.must(http.MethodPost, path, a.query(), asJSON, b)
	t.Cleanup(func() { a.do(http.MethodDelete, path+"/"+made.GetName(), nil, "", nil) })
	group, _ := at(made, "spec", "group").(string)
	plural, _ := at(made, "spec", "names", "plural").(string)
	version, _ := at(made, "spec", "versions", 0, "name").(string)
	eventually(t, "the definition is served", func() bool {
		code, _ := a.do(http.MethodGet, "/apis/"+group+"/"+version+"/"+plural, url.Values{"limit": {"1"}}, "", nil)
		return code == http.StatusOK
	})
	eventually(t, "its schema is published", func() bool {
		code, body := a.do(http.MethodGet, "/openapi/v3/apis/"+group+"/"+version, nil, "", nil)
		return code == http.StatusOK && strings.Contains(string(body), "/"+plural+"/{name}")
	})
}

// eventually waits for what another process does in its own time.
func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	if err := wait.PollUntilContextTimeout(t.Context(), 50*time.Millisecond, 30*time.Second, true, func(context.Context) (bool, error) { return f(), nil }); err != nil {
		t.Fatalf("waited 30s until %s: %v", what, err)
	}
}
