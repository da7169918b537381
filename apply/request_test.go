package apply

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/rest"

	"orka/watch/sim"
)

func TestNewRefusesWhatCannotWork(t *testing.T) {
	for _, cfg := range []Config{{}, {REST: &rest.Config{Host: "https://cluster.example"}}, {HTTP: http.DefaultClient},
		{REST: &rest.Config{Host: "https://user:token@%%"}, HTTP: http.DefaultClient}} {
		if _, err := New(cfg); err == nil || strings.Contains(err.Error(), "token") {
			t.Errorf("error %v", err)
		}
	}
}

func TestObjectPath(t *testing.T) {
	for _, c := range []struct {
		target Target
		want   string
	}{
		{webTarget, "/apis/apps/v1/namespaces/default/deployments/web"},
		{Target{Kind: nodeKind, Name: "node-1"}, "/api/v1/nodes/node-1"},
		{Target{Kind: nodeKind, Name: "system:x y"}, "/api/v1/nodes/system:x y"},
		{Target{Kind: deploymentKind, Namespace: "default", Name: "../../secrets/token"}, ""},
		{Target{Kind: deploymentKind, Namespace: "default", Name: ".."}, ""},
		{Target{Kind: deploymentKind, Namespace: "a%2fb", Name: "web"}, ""},
		{Target{Kind: deploymentKind, Namespace: "", Name: "web"}, ""},
		{Target{Kind: deploymentKind, Namespace: "default", Name: ""}, ""},
	} {
		got, err := objectPath(c.target)
		if got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%s: %q, %v", c.target, got, err)
		}
		if err != nil {
			asError[*DraftError](t, err)
		}
	}
}

// TestRedirectIsNotFollowed: the body of a write goes to the server it is meant for, or nowhere.
func TestRedirectIsNotFollowed(t *testing.T) {
	var asked []string
	client := &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		asked = append(asked, r.URL.Host)
		return &http.Response{StatusCode: http.StatusTemporaryRedirect, Header: http.Header{"Location": {"https://elsewhere.example/"}}, Body: io.NopCloser(strings.NewReader(""))}, nil
	})}
	a, err := New(Config{REST: &rest.Config{Host: "https://cluster.example/prefix"}, HTTP: client})
	if err != nil {
		t.Fatal(err)
	}
	ans, err := a.send(t.Context(), request{method: http.MethodPatch, path: "/x", body: []byte("{}"), timeout: time.Second})
	if err != nil || ans.code != 307 || len(asked) != 1 || client.CheckRedirect != nil {
		t.Errorf("answer %+v, error %v, asked %v", ans, err, asked)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestSendErrors(t *testing.T) {
	body := func(r io.Reader) *http.Response {
		return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(r)}
	}
	for _, c := range []struct {
		name  string
		trip  roundTrip
		limit int
		want  string
		sent  bool
	}{
		{name: "URL within URL", trip: func(*http.Request) (*http.Response, error) {
			return nil, &url.Error{Op: "Post", URL: "https://login.example/?token=abc", Err: errors.New("refresh failed")}
		}, want: "refresh failed", sent: true},
		{name: "closed", trip: func(*http.Request) (*http.Response, error) { return nil, io.EOF }, want: "the connection was closed before the answer", sent: true},
		{name: "half a body", trip: func(*http.Request) (*http.Response, error) {
			return body(io.MultiReader(strings.NewReader("{"), broken{})), nil
		}, want: "the connection was closed before the answer", sent: true},
		{name: "too large", limit: 1 << 20, trip: func(*http.Request) (*http.Response, error) {
			return body(io.LimitReader(zeros{}, 1<<20+1)), nil
		}, want: "the answer is larger than 1 MiB", sent: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, err := New(Config{REST: &rest.Config{Host: "https://cluster.example"}, HTTP: &http.Client{Transport: c.trip}})
			if err != nil {
				t.Fatal(err)
			}
			_, err = a.send(t.Context(), request{method: http.MethodPatch, path: "/x", timeout: time.Second, limit: c.limit})
			lost := asError[*lostError](t, err)
			if lost.Error() != c.want || lost.sent != c.sent {
				t.Errorf("error %q, sent %t", lost, lost.sent)
			}
		})
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

func TestRequestsGiveUp(t *testing.T) {
	flowing(t, sim.Config{}, func(t *testing.T, f *flow) {
		f.create(webTarget, webText)
		b, i := f.edit(webTarget, "replicas: 3", "replicas: 5")
		f.sim.Inject(sim.Fault{Match: sim.Match{Resource: "deployments.apps"}, Action: sim.Hang{}})
		for _, c := range []struct {
			do    func() error
			after time.Duration
			text  string
		}{
			{func() error { _, err := f.orka.Open(t.Context(), webTarget); return err }, readTimeout, "no answer within 10s"},
			{func() error { _, err := f.orka.Preview(t.Context(), b, i, Consent{}); return err }, patchTimeout, "no answer within 30s"},
		} {
			start := time.Now()
			if err := c.do(); err == nil || !strings.Contains(err.Error(), c.text) || time.Since(start) != c.after {
				t.Errorf("after %s: %v", time.Since(start), err)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if _, err := f.orka.Preview(ctx, b, i, Consent{}); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
	})
}
