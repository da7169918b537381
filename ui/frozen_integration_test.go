//go:build integration

package ui

import (
	"context"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"
	"k8s.io/client-go/tools/clientcmd"

	"orka/engine"
	"orka/watch"
	"orka/watch/kube"
	"orka/watch/watchtest"
)

// TestE2EScreenOfAFrozenView explores a real API server over HTTP/1.1, where no ping tells that a connection is dead, and lets the
// network forget its connections. The screen may say "fresh" for 75 s after the server's last word and not longer; it says
// since when nothing was confirmed; and it is fresh again once the network is.
func TestE2EScreenOfAFrozenView(t *testing.T) {
	path := os.Getenv("ORKA_E2E_KUBECONFIG")
	if path == "" {
		t.Fatal("ORKA_E2E_KUBECONFIG is not set: run `make integration`, or point it at a cluster")
	}
	cfg, err := clientcmd.BuildConfigFromFlags("", path)
	if err != nil {
		t.Fatal(err)
	}
	proxy, err := watchtest.NewProxy(strings.TrimPrefix(cfg.Host, "https://"))
	if err != nil {
		t.Fatal(err)
	}
	defer proxy.Close()
	cfg.Host = "https://" + proxy.Addr()
	cfg.NextProtos = []string{"http/1.1"}
	client, err := kube.New(cfg, kube.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer client.CloseIdle()
	econf := engine.DefaultConfig()
	econf.RelistEvery = time.Hour // a list would be another word of the server
	e, err := engine.New(econf, client)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var work sync.WaitGroup
	work.Go(func() {
		if err := e.Run(ctx); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	defer work.Wait()
	defer cancel()
	s := openScreen(ctx, t, &work, Options{Engine: e, Query: "k:cm"})

	loaded := func() bool {
		f := e.View().Health.Freshness(time.Now())
		return f.Least != nil && !f.Loading
	}
	if !s.until(time.Minute, func() bool { return loaded() && strings.Contains(s.text(), "fresh, configmaps") }) {
		t.Fatalf("not fresh within a minute:\n%s", s.text())
	}
	if err := proxy.Set(watchtest.HalfOpen); err != nil {
		t.Fatal(err)
	}
	last := proxy.Delivered()
	if !s.until(watch.ConfirmWithin+2*time.Second, func() bool { return !strings.Contains(s.text(), "fresh") }) {
		t.Fatalf("%s after the last word of the server the screen says:\n%s", time.Since(last).Round(time.Second), s.text())
	}
	t.Logf("%s after the last word of the server: %s", time.Since(last).Round(100*time.Millisecond), s.line("configmaps"))
	const row = "extension-apiserver-authentication" // every API server makes it
	// By then another connection is asked for, and may have been given up.
	if text := s.text(); !strings.Contains(text, "configmaps last confirmed 7") && !strings.Contains(text, "configmaps stale 7") || !strings.Contains(text, row) {
		t.Errorf("the screen does not say since when, or keeps no rows:\n%s", text)
	}
	if err := proxy.Set(watchtest.Pass); err != nil {
		t.Fatal(err)
	}
	healed := time.Now()
	if !s.until(2*time.Minute, func() bool { return strings.Contains(s.text(), "fresh, configmaps") }) {
		t.Fatalf("not fresh within two minutes of healing:\n%s", s.text())
	}
	t.Logf("%s after healing: %s", time.Since(healed).Round(100*time.Millisecond), s.line("configmaps"))
	// The first event confirms; what else happened meanwhile is right behind it.
	agreed := func() bool {
		v := e.View()
		err = watchtest.Agree(ctx, client, v.Health.Kind("configmaps"), v.World, nil)
		return err == nil
	}
	if !s.until(10*time.Second, agreed) {
		t.Error(err)
	}
}

// realScreen runs a Model in real time, as bubbletea does. One goroutine, the test's, owns the Model.
type realScreen struct {
	ctx  context.Context
	work *sync.WaitGroup
	m    *Model
	msgs chan tea.Msg
}

func openScreen(ctx context.Context, t *testing.T, work *sync.WaitGroup, o Options) *realScreen {
	t.Helper()
	o.th = plainTheme
	m, err := New(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	s := &realScreen{ctx: ctx, work: work, m: m, msgs: make(chan tea.Msg, 100)}
	s.exec(m.Init())
	s.deliver(tea.WindowSizeMsg{Width: 120, Height: 40})
	return s
}

func (s *realScreen) exec(cmd tea.Cmd) {
	if cmd == nil {
		return
	}
	s.work.Go(func() {
		if msg := cmd(); msg != nil {
			select {
			case s.msgs <- msg:
			case <-s.ctx.Done():
			}
		}
	})
}

func (s *realScreen) deliver(msg tea.Msg) {
	if batch, ok := msg.(tea.BatchMsg); ok {
		for _, cmd := range batch {
			s.exec(cmd)
		}
		return
	}
	_, cmd := s.m.Update(msg)
	s.exec(cmd)
}

// until goes on until ok holds, and reports whether it did within d.
func (s *realScreen) until(d time.Duration, ok func() bool) bool {
	deadline := time.After(d)
	for !ok() {
		select {
		case msg := <-s.msgs:
			s.deliver(msg)
		case <-deadline:
			return false
		}
	}
	return true
}

func (s *realScreen) text() string { return ansi.Strip(s.m.View()) }

// line is the first line with a text.
func (s *realScreen) line(with string) string {
	for l := range strings.Lines(s.text()) {
		if strings.Contains(l, with) {
			return strings.TrimSpace(l)
		}
	}
	return ""
}
