package sim

import (
	"testing"
	"testing/synctest"

	authorizationv1 "k8s.io/api/authorization/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
)

// readerOnly lets jane read pods in team-a and nothing else; admins may do all.
func readerOnly(user, verb, group, resource, namespace string) (bool, string) {
	if user == adminUser {
		return true, ""
	}
	ok := user == "jane" && resource == "pods" && group == "" && namespace == "team-a" && (verb == "get" || verb == "list" || verb == "watch")
	return ok, ""
}

func TestAuthorization(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, Config{Authorize: readerOnly})
		ctx := testContext(t)
		mustCreate(t, s, testPod("team-a", "p"))
		token := protobufConfig(s)
		token.BearerToken = "sim-user:jane"
		as := protobufConfig(s)
		as.Impersonate = rest.ImpersonationConfig{UserName: "jane"}
		for name, cfg := range map[string]*rest.Config{"token": token, "impersonation": as} {
			c := typedClient(t, cfg)
			if l, err := c.CoreV1().Pods("team-a").List(ctx, metav1.ListOptions{}); err != nil || len(l.Items) != 1 {
				t.Errorf("%s: list in team-a: %v", name, err)
			}
			_, err := c.CoreV1().Pods("").List(ctx, metav1.ListOptions{})
			const want = `pods is forbidden: User "jane" cannot list resource "pods" in API group "" at the cluster scope`
			if !apierrors.IsForbidden(err) || err.Error() != want {
				t.Errorf("%s: %v, want %s", name, err, want)
			}
			_, err = c.AppsV1().Deployments("team-b").Get(ctx, "web", metav1.GetOptions{})
			const wantGet = `deployments.apps "web" is forbidden: User "jane" cannot get resource "deployments" in API group "apps" in the namespace "team-b"`
			if !apierrors.IsForbidden(err) || err.Error() != wantGet {
				t.Errorf("%s: %v, want %s", name, err, wantGet)
			}
			for ns, allowed := range map[string]bool{"team-a": true, "team-b": false} {
				r, err := c.AuthorizationV1().SelfSubjectAccessReviews().Create(ctx, &authorizationv1.SelfSubjectAccessReview{
					Spec: authorizationv1.SelfSubjectAccessReviewSpec{ResourceAttributes: &authorizationv1.ResourceAttributes{
						Namespace: ns, Verb: "list", Resource: "pods"}}}, metav1.CreateOptions{})
				if err != nil || r.Status.Allowed != allowed {
					t.Errorf("%s: may list pods in %s: %v, %v; want %v", name, ns, r.Status.Allowed, err, allowed)
				}
			}
			rules, err := c.AuthorizationV1().SelfSubjectRulesReviews().Create(ctx, &authorizationv1.SelfSubjectRulesReview{
				Spec: authorizationv1.SelfSubjectRulesReviewSpec{Namespace: "team-a"}}, metav1.CreateOptions{})
			if err != nil || len(rules.Status.ResourceRules) != 1 || rules.Status.ResourceRules[0].Resources[0] != "pods" {
				t.Errorf("%s: rules %+v, %v; want pods alone", name, rules.Status.ResourceRules, err)
			}
		}
	})
}

func TestAuthentication(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, Config{Authenticate: func(token string) (string, bool) { return "bob", token == "secret" }})
		for token, ok := range map[string]bool{"secret": true, "wrong": false, "": false} {
			cfg := restConfig(s)
			cfg.BearerToken = token
			_, err := typedClient(t, cfg).CoreV1().Namespaces().List(testContext(t), metav1.ListOptions{})
			if ok != (err == nil) || !ok && !apierrors.IsUnauthorized(err) {
				t.Errorf("token %q: %v", token, err)
			}
		}
	})
}
