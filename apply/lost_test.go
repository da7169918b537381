package apply

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/client-go/rest"

	"orka/watch/sim"
)

// TestLostAnswers: what became of a write is found by reading, and said as it is.
func TestLostAnswers(t *testing.T) {
	reset := errors.New("connection reset")
	reads := func(f *flow, fail func(n int) error) func(*passed) error {
		written, n := false, 0
		return func(s *passed) error {
			written = written || s.write()
			if written && s.read() {
				n++
				return fail(n)
			}
			return nil
		}
	}
	for _, c := range []struct {
		name  string
		spoil func(f *flow, cancel func())
		want  string // "applied", "failed", "unknown": also what is recorded; "absent" is unknown, and not there yet
		after int64  // replicas stored
		// within bounds how long it takes.
		within time.Duration
		text   string
	}{
		{"cut after the commit", func(f *flow, _ func()) {
			f.wire.onAfter(func(s *passed, _ *http.Response) error { return only(s.write(), reset) })
		}, "applied", 5, time.Second, ""},
		{"half an answer", func(f *flow, _ func()) {
			f.wire.onAfter(func(s *passed, resp *http.Response) error {
				if s.write() {
					replace(resp, 200, `{"kind":"Deployment","metadata":{"na`)
				}
				return nil
			})
		}, "applied", 5, time.Second, ""},
		{"a portal's 200 in the server's place", func(f *flow, _ func()) {
			f.sim.Inject(sim.Fault{Match: sim.Match{Verb: "patch"}, Action: sim.RawBody{Code: 200, ContentType: "text/html", Body: "<html>"}})
		}, "absent", 3, 6 * time.Second, "not a JSON object"},
		{"cut before", func(f *flow, _ func()) {
			f.wire.onBefore(func(s *passed) error { return only(s.write(), reset) })
		}, "absent", 3, 6 * time.Second, "connection reset"},
		{"cut by the server", func(f *flow, _ func()) {
			f.sim.Inject(sim.Fault{Match: sim.Match{Verb: "patch"}, Action: sim.Reset{}})
		}, "absent", 3, 6 * time.Second, "the connection was closed before the answer"},
		{"500 after the commit", func(f *flow, _ func()) {
			f.wire.onAfter(func(s *passed, resp *http.Response) error {
				if s.write() {
					replace(resp, 500, `{"kind":"Status","code":500,"reason":"InternalError","message":"etcdserver: leader changed"}`)
				}
				return nil
			})
		}, "applied", 5, time.Second, ""},
		{"504 without", func(f *flow, _ func()) {
			f.sim.Inject(sim.Fault{Match: sim.Match{Verb: "patch"}, Action: sim.Status{Code: 504}})
		}, "absent", 3, 6 * time.Second, "504"},
		{"504, written a second later", func(f *flow, _ func()) {
			f.wire.onAfter(func(s *passed, resp *http.Response) error {
				if s.write() {
					replace(resp, 504, `{"kind":"Status","code":504,"reason":"Timeout"}`)
				}
				return nil
			})
			f.wire.onBefore(func(s *passed) error {
				if s.write() { // the reads see the server as it was until then
					late := time.Now().Add(time.Second)
					old := f.stored(webTarget)
					prior := f.wire.after
					f.wire.onAfter(func(s *passed, resp *http.Response) error {
						if s.read() && time.Now().Before(late) {
							b, _ := old.MarshalJSON()
							replace(resp, 200, string(b))
						}
						return prior(s, resp)
					})
				}
				return nil
			})
		}, "applied", 5, 3 * time.Second, ""},
		{"no answer at all", func(f *flow, _ func()) {
			f.sim.Inject(sim.Fault{Match: sim.Match{Verb: "patch"}, Action: sim.Hang{}})
		}, "absent", 3, 36 * time.Second, "no answer within 30s"},
		{"cut, and reads fail", func(f *flow, _ func()) {
			f.wire.onAfter(func(s *passed, _ *http.Response) error { return only(s.write(), reset) })
			f.wire.onBefore(reads(f, func(int) error { return reset }))
		}, "unknown", 5, 6 * time.Second, "could not be found out"},
		{"cut, and the first reads fail", func(f *flow, _ func()) {
			f.wire.onAfter(func(s *passed, _ *http.Response) error { return only(s.write(), reset) })
			f.wire.onBefore(reads(f, func(n int) error { return only(n < 4, reset) }))
		}, "applied", 5, 6 * time.Second, ""},
		{"cut before, and only the first read works", func(f *flow, _ func()) {
			failing := reads(f, func(n int) error { return only(n > 1, reset) })
			f.wire.onBefore(func(s *passed) error {
				if s.write() {
					_ = failing(s)
					return reset
				}
				return failing(s)
			})
		}, "unknown", 3, 6 * time.Second, ""},
		{"cut after the commit, and it was deleted", func(f *flow, _ func()) {
			f.wire.onAfter(func(s *passed, _ *http.Response) error {
				if s.write() {
					f.remove(webTarget)
					f.create(webTarget, webText)
					return reset
				}
				return nil
			})
		}, "unknown", 3, time.Second, ""},
		{"cut before, and somebody else wrote another field", func(f *flow, _ func()) {
			f.wire.onBefore(func(s *passed) error {
				if s.write() {
					f.merge("theirs", webTarget, `{metadata: {labels: {team: red}}}`)
					return reset
				}
				return nil
			})
		}, "failed", 3, time.Second, ""},
		{"cut before, and somebody else wrote the same value", func(f *flow, _ func()) {
			f.wire.onBefore(func(s *passed) error {
				if s.write() {
					f.merge("theirs", webTarget, `{spec: {replicas: 5}}`)
					return reset
				}
				return nil
			})
		}, "unknown", 5, time.Second, ""},
		{"cancelled in mid-flight, after the commit", func(f *flow, cancel func()) {
			f.wire.onAfter(func(s *passed, _ *http.Response) error {
				if s.write() {
					cancel()
					return context.Canceled
				}
				return nil
			})
		}, "applied", 5, time.Second, ""},
		{"cancelled in mid-flight, before it", func(f *flow, cancel func()) {
			f.wire.onBefore(func(s *passed) error {
				if s.write() {
					cancel()
					return context.Canceled
				}
				return nil
			})
		}, "absent", 3, 6 * time.Second, "context canceled"},
		{"no connection", func(f *flow, _ func()) {
			f.wire.onBefore(func(s *passed) error {
				if s.write() {
					f.sim.Refuse(true)
					return nil
				}
				return nil
			})
		}, "", 3, 6 * time.Second, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			flowing(t, sim.Config{}, func(t *testing.T, f *flow) {
				p := f.scaled()
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				c.spoil(f, cancel)
				f.wire.reset()
				start := time.Now()
				r, err := f.orka.Commit(ctx, p, Consent{All: true})
				took := time.Since(start)
				f.wire.onBefore(nil)
				f.wire.onAfter(nil)
				f.sim.Heal()
				f.sim.Refuse(false)
				f.conn.CloseIdleConnections()
				if took > c.within {
					t.Errorf("it took %s", took)
				}
				var unknown *UnknownError
				var failed *NotAppliedError
				got := "?"
				switch {
				case err == nil:
					got = "applied"
					if !r.Resolved || r.Surprises != nil || r.ResourceVersion != f.stored(webTarget).GetResourceVersion() {
						t.Errorf("result %+v", r)
					}
				case errors.As(err, &unknown) && unknown.Absent:
					got = "absent"
				case errors.As(err, &unknown):
					got = "unknown"
				case errors.As(err, &failed):
					got = "failed"
				}
				if c.want == "" { // either may be known: the connection may have been there already
					c.want = got
				}
				recorded := strings.Replace(c.want, "absent", "unknown", 1)
				if got != c.want || f.log.states() != recorded {
					t.Errorf("%s (%v), recorded %s; want %s", got, err, f.log.states(), c.want)
				}
				if err != nil && (!strings.Contains(err.Error(), c.text) || strings.Contains(err.Error(), "http://")) {
					t.Errorf("error: %v", err)
				}
				if n := f.replicas(); n != c.after {
					t.Errorf("%d replicas stored", n)
				}
				if n := len(f.wire.sent((*passed).write)); n != 1 {
					t.Errorf("%d writes", n)
				}
			})
		})
	}
}

func only(when bool, err error) error {
	if when {
		return err
	}
	return nil
}

// TestUnsentWrite: where not even a connection came about there is nothing to find out.
func TestUnsentWrite(t *testing.T) {
	flowing(t, sim.Config{}, func(t *testing.T, f *flow) {
		p := f.scaled()
		f.orka = f.applier(func(c *Config) {
			c.SkipPreflight = true
			c.FaultPoint = func(step string) {
				if step == "recorded" {
					f.sim.Refuse(true)
					utilnet.CloseIdleConnectionsFor(f.wire.next)
				}
			}
		})
		start := time.Now()
		err := errorOf(f.orka.Commit(t.Context(), p, Consent{All: true}))
		asError[*NotAppliedError](t, err)
		if time.Since(start) > time.Second || f.log.states() != "failed" {
			t.Errorf("it took %s; recorded %s; %v", time.Since(start), f.log.states(), err)
		}
	})
}

// TestLateWrite: a proxy that answers 504 passes the write on after all, when everybody has stopped looking. It is not called
// failed, and trying again is safe whichever of the two comes first.
func TestLateWrite(t *testing.T) {
	for _, retried := range []bool{false, true} {
		flowing(t, sim.Config{}, func(t *testing.T, f *flow) {
			p := f.scaled()
			var held *passed
			f.wire.onBefore(func(s *passed) error {
				if s.write() && held == nil {
					held = s
				}
				return nil
			})
			f.sim.Inject(sim.Fault{Match: sim.Match{Verb: "patch"}, Action: sim.Status{Code: 504}})
			err := errorOf(f.orka.Commit(t.Context(), p, Consent{All: true}))
			if !asError[*UnknownError](t, err).Absent || f.log.states() != "unknown" || !strings.Contains(err.Error(), "trying again is safe") {
				t.Errorf("%v; recorded %s", err, f.log.states())
			}
			f.sim.Heal()
			pass(3 * time.Second)
			want := http.StatusOK
			if retried {
				if _, err := f.orka.Commit(t.Context(), p, Consent{All: true}); err != nil {
					t.Errorf("again: %v", err)
				}
				f.merge("theirs", webTarget, `{spec: {replicas: 7}}`)
				want = http.StatusConflict
			}
			req, err := http.NewRequestWithContext(t.Context(), held.method, f.sim.Host()+held.path+"?"+held.query.Encode(), bytes.NewReader(held.body))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", held.contentType)
			resp, err := f.conn.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			if resp.StatusCode != want {
				t.Errorf("the late write: %d, want %d", resp.StatusCode, want)
			}
			if n := f.replicas(); n != map[bool]int64{false: 5, true: 7}[retried] {
				t.Errorf("%d replicas stored", n)
			}
			if retried {
				return
			}
			moved := asError[*MovedError](t, errorOf(f.orka.Commit(t.Context(), p, Consent{All: true})))
			if !moved.Next.Diff.Empty() {
				t.Errorf("next %+v", moved.Next.Diff)
			}
		})
	}
}

// TestNoConnection: a write for which no connection came about in time was certainly not sent.
func TestNoConnection(t *testing.T) {
	flowing(t, sim.Config{}, func(t *testing.T, f *flow) {
		p := f.scaled()
		dialling, over := false, make(chan struct{})
		defer close(over)
		conn := rest.CopyConfig(f.cfg.REST)
		conn.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			if dialling {
				<-over
				return nil, errors.New("no handshake")
			}
			return f.sim.Dial(ctx, network, address)
		}
		c, err := rest.HTTPClientFor(conn)
		if err != nil {
			t.Fatal(err)
		}
		defer c.CloseIdleConnections()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		f.orka = f.applier(func(cfg *Config) {
			cfg.REST, cfg.HTTP, cfg.SkipPreflight = conn, c, true
			cfg.FaultPoint = func(step string) {
				if step == "recorded" {
					dialling = true
					c.CloseIdleConnections()
				}
			}
		})
		asError[*NotAppliedError](t, errorOf(f.orka.Commit(ctx, p, Consent{All: true})))
		if f.log.states() != "failed" {
			t.Errorf("recorded %s", f.log.states())
		}
	})
}

// TestRetryAfterALostAnswer: the same preview again, when the first write was taken after all, changes nothing more.
func TestRetryAfterALostAnswer(t *testing.T) {
	flowing(t, sim.Config{}, func(t *testing.T, f *flow) {
		p := f.scaled()
		f.wire.onAfter(func(s *passed, _ *http.Response) error { return only(s.write() || s.read(), errors.New("reset")) })
		f.orka = f.applier(func(c *Config) { c.SkipPreflight = true })
		asError[*UnknownError](t, errorOf(f.orka.Commit(t.Context(), p, Consent{All: true})))
		f.wire.onAfter(nil)
		version := f.stored(webTarget).GetResourceVersion()
		moved := asError[*MovedError](t, errorOf(f.orka.Commit(t.Context(), p, Consent{All: true})))
		if !moved.Next.Diff.Empty() || f.stored(webTarget).GetResourceVersion() != version {
			t.Errorf("next %+v", moved.Next.Diff)
		}
	})
}

// TestLostAnswerOfAJSONPatch: a removal is told from none.
func TestLostAnswerOfAJSONPatch(t *testing.T) {
	for _, taken := range []bool{true, false} {
		flowing(t, sim.Config{}, func(t *testing.T, f *flow) {
			f.create(configTarget, configText)
			p := f.preview(configTarget, "  size: small\n", "", "color: blue", "color: red")
			spoil := func(s *passed) error {
				if s.write() {
					return errors.New("reset")
				}
				return nil
			}
			if taken {
				f.wire.onAfter(func(s *passed, _ *http.Response) error { return spoil(s) })
			} else {
				f.wire.onBefore(spoil)
			}
			r, err := f.orka.Commit(t.Context(), p, Consent{All: true})
			if taken {
				if err != nil || !r.Resolved || r.Surprises != nil || f.log.states() != "applied" {
					t.Errorf("result %+v, error %v, history %s", r, err, f.log.states())
				}
				return
			}
			if !asError[*UnknownError](t, err).Absent || f.log.states() != "unknown" {
				t.Errorf("error %v, history %s", err, f.log.states())
			}
		})
	}
}
