package ui

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"orka/watch"
)

// terminal is a terminal that remembers what was written to it.
type terminal struct {
	mu  sync.Mutex
	buf bytes.Buffer
	// saw is closed once the text wanted was written.
	want string
	saw  chan struct{}
}

func (t *terminal) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n, err := t.buf.Write(p)
	if t.saw != nil && strings.Contains(t.buf.String(), t.want) {
		close(t.saw)
		t.saw = nil
	}
	return n, err
}

// restored reports what a terminal is left with: each mode that was switched on must be off again.
func (t *terminal) check(tt *testing.T) {
	tt.Helper()
	t.mu.Lock()
	defer t.mu.Unlock()
	out := t.buf.String()
	for name, mode := range map[string]string{"alternate screen": "1049", "mouse": "1002", "mouse (SGR)": "1006", "bracketed paste": "2004"} {
		if on, off := strings.LastIndex(out, "\x1b[?"+mode+"h"), strings.LastIndex(out, "\x1b[?"+mode+"l"); on < 0 || off < on {
			tt.Errorf("%s: on at %d, off at %d of %d", name, on, off, len(out))
		}
	}
	if hidden, shown := strings.LastIndex(out, "\x1b[?25l"), strings.LastIndex(out, "\x1b[?25h"); shown < hidden {
		tt.Error("the cursor stays hidden")
	}
}

// brokenEngine panics when it is told to retry.
type brokenEngine struct{ *fakeEngine }

func (brokenEngine) Retry(...*watch.Kind) { panic("out of order") }

func TestRunRestoresTheTerminal(t *testing.T) {
	for _, tt := range []struct {
		name string
		keys string
		want string // in the error
		end  bool   // end by the context
		log  string
	}{
		{name: "quit", keys: "\rq"},
		{name: "ctrl-c", keys: "\x03"},
		{name: "context", end: true},
		{name: "panic", keys: "\rR", want: "the screen failed: out of order", log: "out of order"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			in, keyboard := io.Pipe()
			defer in.Close()
			defer keyboard.Close()
			saw := make(chan struct{})
			out := &terminal{want: "\x1b[?2004h", saw: saw}
			var log bytes.Buffer
			done := make(chan error, 1)
			go func() {
				done <- Run(ctx, Options{Engine: brokenEngine{newFakeEngine(smallCluster())}, Input: in, Output: out, Logger: slog.New(slog.NewTextHandler(&log, nil)), th: plainTheme})
			}()
			<-saw
			if tt.end {
				cancel()
			}
			for _, k := range tt.keys {
				if _, err := keyboard.Write([]byte(string(k))); err != nil {
					t.Fatal(err)
				}
			}
			_ = keyboard.Close()
			err := <-done
			if (err == nil) != (tt.want == "") || (err != nil && !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("Run returned %v, want %q", err, tt.want)
			}
			out.check(t)
			if !strings.Contains(log.String(), tt.log) || (tt.log == "" && log.Len() > 0) {
				t.Errorf("the log says %q", log.String())
			}
		})
	}
}

// TestRunGivesTheTerminalToTheEditor runs the program with an editor that dies with the terminal in disorder.
func TestRunGivesTheTerminalToTheEditor(t *testing.T) {
	editor := script(t, `printf '\033[?1049h\033[?25l\033[31mediting'; sed 's/replicas: 3/replicas: 5/' "$1" > "$1.new"; mv "$1.new" "$1"; [ -z "$ORKA_TEST_DIE" ] || kill -9 $$`)
	for _, tt := range []struct{ name, die, want string }{
		{"goes on", "", "dry-run"},
		{"dies", "yes", "ended with"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			state := t.TempDir()
			t.Setenv("KUBE_EDITOR", "'"+editor+"'")
			t.Setenv("ORKA_TEST_DIE", tt.die)
			in, keyboard, err := os.Pipe() // a file, which the editor gets as its own
			if err != nil {
				t.Fatal(err)
			}
			defer in.Close()
			out := &terminal{want: "\x1b[?2004h", saw: make(chan struct{})}
			saw := out.saw
			done := make(chan error, 1)
			go func() {
				done <- Run(t.Context(), Options{Engine: newFakeEngine(smallCluster()), Input: in, Output: out, StateDir: state, Query: webQuery, th: plainTheme, w: 100, h: 30})
			}()
			press := func(wait <-chan struct{}, key string) {
				<-wait
				if _, err := keyboard.WriteString(key); err != nil {
					t.Error(err)
				}
			}
			press(saw, "\r")
			press(out.await(" edit "), "e") // offered once the row is there
			press(out.await(tt.want), "\x03")
			if err := <-done; err != nil {
				t.Errorf("Run: %v", err)
			}
			_ = keyboard.Close()
			out.check(t)
			out.mu.Lock()
			defer out.mu.Unlock()
			left, _ := filepath.Glob(filepath.Join(state, "drafts", "*.yaml"))
			if len(left) != 1 || !strings.HasSuffix(strings.TrimSpace(out.buf.String()), filepath.Base(left[0])) {
				t.Errorf("drafts %q; the last words: %q", left, out.buf.String()[max(0, out.buf.Len()-200):])
			}
		})
	}
}

// await is closed once the text was written.
func (t *terminal) await(text string) <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	saw := make(chan struct{})
	if strings.Contains(t.buf.String(), text) {
		close(saw)
	} else {
		t.want, t.saw = text, saw
	}
	return saw
}

func TestRunNeedsAnEngine(t *testing.T) {
	if err := Run(t.Context(), Options{}); err == nil {
		t.Error("Run without an engine returned nil")
	}
}

func TestASCIIOnly(t *testing.T) {
	for _, tt := range []struct {
		env  map[string]string
		want bool
	}{
		{map[string]string{}, false},
		{map[string]string{"LANG": "de_DE.UTF-8"}, false},
		{map[string]string{"LANG": "C.utf8"}, false},
		{map[string]string{"LANG": "C"}, false}, // a container's default, whatever the terminal is
		{map[string]string{"LANG": "de_DE.ISO-8859-1"}, true},
		{map[string]string{"LANG": "de_DE.ISO-8859-1", "LC_ALL": "en_US.UTF-8"}, false},
		{map[string]string{"TERM": "linux", "LANG": "en_US.UTF-8"}, true},
	} {
		if got := asciiOnly(func(k string) string { return tt.env[k] }); got != tt.want {
			t.Errorf("%v: %v", tt.env, got)
		}
	}
}
