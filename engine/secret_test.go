package engine

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"orka/watch/sim"
)

// TestSecretsAreNeverShown: neither the World nor a body holds a value, whichever way it is asked for.
func TestSecretsAreNeverShown(t *testing.T) {
	exploring(t, sim.Config{}, nil, func(t *testing.T, server *sim.Server, e *Engine) {
		if err := server.Create(&corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "token", Annotations: map[string]string{corev1.LastAppliedConfigAnnotation: `{"stringData":{"p":"hunter2"}}`}},
			Data:       map[string][]byte{"p": []byte("hunter2")},
		}); err != nil {
			t.Fatal(err)
		}
		v := await(t, e, "the secret", func(v *View) bool { return complete(v) && len(find(t, v, "k:secret token")) == 1 })
		o := v.World.Get(v.Health.Kind("secrets"), "default", "token")
		if _, kept := e.store.Body(o); kept {
			t.Error("the body of a Secret is kept")
		}
		yaml, source, err := e.YAML(t.Context(), o)
		if err != nil || source != FromServer || !strings.Contains(string(yaml), "(withheld, 7 bytes)") {
			t.Errorf("YAML from %s: %v\n%s", source, err, yaml)
		}
		text, err := e.Describe(t.Context(), o)
		if err != nil || !strings.Contains(text, "7 bytes") {
			t.Errorf("describe: %v\n%s", err, text)
		}
		for _, s := range []string{string(yaml), text, strings.Join(find(t, v, "hunter2"), "")} {
			if strings.Contains(s, "hunter2") || strings.Contains(s, "aHVudGVyMg") {
				t.Errorf("a value is shown: %s", s)
			}
		}
	})
}

// TestDescribeEndsWithItsCaller: kubectl's describers take no context; ours must end them, and Run must not return
// before they have (the bubble would report the goroutine).
func TestDescribeEndsWithItsCaller(t *testing.T) {
	exploring(t, sim.Config{}, nil, func(t *testing.T, server *sim.Server, e *Engine) {
		create(t, server, pod("default", "web"))
		v := await(t, e, "first lists", complete)
		o := v.World.Get(v.Health.Kind("pods"), "default", "web")
		server.Inject(sim.Fault{Match: sim.Match{Verb: "get"}, Action: sim.Hang{}})
		ctx, cancel := withTimeout(t, "1s")
		defer cancel()
		if text, err := e.Describe(ctx, o); err == nil {
			t.Errorf("described by a server that hangs: %s", text)
		}
		server.Heal()
		server.Inject(sim.Fault{Match: sim.Match{Verb: "get"}, Action: sim.Status{Code: 429, RetryAfter: 3600e9}})
		start := time.Now()
		if _, err := e.Describe(t.Context(), o); err == nil || time.Since(start) > time.Minute {
			t.Errorf("a server that asks for an hour's pause: %v after %s", err, time.Since(start))
		}
	})
}

func TestDescribeAfterRunIsRefused(t *testing.T) {
	var ended *Engine
	exploring(t, sim.Config{}, func(_ *Config, _ *rest.Config) {}, func(t *testing.T, _ *sim.Server, e *Engine) {
		await(t, e, "first lists", complete)
		ended = e
	})
	if _, _, err := ended.beginRead(t.Context()); err == nil {
		t.Error("a read starts after Run has ended")
	}
	if err := ended.Run(t.Context()); err == nil {
		t.Error("Run runs twice")
	}
}
