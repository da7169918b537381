package kube

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"sync"
	"time"
)

// pluginPatience is how long a request waits for a credential plugin that an earlier request has given up on.
const pluginPatience = 10 * time.Second

// pluginTransport lets a request end with its context while a credential plugin runs. client-go's exec authenticator
// waits for a plugin without limit, within RoundTrip, and every other request to the server waits with it: one that
// hangs (a VPN that is down, a login nobody sees) would hold up the watchers and the program's end.
//
// While a request that was given up on is still held, later ones wait only for a while and then say why, so that no
// more goroutines pile up behind the plugin than there were requests at once.
type pluginTransport struct {
	inner    http.RoundTripper
	command  string
	patience time.Duration

	mu    sync.Mutex
	stuck int           // requests given up on that have not come back
	since time.Time     // when the first of them was
	freed chan struct{} // closed when none is left; nil while there is none
}

func newPluginTransport(inner http.RoundTripper, command string) *pluginTransport {
	return &pluginTransport{inner: inner, command: filepath.Base(command), patience: pluginPatience}
}

type answer struct {
	resp *http.Response
	err  error
}

// RoundTrip implements http.RoundTripper.
func (p *pluginTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx := req.Context()
	if err := p.wait(ctx); err != nil {
		return nil, err
	}
	got := make(chan answer, 1)
	go func() {
		resp, err := p.inner.RoundTrip(req) //nolint:bodyclose // handed on, or closed below
		got <- answer{resp, err}
	}()
	select {
	case a := <-got:
		return a.resp, a.err
	case <-ctx.Done():
	}
	p.giveUp()
	go func() {
		if a := <-got; a.resp != nil {
			_ = a.resp.Body.Close() // nobody reads it any more
		}
		p.back()
	}()
	return nil, ctx.Err()
}

// WrappedRoundTripper lets apimachinery find the transport whose idle connections are to be closed.
func (p *pluginTransport) WrappedRoundTripper() http.RoundTripper { return p.inner }

// wait lets a request pass unless an earlier one is held up by the plugin.
func (p *pluginTransport) wait(ctx context.Context) error {
	p.mu.Lock()
	freed, since := p.freed, p.since
	p.mu.Unlock()
	if freed == nil {
		return nil
	}
	t := time.NewTimer(p.patience)
	defer t.Stop()
	select {
	case <-freed:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return fmt.Errorf("the credential plugin %s has not answered since %s: run it by itself to see why",
			p.command, since.Format(time.TimeOnly))
	}
}

func (p *pluginTransport) giveUp() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stuck++; p.freed == nil {
		p.freed, p.since = make(chan struct{}), time.Now()
	}
}

func (p *pluginTransport) back() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stuck--; p.stuck == 0 {
		close(p.freed)
		p.freed = nil
	}
}
