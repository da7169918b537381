package cli

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestLogLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		log := slog.New(newLogLimit(slog.NewTextHandler(&out, nil)))
		pods, nodes := log.With("scope", "pods"), log.With("scope", "nodes")
		lines := func() int {
			n := strings.Count(out.String(), "\n")
			return n
		}
		for range 1000 {
			pods.Info("phase", "reason", "Network")
		}
		if got := lines(); got != logBurst {
			t.Errorf("%d lines of one thing at once, want %d", got, logBurst)
		}
		nodes.Info("phase", "reason", "Network")
		pods.Info("phase", "reason", "Expired")
		if got := lines(); got != logBurst+2 {
			t.Errorf("another scope and another reason are left out: %d lines", got)
		}
		out.Reset()
		time.Sleep(logEvery)
		pods.Info("phase", "reason", "Network")
		pods.Info("phase", "reason", "Network")
		if want := fmt.Sprintf("leftOut=%d", 1000-logBurst); lines() != 1 || !strings.Contains(out.String(), want) {
			t.Errorf("got %q, want one line with %s", out.String(), want)
		}
	})
}

func TestLogLimitIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newLogLimit(slog.DiscardHandler)
		log := slog.New(h)
		for i := range 3 * logKeys {
			log.Info("phase", "scope", i)
			if i == 2*logKeys {
				time.Sleep(time.Hour) // all have their allowance back
			}
		}
		if n := len(h.seen.of); n > logKeys+1 {
			t.Errorf("%d things are remembered, want at most %d", n, logKeys+1)
		}
	})
}

func TestLogFileTurns(t *testing.T) {
	path := filepath.Join(t.TempDir(), "orka.log")
	one, err := openLog(path, 100)
	if err != nil {
		t.Fatal(err)
	}
	defer one.Close()
	two, err := openLog(path, 100) // another process's
	if err != nil {
		t.Fatal(err)
	}
	defer two.Close()
	line := strings.Repeat("x", 29) + "\n"
	for range 20 {
		for _, l := range []*logFile{one, two} {
			if _, err := io.WriteString(l, line); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, name := range []string{path, path + ".1"} {
		// Each process counts what it wrote itself.
		if b, err := os.ReadFile(name); err != nil || len(b) == 0 || len(b) > 2*100+len(line) || len(b)%len(line) != 0 {
			t.Errorf("%s has %d bytes, %v", filepath.Base(name), len(b), err)
		}
	}
	if err := one.Close(); err != nil {
		t.Error(err)
	}
	if _, err := io.WriteString(one, line); err == nil {
		t.Error("written after the end")
	}
}
