package apply

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"orka/watch"
	"orka/watch/sim"
)

func TestMay(t *testing.T) {
	listOnly := *deploymentKind
	listOnly.Verbs = watch.VerbGet | watch.VerbList
	for _, c := range []struct {
		name   string
		deny   string // verb and resource
		spoil  func(f *flow)
		target Target
		want   string // the PermissionError's text, "" when it may
	}{
		{name: "all allowed", target: webTarget},
		{name: "no patch", deny: "patch deployments", target: webTarget, want: "deployments.apps default/web: you may not patch it: no rule"},
		{name: "no get", deny: "get deployments", target: webTarget, want: "deployments.apps default/web: you may not get it: no rule"},
		{name: "cluster-scoped", deny: "patch nodes", target: Target{Kind: nodeKind, Name: "node-1"}, want: "nodes node-1: you may not patch it: no rule"},
		{name: "of another kind", deny: "patch configmaps", target: webTarget},
		{name: "kind without patch", target: Target{Kind: &listOnly, Namespace: "default", Name: "web"},
			want: "deployments.apps default/web: you may not patch it: the server offers no patch for deployments.apps"},
		{name: "reviews are not served", deny: "patch deployments", target: webTarget, spoil: func(f *flow) {
			f.sim.Inject(sim.Fault{Match: sim.Match{PathPrefix: "/apis/authorization.k8s.io"}, Action: sim.RawBody{Code: 404, ContentType: "text/plain", Body: "404 page not found"}})
		}},
		{name: "reviews are forbidden", deny: "patch deployments", target: webTarget, spoil: func(f *flow) {
			f.sim.Inject(sim.Fault{Match: sim.Match{PathPrefix: "/apis/authorization.k8s.io"}, Action: sim.Forbid{}})
		}},
		{name: "a portal", target: webTarget, spoil: func(f *flow) {
			f.sim.Inject(sim.Fault{Match: sim.Match{PathPrefix: "/apis/authorization.k8s.io"}, Action: sim.RawBody{Code: 200, ContentType: "text/html", Body: "<html>"}})
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			authorize := func(_, verb, _, resource, _ string) (bool, string) {
				return verb+" "+resource != c.deny, "no rule"
			}
			flowing(t, sim.Config{Authorize: authorize}, func(t *testing.T, f *flow) {
				if c.spoil != nil {
					c.spoil(f)
				}
				err := f.orka.May(t.Context(), c.target)
				got := ""
				if err != nil {
					got = asError[*PermissionError](t, err).Error()
				}
				if diff := cmp.Diff(c.want, got); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			})
		})
	}
}

// TestMayAsksOfThisVeryObject: rules may name objects.
func TestMayAsksOfThisVeryObject(t *testing.T) {
	flowing(t, sim.Config{}, func(t *testing.T, f *flow) {
		if err := f.orka.May(t.Context(), webTarget); err != nil {
			t.Fatal(err)
		}
		sent := f.wire.sent(func(s *passed) bool { return s.method == http.MethodPost })
		if len(sent) != 2 {
			t.Fatalf("%d reviews", len(sent))
		}
		for i, verb := range []string{"get", "patch"} {
			want := `"resourceAttributes":{"namespace":"default","verb":"` + verb + `","group":"apps","version":"v1","resource":"deployments","name":"web"}`
			if !strings.Contains(string(sent[i].body), want) {
				t.Errorf("review %s, want %s", sent[i].body, want)
			}
		}
	})
}

func TestOpenErrors(t *testing.T) {
	flowing(t, sim.Config{}, func(t *testing.T, f *flow) {
		_, err := f.orka.Open(t.Context(), webTarget)
		if r := asError[*RejectedError](t, err); r.Code != 404 {
			t.Errorf("error %v", err)
		}
		f.create(webTarget, webText)
		f.sim.Inject(sim.Fault{Match: sim.Match{Verb: "get", Resource: "deployments.apps"}, Times: 2, Action: sim.Forbid{Reason: "no rule"}})
		for _, open := range []func() error{
			func() error { _, err := f.orka.Open(t.Context(), webTarget); return err },
			func() error { _, err := f.orka.FileBase(t.Context(), webTarget); return err },
		} {
			if p := asError[*PermissionError](t, open()); p.Verb != "get" || !strings.Contains(p.Reason, "no rule") {
				t.Errorf("error %+v", p)
			}
		}
		f.wire.onBefore(func(*passed) error { return errors.New("connection reset") })
		_, err = f.orka.Open(t.Context(), webTarget)
		if err == nil || !strings.Contains(err.Error(), "deployments.apps default/web: may you get it: connection reset") {
			t.Errorf("error %v", err)
		}
	})
}
