package sim

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

func TestCreateRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, Config{})
		ctx := testContext(t)
		c := typedClient(t, protobufConfig(s)).CoreV1()
		for _, tc := range []struct {
			name   string
			in     string // namespace of the request
			object *corev1.ConfigMap
			check  func(error) bool
			text   string
		}{
			{"no namespace of that name", "nowhere", configMap("nowhere", "a"), apierrors.IsNotFound, `namespaces "nowhere" not found`},
			{"another namespace in the body", "default", configMap("kube-public", "a"), apierrors.IsBadRequest, "does not match the namespace sent on the request"},
			{"no name", "default", configMap("default", ""), apierrors.IsInvalid, "name or generateName is required"},
			{"bad name", "default", configMap("default", "Not_Good"), apierrors.IsInvalid, "metadata.name"},
		} {
			_, err := c.ConfigMaps(tc.in).Create(ctx, tc.object, metav1.CreateOptions{})
			if !tc.check(err) || !strings.Contains(err.Error(), tc.text) {
				t.Errorf("%s: %v, want %q", tc.name, err, tc.text)
			}
		}
		if _, err := c.ConfigMaps("").Create(ctx, configMap("", "a"), metav1.CreateOptions{}); !apierrors.IsMethodNotSupported(err) {
			t.Errorf("create in no namespace: %v, want 405", err)
		}
	})
}

func TestGenerateName(t *testing.T) {
	names := func(seed uint64) (out []string) {
		synctest.Test(t, func(t *testing.T) {
			s := newServer(t, Config{Seed: seed})
			cms := typedClient(t, protobufConfig(s)).CoreV1().ConfigMaps("default")
			for range 3 {
				c, err := cms.Create(testContext(t), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{GenerateName: "gen-"}}, metav1.CreateOptions{})
				if err != nil {
					t.Fatal(err)
				}
				if len(c.Name) != len("gen-")+5 || !strings.HasPrefix(c.Name, "gen-") {
					t.Errorf("generated %q", c.Name)
				}
				out = append(out, c.Name, string(c.UID))
			}
		})
		return out
	}
	a, b, other := names(1), names(1), names(2)
	if strings.Join(a, " ") != strings.Join(b, " ") {
		t.Errorf("one seed, two results: %v and %v", a, b)
	}
	if strings.Join(a, " ") == strings.Join(other, " ") {
		t.Errorf("two seeds, one result: %v", a)
	}
}

func TestPatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, Config{})
		ctx := testContext(t)
		p := testPod("default", "p")
		p.Spec.Containers = append(p.Spec.Containers, corev1.Container{Name: "side", Image: "example.test/side:1"})
		mustCreate(t, s, p)
		pods := typedClient(t, protobufConfig(s)).CoreV1().Pods("default")
		for _, tc := range []struct {
			name  string
			typ   types.PatchType
			body  string
			want  string // images, when there is no error
			check func(error) bool
		}{
			{"strategic merges lists by key", types.StrategicMergePatchType, `{"spec":{"containers":[{"name":"side","image":"example.test/side:2"}]}}`,
				"example.test/web:1 example.test/side:2", nil},
			{"json", types.JSONPatchType, `[{"op":"test","path":"/spec/containers/0/name","value":"main"},{"op":"replace","path":"/spec/containers/0/image","value":"x"}]`,
				"x example.test/side:2", nil},
			{"json, failed test", types.JSONPatchType, `[{"op":"test","path":"/spec/containers/0/name","value":"other"},{"op":"remove","path":"/spec"}]`, "", apierrors.IsInvalid},
			{"json, malformed", types.JSONPatchType, `{}`, "", apierrors.IsBadRequest},
			{"merge replaces lists", types.MergePatchType, `{"spec":{"containers":[{"name":"main","image":"y:1"},{"name":"side","image":"z:1"}]}}`, "y:1 z:1", nil},
			{"merge, malformed", types.MergePatchType, `{`, "", apierrors.IsBadRequest},
			{"stale resourceVersion", types.MergePatchType, `{"metadata":{"resourceVersion":"1"}}`, "", apierrors.IsConflict},
			{"another uid", types.MergePatchType, `{"metadata":{"uid":"other"}}`, "", apierrors.IsInvalid},
			{"wrong type", types.MergePatchType, `{"spec":{"containers":7}}`, "", apierrors.IsInvalid},
			{"renamed", types.MergePatchType, `{"metadata":{"name":"q"}}`, "", apierrors.IsBadRequest},
		} {
			got, err := pods.Patch(ctx, "p", tc.typ, []byte(tc.body), metav1.PatchOptions{})
			if tc.check != nil {
				if !tc.check(err) {
					t.Errorf("%s: error %v", tc.name, err)
				}
				continue
			}
			if err != nil {
				t.Errorf("%s: %v", tc.name, err)
				continue
			}
			var images []string
			for _, c := range got.Spec.Containers {
				images = append(images, c.Image)
			}
			if strings.Join(images, " ") != tc.want {
				t.Errorf("%s: images %v, want %s", tc.name, images, tc.want)
			}
		}
		if _, err := pods.Patch(ctx, "none", types.MergePatchType, []byte(`{}`), metav1.PatchOptions{}); !apierrors.IsNotFound(err) {
			t.Errorf("patch of nothing: %v", err)
		}
	})
}

// TestNoChange: a write that changes nothing takes no revision and makes no event; neither does a dry run.
func TestNoChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, Config{})
		ctx := testContext(t)
		mustCreate(t, s, configMap("default", "a"))
		cms := typedClient(t, protobufConfig(s)).CoreV1().ConfigMaps("default")
		before := s.Revision()
		c, err := cms.Get(ctx, "a", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		same, err := cms.Update(ctx, c, metav1.UpdateOptions{})
		if err != nil || same.ResourceVersion != c.ResourceVersion {
			t.Errorf("update with nothing new: revision %s → %s, %v", c.ResourceVersion, same.ResourceVersion, err)
		}
		dry := []string{metav1.DryRunAll}
		c.Data = map[string]string{"k": "v"}
		if got, err := cms.Update(ctx, c, metav1.UpdateOptions{DryRun: dry}); err != nil || got.Data["k"] != "v" || got.ResourceVersion != c.ResourceVersion {
			t.Errorf("dry update: %v, %v", got, err)
		}
		if got, err := cms.Create(ctx, configMap("default", "b"), metav1.CreateOptions{DryRun: dry}); err != nil || got.ResourceVersion != "" {
			t.Errorf("dry create: revision %q, %v", got.ResourceVersion, err)
		}
		if err := cms.Delete(ctx, "a", metav1.DeleteOptions{DryRun: dry}); err != nil {
			t.Errorf("dry delete: %v", err)
		}
		if now := s.Revision(); now != before {
			t.Errorf("revision %d → %d, want no change", before, now)
		}
	})
}

// TestFieldValidation sends an unknown field in the three modes.
func TestFieldValidation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, Config{})
		hc := httpClient(t, restConfig(s))
		for mode, want := range map[string]struct {
			code    int
			warning bool
		}{"": {201, true}, "Warn": {201, true}, "Ignore": {201, false}, "Strict": {400, false}} {
			body := `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"generateName":"x-"},"nonsense":1}`
			req, err := http.NewRequestWithContext(testContext(t), http.MethodPost, s.Host()+"/api/v1/namespaces/default/configmaps?fieldValidation="+mode, strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", mediaJSON)
			resp, err := hc.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != want.code || (resp.Header.Get("Warning") != "") != want.warning {
				t.Errorf("fieldValidation=%s: %d, warning %q", mode, resp.StatusCode, resp.Header.Get("Warning"))
			}
		}
	})
}

func TestDeleteCollectionAndNamespace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, Config{})
		ctx := testContext(t)
		c := typedClient(t, protobufConfig(s)).CoreV1()
		for _, n := range []string{"a", "b", "c"} {
			p := testPod("kube-public", n)
			p.Labels["name"] = n
			mustCreate(t, s, p)
		}
		if err := c.Pods("kube-public").DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{LabelSelector: "name!=b"}); err != nil {
			t.Fatal(err)
		}
		l, err := c.Pods("kube-public").List(ctx, metav1.ListOptions{})
		if err != nil || len(l.Items) != 1 || l.Items[0].Name != "b" {
			t.Errorf("after the collection: %d left, %v; want b alone", len(l.Items), err)
		}
		if err := c.Namespaces().Delete(ctx, "kube-public", metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		if left, err := s.List(podsGVR); err != nil || len(left) != 0 {
			t.Errorf("after the namespace: %v, %v", left, err)
		}
	})
}
