package sim

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
)

func applyConfigMap(data string) []byte {
	return []byte(`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":` + data + `}`)
}

// TestHooks: the order, what they see, what they change and how they refuse.
func TestHooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, Config{})
		ctx := testContext(t)
		cfg := restConfig(s)
		var heard []string
		cfg.WarningHandler = warnings(func(text string) { heard = append(heard, text) })
		cms := typedClient(t, cfg).CoreV1().ConfigMaps("default")
		var order []string
		note := func(name string) func(*Review) error {
			return func(r *Review) error {
				order = append(order, name+" "+r.Operation)
				return nil
			}
		}
		s.Admit(Hook{Name: "check", Resources: []string{"configmaps"}, Validate: note("check")})
		s.Admit(Hook{Name: "first", Operations: []string{"CREATE", "UPDATE"}, Resources: []string{"configmaps"}, Mutate: note("first")})
		set := s.Admit(Hook{Name: "set", Operations: []string{"CREATE", "UPDATE"}, Resources: []string{"configmaps"}, Mutate: func(r *Review) error {
			order = append(order, "set "+r.Operation)
			r.Warn("something was added")
			return unstructured.SetNestedField(r.Object.Object, "hook", "data", "by")
		}})
		s.Admit(Hook{Name: "elsewhere", Resources: []string{"secrets"}, Validate: note("elsewhere")})

		opts := metav1.PatchOptions{FieldManager: "m1"}
		got, err := cms.Patch(ctx, "a", types.ApplyPatchType, applyConfigMap(`{"k":"v"}`), opts)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(map[string]string{"k": "v", "by": "hook"}, got.Data); diff != "" {
			t.Errorf("data (-want +got):\n%s", diff)
		}
		for _, e := range got.ManagedFields {
			if strings.Contains(string(e.FieldsV1.Raw), "f:by") {
				t.Errorf("what the hook added belongs to %s: %s", e.Manager, e.FieldsV1.Raw)
			}
		}
		rev := s.Revision()
		if _, err := cms.Patch(ctx, "a", types.ApplyPatchType, applyConfigMap(`{"k":"v"}`), opts); err != nil || s.Revision() != rev {
			t.Errorf("an apply that changes nothing: revision %d → %d, %v", rev, s.Revision(), err)
		}
		if err := cms.Delete(ctx, "a", metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		want := []string{"first CREATE", "set CREATE", "check CREATE", "first UPDATE", "set UPDATE", "check UPDATE", "check DELETE"}
		if diff := cmp.Diff(want, order); diff != "" {
			t.Errorf("order (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{"something was added", "something was added"}, heard); diff != "" {
			t.Errorf("warnings (-want +got):\n%s", diff)
		}
		if set.Calls() != 2 {
			t.Errorf("%d calls, want 2", set.Calls())
		}
	})
}

type warnings func(text string)

func (w warnings) HandleWarningHeader(_ int, _, text string) { w(text) }

func TestHookRefusals(t *testing.T) {
	deny := func(err error) func(*Review) error { return func(*Review) error { return err } }
	for _, tc := range []struct {
		name string
		hook Hook
		dry  bool
		code int32
		text string // "" admits
	}{
		{"plain error", Hook{Validate: deny(&Denied{Message: "no"})}, false, 400, `admission webhook "h.example.test" denied the request: no`},
		{"forbidden", Hook{Mutate: deny(&Denied{Code: 403, Reason: metav1.StatusReasonForbidden, Message: "not yours"})}, false, 403,
			`admission webhook "h.example.test" denied the request: not yours`},
		{"reason alone", Hook{Validate: deny(&Denied{Reason: "Because"})}, false, 400, `admission webhook "h.example.test" denied the request: Because`},
		{"no explanation", Hook{Validate: deny(&Denied{})}, false, 400, `admission webhook "h.example.test" denied the request without explanation`},
		{"dry run", Hook{SideEffects: true, Validate: deny(nil)}, true, 400, `admission webhook "h.example.test" does not support dry run`},
		{"side effects without a dry run", Hook{SideEffects: true, Validate: deny(nil)}, false, 0, ""},
		{"dry run of a hook without side effects", Hook{Validate: deny(nil)}, true, 0, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newServer(t, Config{})
				tc.hook.Name = "h.example.test"
				a := s.Admit(tc.hook)
				opts := metav1.PatchOptions{FieldManager: "m1"}
				if tc.dry {
					opts.DryRun = []string{metav1.DryRunAll}
				}
				cms := typedClient(t, restConfig(s)).CoreV1().ConfigMaps("default")
				_, err := cms.Patch(testContext(t), "a", types.ApplyPatchType, applyConfigMap(`{}`), opts)
				if tc.text == "" {
					if err != nil {
						t.Fatal(err)
					}
					return
				}
				if err == nil || err.Error() != tc.text {
					t.Fatalf("error %v, want %s", err, tc.text)
				}
				if code := err.(apierrors.APIStatus).Status().Code; code != tc.code {
					t.Errorf("code %d, want %d", code, tc.code)
				}
				if _, err := s.Get(cmsGVR, "default", "a"); !apierrors.IsNotFound(err) {
					t.Errorf("the refused object: %v, want NotFound", err)
				}
				a.Remove()
				if _, err := cms.Patch(testContext(t), "a", types.ApplyPatchType, applyConfigMap(`{}`), opts); err != nil {
					t.Errorf("after the hook was removed: %v", err)
				}
			})
		})
	}
}

// TestCutAfter: the write is committed, the client learns nothing.
func TestCutAfter(t *testing.T) {
	for _, tls := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			s := newServer(t, Config{TLS: tls})
			hc := httpClient(t, restConfig(s))
			send := func() (*http.Response, error) {
				req, err := http.NewRequestWithContext(testContext(t), http.MethodPatch,
					s.Host()+"/api/v1/namespaces/default/configmaps/a?fieldManager=m1&force=true", strings.NewReader(string(applyConfigMap(`{"k":"v"}`))))
				if err != nil {
					t.Fatal(err)
				}
				req.Header.Set("Content-Type", string(types.ApplyYAMLPatchType))
				return hc.Do(req)
			}
			cut := s.Inject(Fault{Match: Match{Verb: "patch"}, Times: 1, Action: CutAfter{}})
			resp, err := send()
			if err == nil {
				resp.Body.Close()
				t.Fatalf("answer %d, want none", resp.StatusCode)
			}
			o, err := s.Get(cmsGVR, "default", "a")
			if err != nil || o.(*corev1.ConfigMap).Data["k"] != "v" || cut.Hits() != 1 {
				t.Fatalf("stored: %v, %v; %d hits", o, err, cut.Hits())
			}
			s.Inject(Fault{Match: Match{Verb: "patch"}, Times: 1, Action: StatusAfter{Status{Code: http.StatusGatewayTimeout}}})
			if err := s.Delete(cmsGVR, "default", "a"); err != nil {
				t.Fatal(err)
			}
			resp, err = send()
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if _, err := s.Get(cmsGVR, "default", "a"); resp.StatusCode != http.StatusGatewayTimeout || err != nil {
				t.Errorf("answer %d, stored: %v; want 504 and no error", resp.StatusCode, err)
			}
			log := s.Requests(Match{Verb: "patch"})
			if r := log[0]; len(log) != 2 || r.ContentType != string(types.ApplyYAMLPatchType) || !r.Force || r.FieldManager != "m1" || r.DryRun {
				t.Errorf("request log: %+v", log)
			}
		})
	}
}
