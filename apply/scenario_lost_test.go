package apply_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"k8s.io/client-go/rest"

	"orka/apply"
	"orka/apply/history"
)

// Lost answers and lost records: rows 9 and 10 of the table in docs/reliability.md.

func TestScenario09AnswerLost(t *testing.T) {
	for _, r := range routes {
		for _, where := range []cut{afterServer, withinAnswer} {
			t.Run(string(r.route)+"/"+map[cut]string{afterServer: "all of it", withinAnswer: "half of it"}[where], func(t *testing.T) {
				onEach(t, func(t *testing.T, w *world) {
					target := w.target(configMaps, "settings")
					w.admin.create(configMaps, w.ns, settings)
					e := w.open(target)
					r.change(e)
					p := e.mustPreview(all)
					w.tap.onBreak(func(s *seen) cut {
						if s.write() {
							return where
						}
						return whole
					})
					result, err := e.commit(p, all)
					if r.route == apply.JSONPatch && where == afterServer { // a removal, of which nothing says whose it is
						if !as[*apply.UnknownError](t, err).Done {
							t.Errorf("it is there, but %v", err)
						}
						w.wantStates(history.Unknown)
						return
					}
					if err != nil {
						t.Fatalf("commit: %v", err)
					}
					after := w.get(target)
					if !result.Resolved || result.ResourceVersion != after.GetResourceVersion() || result.UID != string(after.GetUID()) {
						t.Errorf("result %+v, the server has %s", result, after.GetResourceVersion())
					}
					w.wantWrites(1, 1)
					w.wantStates(history.Applied)
					if en := w.entries()[0]; en.Outcome.Version != after.GetResourceVersion() {
						t.Errorf("history has version %s, the server %s", en.Outcome.Version, after.GetResourceVersion())
					}
				})
			})
		}
	}
}

// TestScenario09LostAndChanged has another writer come between the write and the look at what became of it.
func TestScenario09LostAndChanged(t *testing.T) {
	cases := []struct {
		name    string
		patch   string
		applied bool // it can be told that ours was applied
	}{
		{"elsewhere", `{"data":{"theirs":"2"}}`, true},
		{"the same field", `{"data":{"shared":"theirs now"}}`, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			onEach(t, func(t *testing.T, w *world) {
				target := w.target(configMaps, "settings")
				w.admin.create(configMaps, w.ns, settings)
				e := w.open(target).replace("shared: old", "shared: mine").replace("\ndata:\n", "\ndata:\n  ours: \"1\"\n")
				p := e.mustPreview(all)
				sent := false
				w.tap.onBreak(func(s *seen) cut {
					if s.write() {
						sent = true
						return afterServer
					}
					return whole
				})
				w.tap.onBefore(func(s *seen) {
					if sent {
						sent = false
						w.admin.merge(configMaps, w.ns, "settings", c.patch)
					}
				})
				result, err := e.commit(p, all)
				if c.applied {
					if err != nil || !result.Resolved {
						t.Errorf("got %+v, %v", result, err)
					}
					w.wantStates(history.Applied)
					return
				}
				as[*apply.UnknownError](t, err)
				if !strings.Contains(err.Error(), "look at it") {
					t.Errorf("no way out: %v", err)
				}
				w.wantStates(history.Unknown)
			})
		})
	}
}

func TestScenario09NeverArrived(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		target := w.target(configMaps, "settings")
		w.admin.create(configMaps, w.ns, settings)
		before := w.get(target)
		e := w.open(target).replace("shared: old", "shared: mine")
		p := e.mustPreview(all)
		broken := true
		w.tap.onBreak(func(s *seen) cut {
			if broken && s.write() {
				return beforeServer
			}
			return whole
		})
		_, err := e.commit(p, all)
		if !as[*apply.UnknownError](t, err).Absent || !strings.Contains(err.Error(), "trying again is safe") {
			t.Errorf("no way out: %v", err)
		}
		w.unchanged(target, before)
		w.wantWrites(0, 0)
		w.wantStates(history.Unknown)
		broken = false
		if _, err := e.commit(p, all); err != nil {
			t.Fatalf("again: %v", err)
		}
		if got := at(w.get(target), "data", "shared"); got != "mine" {
			t.Errorf("shared is %v", got)
		}
	})
}

// TestScenario09Gateway is told by a proxy that it had no answer, after the server committed, and before.
func TestScenario09Gateway(t *testing.T) {
	for _, committed := range []bool{true, false} {
		t.Run(map[bool]string{true: "committed", false: "not committed"}[committed], func(t *testing.T) {
			onEach(t, func(t *testing.T, w *world) {
				target := w.target(configMaps, "settings")
				w.admin.create(configMaps, w.ns, settings)
				e := w.open(target).replace("shared: old", "shared: mine")
				p := e.mustPreview(all)
				w.tap.instead(func(s *seen) *answer {
					if !s.write() {
						return nil
					}
					if committed {
						q := s.Query
						w.admin.as(apply.FieldManager).must(s.Method, s.Path, q, s.ContentType, s.Body)
					}
					return &answer{code: 504, header: map[string]string{"Content-Type": "text/html"}, body: "<html>gateway timeout</html>"}
				})
				result, err := e.commit(p, all)
				if !committed {
					if !as[*apply.UnknownError](t, err).Absent { // it may pass it on yet
						t.Errorf("it is not there, but %v", err)
					}
					w.wantStates(history.Unknown)
					return
				}
				if err != nil || !result.Resolved {
					t.Errorf("got %+v, %v", result, err)
				}
				w.wantStates(history.Applied)
			})
		})
	}
}

// TestScenario09Unreachable can't even look: the outcome is unknown, and recorded as that.
func TestScenario09Unreachable(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		target := w.target(configMaps, "settings")
		w.admin.create(configMaps, w.ns, settings)
		e := w.open(target).replace("shared: old", "shared: mine")
		p := e.mustPreview(all)
		var gone atomic.Bool
		w.tap.onBreak(func(s *seen) cut {
			if s.write() {
				gone.Store(true)
				return afterServer
			}
			if gone.Load() {
				return beforeServer
			}
			return whole
		})
		_, err := e.commit(p, all)
		as[*apply.UnknownError](t, err)
		w.wantStates(history.Unknown)
		// Trying again is safe: the same patch finds the object moved, and what it wants done already.
		w.tap.onBreak(nil)
		if got := at(w.get(target), "data", "shared"); got != "mine" {
			t.Errorf("shared is %v", got)
		}
		_, err = e.commit(p, all)
		var moved *apply.MovedError
		if err != nil && !errors.As(err, &moved) && !errors.Is(err, apply.ErrNoChange) {
			t.Errorf("again: %T: %v", err, err)
		}
		if got := at(w.get(target), "data", "shared"); got != "mine" {
			t.Errorf("shared is %v after the second try", got)
		}
	})
}

// TestScenario09Cancelled is given up by the person while the write is under way: the outcome is found nevertheless.
func TestScenario09Cancelled(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		target := w.target(configMaps, "settings")
		w.admin.create(configMaps, w.ns, settings)
		e := w.open(target).replace("shared: old", "shared: mine")
		p := e.mustPreview(all)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		w.tap.instead(func(s *seen) *answer {
			if s.write() {
				w.admin.as(apply.FieldManager).must(s.Method, s.Path, s.Query, s.ContentType, s.Body)
				cancel()
				panic(http.ErrAbortHandler)
			}
			return nil
		})
		result, err := e.orka.Commit(ctx, p, all)
		if err != nil || !result.Resolved {
			t.Errorf("got %+v, %v, want it found applied", result, err)
		}
		w.wantStates(history.Applied)
	})
}

// TestScenario10NoRecordNoWrite has a history that can't be written. What the disk does when it is full, and what a kill
// between intent and outcome leaves, are in crash_test.go; neither depends on the server.
func TestScenario10NoRecordNoWrite(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		target := w.target(configMaps, "settings")
		w.admin.create(configMaps, w.ns, settings)
		before := w.get(target)
		broken := errors.New("the disk is full")
		w.orka = w.applier(func(cfg *apply.Config, _ *rest.Config) { cfg.Journal = failing{broken} })
		e := w.open(target).replace("shared: old", "shared: mine")
		p := e.mustPreview(all)
		_, err := e.commit(p, all)
		as[*apply.JournalError](t, err)
		if !errors.Is(err, broken) || !strings.Contains(err.Error(), "nothing was written") {
			t.Errorf("got %v", err)
		}
		w.unchanged(target, before)
		w.wantWrites(0, 0)
	})
}

// halfway can begin and not finish.
type halfway struct{ *history.Store }

func (h halfway) Finish(context.Context, history.ID, history.Outcome) error {
	return errors.New("the disk is full")
}

// TestScenario10OutcomeNotRecorded writes, and then can't say so in the history: the person is told, the entry reads as unknown.
func TestScenario10OutcomeNotRecorded(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		target := w.target(configMaps, "settings")
		w.admin.create(configMaps, w.ns, settings)
		w.orka = w.applier(func(cfg *apply.Config, _ *rest.Config) { cfg.Journal = halfway{w.store} })
		r := w.open(target).replace("shared: old", "shared: mine").mustCommit(all)
		if !strings.Contains(strings.Join(r.Warnings, "\n"), "the disk is full") {
			t.Errorf("warnings %q", r.Warnings)
		}
		if got := at(w.get(target), "data", "shared"); got != "mine" {
			t.Errorf("shared is %v", got)
		}
		w.wantStates(history.Unknown)
		if w.entries()[0].Done {
			t.Error("called done")
		}
	})
}
