package cluster

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"

	"orka/watch/sim"
)

// TestGeneratedObjectsAreWhole: what the generator makes is what a server would have stored, defaults and owners
// included: writing an object back as it is changes nothing, and a server-side apply of one label adds one owner.
func TestGeneratedObjectsAreWhole(t *testing.T) {
	s := sim.New(sim.Config{})
	defer s.Close()
	c, err := New(testConfig(6000))
	if err != nil {
		t.Fatal(err)
	}
	// A few objects of each kind.
	paths := map[string][]string{}
	objs := func(yield func(runtime.Object) bool) {
		for o := range c.Objects() {
			gvk := o.GetObjectKind().GroupVersionKind()
			if gvk.Empty() {
				kinds, _, err := scheme.Scheme.ObjectKinds(o)
				if err != nil {
					t.Fatal(err)
				}
				gvk = kinds[0]
			}
			m := o.(metav1.Object)
			if kind := gvk.String(); len(paths[kind]) < 4 && m.GetDeletionTimestamp() == nil {
				path := "/apis/" + gvk.GroupVersion().String()
				if gvk.Group == "" {
					path = "/api/v1"
				}
				if m.GetNamespace() != "" {
					path += "/namespaces/" + m.GetNamespace()
				}
				paths[kind] = append(paths[kind], path+"/"+plural(gvk.Kind)+"/"+m.GetName())
			}
			if !yield(o) {
				return
			}
		}
	}
	if _, err := s.Load(objs); err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{DialContext: s.Dial}}
	defer client.CloseIdleConnections()
	send := func(method, path, media string, body []byte) (int, map[string]any) {
		req, err := http.NewRequestWithContext(t.Context(), method, s.Host()+path, bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", media)
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		out := map[string]any{}
		if err := json.Unmarshal(b, &out); err != nil {
			t.Fatalf("%s %s: %s", method, path, b)
		}
		return resp.StatusCode, out
	}
	for kind, list := range paths {
		for _, path := range list {
			code, o := send(http.MethodGet, path, "", nil)
			if code != http.StatusOK {
				t.Errorf("GET %s: %v", path, o["message"])
				continue
			}
			body, err := json.Marshal(o)
			if err != nil {
				t.Fatal(err)
			}
			code, back := send(http.MethodPut, path+"?fieldManager=nobody&dryRun=All", "application/json", body)
			if code != http.StatusOK {
				t.Errorf("PUT %s: %v", path, back["message"])
				continue
			}
			if diff := cmp.Diff(lines(o), lines(back)); diff != "" {
				t.Errorf("%s: an update with nothing new (-before +after):\n%s", kind, diff)
				continue
			}
			patch := fmt.Sprintf(`{"apiVersion":%q,"kind":%q,"metadata":{"name":%q,"labels":{"orka.test/x":"y"}}}`, o["apiVersion"], o["kind"], o["metadata"].(map[string]any)["name"])
			code, after := send(http.MethodPatch, path+"?fieldManager=orka", "application/apply-patch+yaml", []byte(patch))
			if code != http.StatusOK {
				t.Errorf("apply to %s: %v", path, after["message"])
				continue
			}
			before, _ := o["metadata"].(map[string]any)["managedFields"].([]any)
			now, _ := after["metadata"].(map[string]any)["managedFields"].([]any)
			var changed []any
			for _, e := range now {
				if e.(map[string]any)["manager"] != "orka" {
					changed = append(changed, e)
				}
			}
			if diff := cmp.Diff(sortedEntries(before), sortedEntries(changed)); diff != "" && len(before) > 0 {
				t.Errorf("%s: owners after an apply of a label (-before +after):\n%s", kind, diff)
			}
		}
	}
}

func sortedEntries(in []any) []string {
	out := make([]string, 0, len(in))
	for _, e := range in {
		b, _ := json.MarshalIndent(e, "", " ")
		out = append(out, string(b))
	}
	return out
}

func lines(v any) []string {
	b, _ := json.MarshalIndent(v, "", " ") // it was JSON before
	return strings.Split(string(b), "\n")
}

func plural(kind string) string {
	p := strings.ToLower(kind)
	switch {
	case strings.HasSuffix(p, "endpoints"):
		return p
	case strings.HasSuffix(p, "s"):
		return p + "es"
	case strings.HasSuffix(p, "y"):
		return strings.TrimSuffix(p, "y") + "ies"
	}
	return p + "s"
}
