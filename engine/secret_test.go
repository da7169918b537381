package engine

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"orka/watch/sim"
)

func TestRedact(t *testing.T) {
	const plain = "hunter2-very-secret"
	encoded := base64.StdEncoding.EncodeToString([]byte(plain))
	tests := map[string]struct {
		in   string
		want []string // parts of the output
	}{
		"data":            {`{"data":{"password":"` + encoded + `"}}`, []string{`"(withheld, 19 bytes)"`}},
		"stringData":      {`{"stringData":{"password":"` + plain + `"}}`, []string{`"(withheld, 19 bytes)"`}},
		"invalid base64":  {`{"data":{"password":"` + plain + `!"}}`, []string{`"(withheld, 20 bytes)"`}},
		"empty value":     {`{"data":{"password":""},"x":"` + "kept" + `"}`, []string{`"(withheld, 0 bytes)"`, "kept"}},
		"not a string":    {`{"data":{"password":17}}`, []string{`"(withheld, 0 bytes)"`}},
		"data not a map":  {`{"data":["` + encoded + `"]}`, []string{`"data":"(withheld)"`}},
		"null data":       {`{"data":null}`, []string{`"data":null`}},
		"last-applied":    {`{"metadata":{"annotations":{"kubectl.kubernetes.io/last-applied-configuration":"{\"data\":{\"old\":\"b2xk\"}}"}}}`, []string{`last-applied-configuration":"(withheld)"`}},
		"another tool's":  {`{"data":{"p":"` + encoded + `"},"metadata":{"annotations":{"tool.example/copy":"{\"p\":\"` + encoded + `\"}","note":"kept"}}}`, []string{`"tool.example/copy":"(withheld)"`, `"note":"kept"`}},
		"stringData copy": {`{"stringData":{"p":"` + plain + `"},"metadata":{"annotations":{"tool.example/copy":"` + encoded + `"}}}`, []string{`copy":"(withheld)"`}},
		"large numbers":   {`{"metadata":{"generation":9007199254740993}}`, []string{"9007199254740993"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			out, err := redact([]byte(tt.in))
			if err != nil {
				t.Fatal(err)
			}
			if !json.Valid(out) {
				t.Errorf("not JSON: %s", out)
			}
			for _, want := range tt.want {
				if !strings.Contains(string(out), want) {
					t.Errorf("%s lacks %s", out, want)
				}
			}
			for _, leak := range []string{plain, encoded, "b2xk"} {
				if strings.Contains(string(out), leak) {
					t.Errorf("%s holds %s", out, leak)
				}
			}
		})
	}
	if _, err := redact([]byte("{")); err == nil {
		t.Error("broken JSON passes")
	}
}

// TestSecretsAreNeverShown: neither the World nor a body holds a value, whichever way it is asked for.
func TestSecretsAreNeverShown(t *testing.T) {
	exploring(t, sim.Config{}, nil, func(t *testing.T, server *sim.Server, e *Engine) {
		if err := server.Create(&corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "token", Annotations: map[string]string{lastApplied: `{"stringData":{"p":"hunter2"}}`}},
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
