package kube

import (
	"bufio"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"

	"orka/watch"
	"orka/watch/sim"
)

// withSim runs a test against a simulated server over the real transport, in virtual time.
func withSim(t *testing.T, test func(t *testing.T, s *sim.Server, c *Client)) {
	synctest.Test(t, func(t *testing.T) {
		s := sim.New(sim.Config{Seed: 1})
		c, err := New(&rest.Config{Host: s.Host(), Dial: s.Dial}, Options{UserAgent: "orka/test"})
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			c.CloseIdle()
			s.Close()
		}()
		test(t, s, c)
	})
}

func TestDiscover(t *testing.T) {
	withSim(t, func(t *testing.T, s *sim.Server, c *Client) {
		d, err := c.Discover(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		find := func(d Discovery, name string) (found []*watch.Kind) {
			for _, k := range d.Kinds {
				if k.Answers(name) {
					found = append(found, k)
				}
			}
			return found
		}
		pods := find(d, "po")
		if len(pods) != 1 || !pods[0].Namespaced || !pods[0].Watchable() || len(pods[0].Columns) < 5 {
			t.Errorf("po is %+v", pods)
		}
		if events := find(d, "events"); len(events) != 1 || events[0].Group != "" {
			t.Errorf("events are %+v, want those of the core group alone", events)
		}
		if len(d.Aliases) != 1 || d.Aliases[0].Kind.Group != "events.k8s.io" || d.Aliases[0].Of.Group != "" {
			t.Errorf("aliases %+v", d.Aliases)
		}
		for _, k := range d.Kinds {
			if strings.Contains(k.Resource, "/") {
				t.Errorf("subresource %s", k.Resource)
			}
		}
		n := len(s.Requests(sim.Match{}))
		if n > 2 {
			t.Errorf("%d requests, want two", n)
		}

		if err := s.AddResource(sim.Resource{Group: "example.com", Version: "v1", Kind: "Widget", Plural: "widgets"}); err != nil {
			t.Fatal(err)
		}
		again, err := c.Discover(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		old := map[*watch.Kind]bool{}
		for _, k := range d.Kinds {
			old[k] = true
		}
		for _, k := range again.Kinds {
			if !old[k] && k.Kind != "Widget" {
				t.Errorf("%s has a new pointer, and nothing about it changed", k)
			}
		}
		if len(again.Kinds) != len(d.Kinds)+1 {
			t.Errorf("%d kinds, want one more than %d", len(again.Kinds), len(d.Kinds))
		}
	})
}

func TestDiscoverPartialFailure(t *testing.T) {
	withSim(t, func(t *testing.T, s *sim.Server, c *Client) {
		if err := s.AddResource(sim.Resource{Group: "example.com", Version: "v1", Kind: "Widget", Plural: "widgets"}); err != nil {
			t.Fatal(err)
		}
		before, err := c.Discover(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		s.Inject(sim.Fault{Action: sim.Unavailable{Group: "example.com"}})
		during, err := c.Discover(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(during.Failed) != 1 || during.Failed[0].GroupVersion != "example.com/v1" || during.Failed[0].Err == nil {
			t.Errorf("failed: %+v", during.Failed)
		}
		if len(during.Kinds) < len(before.Kinds)-1 {
			t.Errorf("%d kinds while one of %d groups is down", len(during.Kinds), len(before.Kinds))
		}
		s.Heal()
		after, err := c.Discover(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(before.Kinds, after.Kinds, cmp.Comparer(func(a, b *watch.Kind) bool { return a == b })); diff != "" {
			t.Errorf("pointers changed while a group was away:\n%s", diff)
		}
	})
}

func TestGetVersionAndText(t *testing.T) {
	withSim(t, func(t *testing.T, s *sim.Server, c *Client) {
		pod := bigPod(1)
		pod.Namespace = "default"
		if err := s.Create(pod); err != nil {
			t.Fatal(err)
		}
		o, body, err := c.Get(t.Context(), podKind, "default", pod.Name)
		if err != nil {
			t.Fatal(err)
		}
		if o.Name != pod.Name || o.Status != "Running" || body.Encoding != watch.EncodingProtobuf {
			t.Errorf("%+v, body %v", o, body.Encoding)
		}
		text, err := YAML(podKind, body)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(string(text), "apiVersion: v1\nkind: Pod\nmetadata:\n") || strings.Contains(string(text), "managedFields") {
			t.Errorf("YAML begins %.80q", text)
		}
		var back corev1.Pod
		if err := yaml.UnmarshalStrict(text, &back); err != nil {
			t.Fatal(err)
		}
		want := pod.DeepCopy()
		want.ManagedFields, want.TypeMeta = nil, metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"}
		if diff := cmp.Diff(jsonOf(t, want), jsonOf(t, &back)); diff != "" {
			t.Errorf("YAML is not the pod: %s", diff)
		}
		raw, err := JSON(podKind, body)
		if err != nil || !strings.HasPrefix(string(raw), `{"apiVersion":"v1","kind":"Pod","metadata":`) {
			t.Errorf("JSON begins %.80q: %v", raw, err)
		}

		_, _, err = c.Get(t.Context(), podKind, "default", "nobody")
		if !IsNotFound(err) || !strings.Contains(err.Error(), "nobody") {
			t.Errorf("get of what is not there: %v", err)
		}
		if v, err := c.Version(t.Context()); err != nil || v != sim.DefaultVersion {
			t.Errorf("version %q, %v", v, err)
		}
		if agent := s.Requests(sim.Match{})[0].UserAgent; !strings.HasPrefix(agent, "orka/test (") {
			t.Errorf("user agent %q", agent)
		}
	})
}

func TestSecretBodyIsWithheldAndRevealed(t *testing.T) {
	withSim(t, func(t *testing.T, s *sim.Server, c *Client) {
		err := s.Create(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "s"}, Data: map[string][]byte{"k": []byte("hunter2")}})
		if err != nil {
			t.Fatal(err)
		}
		_, body, err := c.Get(t.Context(), secretKind, "default", "s")
		if err != nil || body.Encoding != watch.EncodingNone || len(body.Data) != 0 {
			t.Errorf("Get: body %v, %v", body, err)
		}
		if _, err := YAML(secretKind, body); !errors.Is(err, ErrNoBody) {
			t.Errorf("YAML of a withheld body: %v", err)
		}
		body, err = c.Reveal(t.Context(), secretKind, "default", "s")
		if err != nil {
			t.Fatal(err)
		}
		text, err := YAML(secretKind, body)
		if err != nil || !strings.Contains(string(text), "aHVudGVyMg==") {
			t.Errorf("revealed %q, %v", text, err)
		}
	})
}

func TestJSONBodyToText(t *testing.T) {
	for _, test := range []struct{ body, json, yaml string }{
		{`{"apiVersion":"x","kind":"y","metadata":{"name":"a"}}`, `{"apiVersion":"example.com/v1","kind":"Widget","metadata":{"name":"a"}}`,
			"apiVersion: example.com/v1\nkind: Widget\nmetadata:\n  name: a\n"},
		{`{"spec":{"big":12345678901234567},"kind":"y"}`, `{"apiVersion":"example.com/v1","kind":"Widget","spec":{"big":12345678901234567}}`,
			"apiVersion: example.com/v1\nkind: Widget\nspec:\n  big: 12345678901234567\n"},
		{`{}`, `{"apiVersion":"example.com/v1","kind":"Widget"}`, "apiVersion: example.com/v1\nkind: Widget\n"},
	} {
		body := watch.Body{Encoding: watch.EncodingJSON, Data: []byte(test.body)}
		if got, err := JSON(widgetKind, body); err != nil || string(got) != test.json {
			t.Errorf("JSON of %s: %s, %v", test.body, got, err)
		}
		if got, err := YAML(widgetKind, body); err != nil || string(got) != test.yaml {
			t.Errorf("YAML of %s: %s, %v", test.body, got, err)
		}
	}
	if _, err := JSON(widgetKind, watch.Body{Encoding: watch.EncodingJSON, Data: []byte(`{"a"`)}); err == nil {
		t.Error("a broken body is no error")
	}
}

func TestAnswerError(t *testing.T) {
	status := &metav1.Status{TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: "Failure", Code: 429, Reason: "TooManyRequests", Message: "slow \x1bdown",
		Details: &metav1.StatusDetails{RetryAfterSeconds: 3, Causes: []metav1.StatusCause{{Type: "C"}}}}
	full := watch.APIError{Verb: "list", Resource: "pods", Code: 429, Reason: "TooManyRequests", Message: `slow \x1bdown`, Causes: []string{"C"}, RetryAfter: 3 * time.Second}
	fromHeader := full
	fromHeader.RetryAfter = 9 * time.Second
	for name, test := range map[string]struct {
		code        int
		media, body string
		after       string
		want        watch.APIError
	}{
		"JSON status":     {429, mediaJSON, string(jsonOf(t, status)), "", full},
		"protobuf status": {429, mediaProtobuf, string(encoded(t, mediaProtobuf, status, corev1.SchemeGroupVersion)), "9", fromHeader},
		"a proxy's page":  {502, "text/html; charset=utf-8", "<html><h1>Bad Gateway</h1>", "", watch.APIError{Verb: "list", Resource: "pods", Code: 502, Message: "Bad Gateway"}},
		"plain text":      {404, "text/plain", "404 page not found\n", "", watch.APIError{Verb: "list", Resource: "pods", Code: 404, Message: "404 page not found"}},
		"nothing":         {503, "", "", "Wed, 21 Oct 1999 07:28:00 GMT", watch.APIError{Verb: "list", Resource: "pods", Code: 503, Message: "Service Unavailable"}},
		"broken status":   {500, mediaProtobuf, "k8s\x00\xff", "", watch.APIError{Verb: "list", Resource: "pods", Code: 500, Message: `k8s\x00\xff`}},
	} {
		rec := httptest.NewRecorder()
		if test.media != "" {
			rec.Header().Set("Content-Type", test.media)
		}
		if test.after != "" {
			rec.Header().Set("Retry-After", test.after)
		}
		rec.WriteHeader(test.code)
		_, _ = rec.WriteString(test.body)
		if diff := cmp.Diff(&test.want, answerError("list", podKind, rec.Result())); diff != "" {
			t.Errorf("%s: want (-), got (+):\n%s", name, diff)
		}
	}
}

// TestUnreadableFrames gives a stream what is no event: each is a FrameError, which leads to a relist.
func TestUnreadableFrames(t *testing.T) {
	for name, test := range map[string]struct {
		proto bool
		data  string
	}{
		"no JSON":            {false, "hello\n"},
		"no type":            {false, `{"object":{"metadata":{"name":"a"}}}` + "\n"},
		"unknown type":       {false, `{"type":"RENAMED","object":{"metadata":{"name":"a"}}}` + "\n"},
		"no name":            {false, `{"type":"ADDED","object":{"metadata":{}}}` + "\n"},
		"protobuf rubbish":   {true, "\x00\x00\x00\x03abc"},
		"protobuf, no magic": {true, "\x00\x00\x00\x0d\x0a\x05ADDED\x12\x04\x0a\x02xx"},
	} {
		s := &stream{resp: &http.Response{}, kind: podKind, d: testDecoder(podKind, Limits{}), r: bufio.NewReader(strings.NewReader(test.data)), proto: test.proto}
		_, err := s.Next()
		var frame *watch.FrameError
		if !errors.As(err, &frame) {
			t.Errorf("%s: %v, want a FrameError", name, err)
		}
	}
}
