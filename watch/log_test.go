package watch_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"orka/watch/sim"
)

// logged is a log in memory.
type logged struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write takes one line.
func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// TestLogNamesReasons has an outage and an expired version: each change of phase, each end of a stream and each relist is
// a line with its reason, and the counts in Status are those of the lines.
func TestLogNamesReasons(t *testing.T) {
	inRig(t, sim.Config{}, func(r *rig) {
		var log logged
		r.cfg.Logger = slog.New(slog.NewTextHandler(&log, nil))
		r.pods(0, 20)
		w := r.startLive(podKind)
		r.sim.Refuse(true)
		r.pass(time.Minute)
		r.delete(3)
		r.must(r.sim.Compact(r.sim.Revision()))
		r.sim.Refuse(false)
		r.pass(time.Minute)
		r.settled(podKind)
		text := log.String()
		for _, want := range []string{
			`msg=phase scope=pods from=Queued to=Listing`,
			`to=Live`,
			`to=Backoff reason=Network err=`,
			`msg="stream ended" scope=pods reason=Network`,
			`msg=relist scope=pods reason=Expired`,
		} {
			if !strings.Contains(text, want) {
				t.Errorf("no line with %q", want)
			}
		}
		for msg, n := range map[string]int{"relist ": int(w.Status().Relists), `"stream ended" `: int(w.Status().Restarts)} {
			if got := strings.Count(text, fmt.Sprintf("msg=%s", msg)); got != n {
				t.Errorf("%d lines of %s, Status counts %d", got, msg, n)
			}
		}
		if t.Failed() {
			t.Log(text)
		}
	})
}
