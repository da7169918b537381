package apply_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/rest"

	"orka/apply"
	"orka/apply/history"
)

// The crash tests run one commit in a process of its own that is killed at a named point, and then look at what the
// server and the history have.

// The child's orders are in its environment.
const (
	envServer = "ORKA_TEST_CRASH_SERVER"
	envSpace  = "ORKA_TEST_CRASH_NAMESPACE"
	envDB     = "ORKA_TEST_CRASH_DB"
	envPoint  = "ORKA_TEST_CRASH_POINT" // "apply:sent", "history:mid-begin"
	envRoute  = "ORKA_TEST_CRASH_ROUTE"
	envFull   = "ORKA_TEST_CRASH_DISK_FULL"
	envSecret = "ORKA_TEST_CRASH_SECRET" // a Secret is edited, and the end is a panic
)

// TestCrashChild is not a test: it is the process that the others kill.
func TestCrashChild(t *testing.T) {
	server := os.Getenv(envServer)
	if server == "" {
		t.Skip("runs within TestCrash")
	}
	if err := crashingCommit(t.Context(), server); err != nil {
		t.Fatal(err)
	}
}

func crashingCommit(ctx context.Context, server string) error {
	at := func(part string) func(string) {
		return func(step string) {
			switch {
			case part+":"+step != os.Getenv(envPoint):
			case os.Getenv(envSecret) != "":
				panic("the test's")
			default:
				kill()
			}
		}
	}
	store, err := history.Open(os.Getenv(envDB), history.Options{FaultPoint: at("history")})
	if err != nil {
		return err
	}
	defer store.Close()
	rc := &rest.Config{Host: server, UserAgent: userAgent}
	h, err := rest.HTTPClientFor(rc)
	if err != nil {
		return err
	}
	defer h.CloseIdleConnections()
	orka, err := apply.New(apply.Config{REST: rc, HTTP: h, Journal: store, Look: live, FaultPoint: at("apply")})
	if err != nil {
		return err
	}
	kind := configMaps
	if os.Getenv(envSecret) != "" {
		kind = secrets
	}
	base, err := orka.Open(ctx, apply.Target{Kind: kind, Namespace: os.Getenv(envSpace), Name: "settings"})
	if err != nil {
		return err
	}
	draft, err := orka.Draft(base)
	if err != nil {
		return err
	}
	changed := strings.Replace(string(draft), "shared: old", "shared: mine", 1)
	if kind == secrets {
		changed = strings.Replace(string(draft), encode("old"), encode("new"), 1)
	}
	if os.Getenv(envRoute) == string(apply.JSONPatch) {
		changed = strings.Replace(string(draft), "  shared: old\n", "", 1)
	}
	i, err := orka.Intent(ctx, base, []byte(changed))
	if err != nil {
		return err
	}
	p, err := orka.Preview(ctx, base, i, all)
	if err != nil {
		return err
	}
	if os.Getenv(envFull) != "" {
		if err := store.Ready(ctx); err != nil {
			return err
		}
		mend, err := fillDisk()
		if err != nil {
			return err
		}
		_, err = orka.Commit(ctx, p, all)
		var journal *apply.JournalError
		if !errors.As(err, &journal) {
			return fmt.Errorf("with a full disk: %w", err)
		}
		_, _ = fmt.Fprintln(os.Stderr, "refused:", err)
		if _, err := store.Find(ctx, history.Query{}); err != nil {
			return fmt.Errorf("the history of a full disk can't be read: %w", err)
		}
		if os.Getenv(envFull) == "stays" {
			return nil
		}
		if err := mend(); err != nil {
			return err
		}
	}
	_, err = orka.Commit(ctx, p, all)
	return err
}

// kill ends this process as kill -9 does.
func kill() {
	self, err := os.FindProcess(os.Getpid())
	if err == nil {
		err = self.Kill()
	}
	if err != nil {
		panic(err) // the parent sees that it was not killed
	}
	select {} // until it arrives
}

// child is the test binary again, with orders, and a way to kill it from outside.
func child(t *testing.T, w *world, env ...string) (*exec.Cmd, context.CancelFunc) {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	proxy := httptest.NewServer(w.tap)
	t.Cleanup(proxy.Close)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, program, "-test.run=^TestCrashChild$", "-test.v")
	cmd.Env = append(os.Environ(), envServer+"="+proxy.URL, envSpace+"="+w.ns, envDB+"="+filepath.Join(w.dir, "crash", "history.db"))
	cmd.Env = append(cmd.Env, env...)
	return cmd, cancel
}

// wasKilled runs a child that is to be killed.
func wasKilled(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.Exited() {
		t.Fatalf("not killed: %v\n%s", err, out)
	}
}

// afterCrash opens the history anew, as the next orka does, and returns its entries.
func afterCrash(t *testing.T, w *world) (*history.Store, []history.Entry) {
	t.Helper()
	var reports []string
	store, err := history.Open(filepath.Join(w.dir, "crash", "history.db"), history.Options{Report: func(s string) { reports = append(reports, s) }})
	if err != nil {
		t.Fatalf("the history after a crash: %v", err)
	}
	t.Cleanup(func() { _ = store.Close() })
	entries, err := store.Find(t.Context(), history.Query{Namespace: w.ns})
	if err != nil {
		t.Fatalf("the history after a crash: %v", err)
	}
	if len(reports) > 0 {
		t.Errorf("a crash is no damage, but it reports %q", reports)
	}
	return store, entries
}

// entriesOf is what the history of a crashed child has.
func (w *world) entriesOf(t *testing.T) []history.Entry {
	t.Helper()
	_, entries := afterCrash(t, w)
	return entries
}

func TestCrash(t *testing.T) {
	cases := []struct {
		point   string
		written bool          // the server has the write
		entries int           // in the history
		state   history.State // of the entry
	}{
		{"apply:guarded", false, 0, ""},
		{"history:mid-create", false, 0, ""},
		{"history:before-begin", false, 0, ""},
		{"history:mid-begin", false, 0, ""},
		{"history:after-begin", false, 1, history.Unknown},
		{"apply:recorded", false, 1, history.Unknown},
		{"server:answering", true, 1, history.Unknown},
		{"apply:sent", true, 1, history.Unknown},
		{"apply:answered", true, 1, history.Unknown},
		{"history:before-finish", true, 1, history.Unknown},
		{"history:mid-finish", true, 1, history.Unknown},
		{"history:after-finish", true, 1, history.Applied},
		{"apply:finished", true, 1, history.Applied},
	}
	for _, c := range cases {
		for _, route := range []apply.Route{apply.ServerSideApply, apply.JSONPatch} {
			t.Run(c.point+"/"+string(route), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, openSim(t))
				target := w.target(configMaps, "settings")
				made := w.admin.create(configMaps, w.ns, settings)
				cmd, kill := child(t, w, envPoint+"="+c.point, envRoute+"="+string(route))
				if c.point == "server:answering" { // killed from outside while it waits for the answer
					w.tap.instead(func(s *seen) *answer {
						if !s.write() {
							return nil
						}
						w.admin.as(apply.FieldManager).must(s.Method, s.Path, s.Query, s.ContentType, s.Body)
						kill()
						panic(http.ErrAbortHandler)
					})
				}
				wasKilled(t, cmd)
				now := w.get(target)
				if written := now.GetResourceVersion() != made.GetResourceVersion(); written != c.written {
					t.Errorf("written: %v, want %v", written, c.written)
				}
				store, entries := afterCrash(t, w)
				if len(entries) != c.entries {
					t.Fatalf("%d entries, want %d", len(entries), c.entries)
				}
				for _, e := range entries {
					if e.Outcome.State != c.state || e.Done != (c.state == history.Applied) || e.Intent.UID != string(made.GetUID()) || e.Intent.BaseVersion != made.GetResourceVersion() {
						t.Errorf("entry %+v, want %s", e, c.state)
					}
					if e.Outcome.State == history.Applied && e.Outcome.Version != now.GetResourceVersion() {
						t.Errorf("entry has version %s, the server %s", e.Outcome.Version, now.GetResourceVersion())
					}
				}
				if sent := len(w.tap.writes()); sent > len(entries) {
					t.Errorf("%d writes, %d entries", sent, len(entries))
				}
				// The next orka goes on from there.
				w.store = store
				w.tap.instead(nil)
				w.orka = w.applier(nil)
				w.open(target).replace("\ndata:\n", "\ndata:\n  ours: \"1\"\n").mustCommit(all)
				if got := w.states(); len(got) != c.entries+1 || got[c.entries] != history.Applied {
					t.Errorf("history goes on as %v", got)
				}
			})
		}
	}
}

// TestCrashDiskFull has no room for the record: nothing is written, and once there is room it goes on.
func TestCrashDiskFull(t *testing.T) {
	for _, full := range []string{"stays", "passes"} {
		t.Run(full, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, openSim(t))
			target := w.target(configMaps, "settings")
			made := w.admin.create(configMaps, w.ns, settings)
			var out bytes.Buffer
			cmd, _ := child(t, w, envFull+"="+full)
			cmd.Stdout, cmd.Stderr = &out, &out
			err := cmd.Run()
			if strings.Contains(out.String(), errNoLimit.Error()) {
				t.Skip(errNoLimit)
			}
			if err != nil {
				t.Fatalf("%v\n%s", err, &out)
			}
			if !strings.Contains(out.String(), "nothing was written") || !strings.Contains(out.String(), "ORKA_DB_PATH") {
				t.Errorf("no way out in: %s", &out)
			}
			_, entries := afterCrash(t, w)
			if full == "passes" {
				if len(entries) != 1 || entries[0].Outcome.State != history.Applied {
					t.Errorf("entries %+v", entries)
				}
				w.wantWrites(1, 1)
				return
			}
			w.unchanged(target, made)
			w.wantWrites(0, 0)
			if len(entries) != 0 {
				t.Errorf("entries %+v", entries)
			}
		})
	}
}

var errNoLimit = errors.New("this system can't limit the size of files")

// TestCrashNames holds that the points of TestCrash are those that the code has: a renamed one would never be reached, and
// its case would fail for another reason.
func TestCrashNames(t *testing.T) {
	w := newWorld(t, openSim(t))
	w.admin.create(configMaps, w.ns, settings)
	var reached []string
	store, err := history.Open(filepath.Join(w.dir, "points", "history.db"), history.Options{FaultPoint: func(s string) { reached = append(reached, "history:"+s) }})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	w.orka = w.applier(func(cfg *apply.Config, _ *rest.Config) {
		cfg.Journal = store
		cfg.FaultPoint = func(s string) { reached = append(reached, "apply:"+s) }
	})
	w.open(w.target(configMaps, "settings")).replace("shared: old", "shared: mine").mustCommit(all)
	want := []string{"apply:guarded", "history:before-begin", "history:mid-begin", "history:after-begin", "apply:recorded", "apply:sent", "apply:answered",
		"history:before-finish", "history:mid-finish", "history:after-finish", "apply:finished"}
	reached = slices.DeleteFunc(reached, func(s string) bool { return !slices.Contains(want, s) })
	if !slices.Equal(reached, want) {
		t.Errorf("reached %v, want %v", reached, want)
	}
}
