package kube

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// held is a transport that a plugin holds up until it is let go.
type held struct{ free chan struct{} }

func (h held) RoundTrip(*http.Request) (*http.Response, error) {
	<-h.free
	return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}, nil
}

// TestRequestsEndWhileAPluginHangs: a request ends with its context, those after it say what they wait for, and all goes on
// when the plugin has answered.
func TestRequestsEndWhileAPluginHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := held{make(chan struct{})}
		p := newPluginTransport(h, "/usr/local/bin/cloud-login")
		ask := func(within time.Duration) error {
			ctx, cancel := context.WithTimeout(t.Context(), within)
			defer cancel()
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://cluster.example", nil)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := p.RoundTrip(req)
			if err == nil {
				err = resp.Body.Close()
			}
			return err
		}
		start := time.Now()
		if err := ask(time.Second); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Second {
			t.Errorf("after %s: %v, want the end of a second", time.Since(start), err)
		}
		start = time.Now()
		if err := ask(time.Minute); err == nil || !strings.Contains(err.Error(), "credential plugin cloud-login has not answered") || time.Since(start) != pluginPatience {
			t.Errorf("after %s: %v, want the plugin to be named", time.Since(start), err)
		}
		if err := ask(time.Second); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v, want the end of a second", err)
		}
		if p.stuck != 1 {
			t.Errorf("%d requests behind the plugin, want the first alone", p.stuck)
		}
		close(h.free)
		synctest.Wait()
		if err := ask(time.Second); err != nil {
			t.Errorf("after the plugin has answered: %v", err)
		}
	})
}
