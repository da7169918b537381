package sim

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func configMap(namespace, name string) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
}

func configMapNames(l *corev1.ConfigMapList) (names []string) {
	for _, c := range l.Items {
		names = append(names, c.Namespace+"/"+c.Name)
	}
	return names
}

// TestPages reads a list in pages while it changes: all pages show the state of the first.
func TestPages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, Config{})
		ctx := testContext(t)
		cms := typedClient(t, protobufConfig(s)).CoreV1().ConfigMaps("")
		var want []string
		for i := range 10 {
			ns := []string{"default", "kube-public"}[i%2]
			mustCreate(t, s, configMap(ns, fmt.Sprintf("c%d", i)))
		}
		for _, ns := range []string{"default", "kube-public"} {
			for i := range 10 {
				if (i%2 == 1) == (ns == "kube-public") {
					want = append(want, fmt.Sprintf("%s/c%d", ns, i))
				}
			}
		}
		var got []string
		opts := metav1.ListOptions{Limit: 3}
		rev, rest := "", []int64{7, 4, 1, 0}
		for page := 0; ; page++ {
			l, err := cms.List(ctx, opts)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, configMapNames(l)...)
			if page == 0 {
				rev = l.ResourceVersion
			}
			if l.ResourceVersion != rev {
				t.Errorf("page %d is of revision %s, the first of %s", page, l.ResourceVersion, rev)
			}
			var r int64
			if l.RemainingItemCount != nil {
				r = *l.RemainingItemCount
			}
			if r != rest[page] {
				t.Errorf("page %d: %d remaining, want %d", page, r, rest[page])
			}
			if opts.Continue = l.Continue; opts.Continue == "" {
				break
			}
			// Changes between pages must not show.
			if err := s.Delete(cmsGVR, "kube-public", fmt.Sprintf("c%d", 2*page+1)); err != nil {
				t.Fatal(err)
			}
			mustCreate(t, s, configMap("default", fmt.Sprintf("a-new-%d", page)), configMap("kube-public", fmt.Sprintf("z-new-%d", page)))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("pages (-want +got):\n%s", diff)
		}
	})
}

// TestContinueExpired compacts between two pages: 410, with a token that goes on inconsistently.
func TestContinueExpired(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, Config{})
		ctx := testContext(t)
		cms := typedClient(t, restConfig(s)).CoreV1().ConfigMaps("default")
		mustCreate(t, s, configMap("default", "a"), configMap("default", "b"))
		l, err := cms.List(ctx, metav1.ListOptions{Limit: 1})
		if err != nil {
			t.Fatal(err)
		}
		mustCreate(t, s, configMap("default", "c"))
		if err := s.Compact(s.Revision()); err != nil {
			t.Fatal(err)
		}
		_, err = cms.List(ctx, metav1.ListOptions{Limit: 1, Continue: l.Continue})
		if !apierrors.IsResourceExpired(err) {
			t.Fatalf("compacted token: %v, want 410 Expired", err)
		}
		var expired *apierrors.StatusError
		if !errors.As(err, &expired) {
			t.Fatalf("%T is no status", err)
		}
		token := expired.ErrStatus.ListMeta.Continue
		l, err = cms.List(ctx, metav1.ListOptions{Continue: token})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"default/b", "default/c"}, configMapNames(l)); diff != "" {
			t.Errorf("inconsistent continuation (-want +got):\n%s", diff)
		}
	})
}

// TestListVersions holds the table of resourceVersion and resourceVersionMatch in the Kubernetes documentation.
func TestListVersions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, Config{})
		ctx := testContext(t)
		cms := typedClient(t, restConfig(s)).CoreV1().ConfigMaps("default")
		mustCreate(t, s, configMap("default", "a"))
		old := fmt.Sprint(s.Revision())
		mustCreate(t, s, configMap("default", "b"))
		now := fmt.Sprint(s.Revision())
		future := fmt.Sprint(s.Revision() + 5)
		a, ab := []string{"default/a"}, []string{"default/a", "default/b"}
		for _, tc := range []struct {
			name string
			opts metav1.ListOptions
			want []string
			rev  string
			err  func(error) bool
			wait time.Duration
		}{
			{name: "unset", want: ab, rev: now},
			{name: "any ignores the limit", opts: metav1.ListOptions{ResourceVersion: "0", Limit: 1}, want: ab, rev: now},
			{name: "not older by default", opts: metav1.ListOptions{ResourceVersion: old}, want: ab, rev: now},
			{name: "exact by default with a limit", opts: metav1.ListOptions{ResourceVersion: old, Limit: 5}, want: a, rev: old},
			{name: "exact", opts: metav1.ListOptions{ResourceVersion: old, ResourceVersionMatch: "Exact"}, want: a, rev: old},
			{name: "not older", opts: metav1.ListOptions{ResourceVersion: old, ResourceVersionMatch: "NotOlderThan", Limit: 5}, want: ab, rev: now},
			{name: "future", opts: metav1.ListOptions{ResourceVersion: future}, err: isTooLarge, wait: 43 * time.Second}, // client-go heeds Retry-After: 11 attempts of 3 s, 1 s apart
			{name: "match without version", opts: metav1.ListOptions{ResourceVersionMatch: "Exact"}, err: apierrors.IsInvalid},
			{name: "exact zero", opts: metav1.ListOptions{ResourceVersion: "0", ResourceVersionMatch: "Exact"}, err: apierrors.IsInvalid},
			{name: "no number", opts: metav1.ListOptions{ResourceVersion: "x"}, err: apierrors.IsBadRequest},
			{name: "bad token", opts: metav1.ListOptions{Continue: "%%%"}, err: apierrors.IsBadRequest},
			{name: "initial events", opts: metav1.ListOptions{SendInitialEvents: new(bool)}, err: apierrors.IsInvalid},
		} {
			start := time.Now()
			l, err := cms.List(ctx, tc.opts)
			if d := time.Since(start); d != tc.wait {
				t.Errorf("%s: took %v, want %v", tc.name, d, tc.wait)
			}
			if tc.err != nil {
				if !tc.err(err) {
					t.Errorf("%s: error %v", tc.name, err)
				}
				continue
			}
			if err != nil {
				t.Errorf("%s: %v", tc.name, err)
				continue
			}
			if diff := cmp.Diff(tc.want, configMapNames(l)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.name, diff)
			}
			if l.ResourceVersion != tc.rev {
				t.Errorf("%s: revision %s, want %s", tc.name, l.ResourceVersion, tc.rev)
			}
		}
	})
}

func isTooLarge(err error) bool {
	return apierrors.IsTimeout(err) && apierrors.HasStatusCause(err, metav1.CauseTypeResourceVersionTooLarge)
}

func TestSelectors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, Config{})
		ctx := testContext(t)
		c := typedClient(t, protobufConfig(s))
		for i := range 6 {
			p := testPod("default", fmt.Sprintf("p%d", i))
			p.Labels["odd"] = fmt.Sprint(i%2 == 1)
			p.Spec.NodeName = fmt.Sprintf("node-%d", i%3)
			mustCreate(t, s, p)
		}
		for _, tc := range []struct {
			labels, fields string
			limit          int64
			want           string
		}{
			{"odd=true", "", 0, "p1 p3 p5"},
			{"odd notin (true)", "", 0, "p0 p2 p4"},
			{"", "spec.nodeName=node-1", 0, "p1 p4"},
			{"odd=true", "spec.nodeName=node-1", 0, "p1"},
			{"", "metadata.name=p2", 0, "p2"},
			{"", "metadata.name=p2,status.phase=Pending", 0, ""},
			{"", "status.phase!=Running", 0, ""},
			{"", "metadata.namespace=default,metadata.name!=p2", 2, "p0 p1"},
		} {
			l, err := c.CoreV1().Pods("").List(ctx, metav1.ListOptions{LabelSelector: tc.labels, FieldSelector: tc.fields, Limit: tc.limit})
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, p := range l.Items {
				names = append(names, p.Name)
			}
			if got := strings.Join(names, " "); got != tc.want {
				t.Errorf("%q %q: %s, want %s", tc.labels, tc.fields, got, tc.want)
			}
			if (l.Continue != "") != (tc.limit > 0) {
				t.Errorf("%q %q limit %d: continue %q", tc.labels, tc.fields, tc.limit, l.Continue)
			}
		}
		_, err := c.CoreV1().Pods("").List(ctx, metav1.ListOptions{FieldSelector: "spec.nonsense=1"})
		if !apierrors.IsBadRequest(err) || !strings.Contains(err.Error(), "field label not supported: spec.nonsense") {
			t.Errorf("unknown field: %v", err)
		}
	})
}

// TestMediaTypes asks for one object in every form, and for forms that can't be had.
func TestMediaTypes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, Config{})
		hc := httpClient(t, restConfig(s))
		for _, tc := range []struct {
			accept, want string
			code         int
		}{
			{"", mediaJSON, 200},
			{"*/*", mediaJSON, 200},
			{"application/json", mediaJSON, 200},
			{"application/yaml", mediaYAML, 200},
			{"application/vnd.kubernetes.protobuf, application/json", mediaProtobuf, 200},
			{"application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;g=meta.k8s.io;v=v1", mediaProtobuf, 200},
			{"application/json;as=Table;v=v1;g=meta.k8s.io,application/json", mediaJSON, 200},
			{"application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/yaml", mediaYAML, 200},
			{"text/html", mediaJSON, 406},
			{"application/cbor", mediaJSON, 406},
		} {
			req, err := http.NewRequestWithContext(testContext(t), http.MethodGet, s.Host()+"/api/v1/namespaces/default", nil)
			if err != nil {
				t.Fatal(err)
			}
			if tc.accept != "" {
				req.Header.Set("Accept", tc.accept)
			}
			resp, err := hc.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != tc.code || resp.Header.Get("Content-Type") != tc.want {
				t.Errorf("Accept %q: %d %s, want %d %s", tc.accept, resp.StatusCode, resp.Header.Get("Content-Type"), tc.code, tc.want)
			}
		}
	})
}
