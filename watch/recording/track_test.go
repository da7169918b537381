package recording

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"orka/watch"
)

var allPods = watch.Scope{Kind: pods}

// tape writes down attempts in a few words.
type tape struct {
	w     *Writer
	pause func()
}

func (p *tape) objects(a *Attempt, op Op, names string) {
	for _, n := range strings.Fields(names) {
		a.Object(op, watch.EncodingJSON, []byte(n), false)
	}
}

func (p *tape) list(names, rv string) {
	a := p.w.List(allPods, watch.ListQuery{Limit: 500})
	p.objects(a, OpObject, names)
	a.ListEnd(watch.ListEnd{ResourceVersion: rv})
	p.pause()
}

// stream records a stream that sends changes, one a second, and ends with err; nil is that we ended it.
func (p *tape) stream(initial, changes string, timeout time.Duration, err error) {
	a := p.w.Watch(allPods, watch.WatchQuery{Initial: initial != "", Timeout: timeout})
	a.Opened()
	if initial != "" {
		p.objects(a, OpAdded, initial)
		a.Bookmark("5", true)
	}
	for _, c := range strings.Fields(changes) {
		p.objects(a, OpModified, c)
		p.pause()
	}
	a.End(err)
}

// player asks the questions of a watcher.
type asking struct {
	t     *testing.T
	track *Track
	s     *Stream
	stop  context.CancelFunc
}

func ask(t *testing.T, f *File, speed float64) *asking {
	track, err := NewPlayer(f, speed).Track(allPods)
	if err != nil {
		t.Fatal(err)
	}
	return &asking{t: t, track: track}
}

func (a *asking) list() string {
	var got []string
	_, err := a.track.List(a.t.Context(), watch.ListQuery{Limit: 500}, func(r Record) error {
		got = append(got, string(r.Data))
		return nil
	})
	return strings.Join(append(got, ending(err)), " ")
}

func (a *asking) watch(initial bool) string {
	ctx, cancel := context.WithCancel(a.t.Context())
	s, err := a.track.Watch(ctx, watch.WatchQuery{Initial: initial})
	a.s, a.stop = s, cancel
	return ending(err)
}

func (a *asking) next() string {
	events, err := a.s.Next()
	var got []string
	for _, e := range events {
		switch {
		case e.InitialEnd:
			got = append(got, "end")
		case e.Mark:
			got = append(got, "mark")
		default:
			got = append(got, string(e.Data))
		}
	}
	return strings.Join(append(got, ending(err)), " ")
}

// ending is how the loop takes an error.
func ending(err error) string {
	if err == nil {
		return "ok"
	}
	return string(watch.Classify(err))
}

func TestTrack(t *testing.T) {
	f := read(t, recorded(t, func(w *Writer, pause func()) {
		p := &tape{w, pause}
		p.list("a b", "1")
		p.stream("", "c d", 2*time.Second, io.EOF) // at its time
		p.stream("", "e", time.Hour, io.EOF)       // early
		p.stream("", "f", time.Hour, errors.New("connection reset"))
		p.list("g", "9")
		p.stream("", "h", time.Hour, nil)
		p.stream("i j", "k", time.Hour, nil) // a streamed list
	}))
	for name, test := range map[string][]string{
		// A stream that ended in form goes on in the next; where the recording lists anew a stream expires.
		"as recorded": {
			"list: a b ok", "watch: ok", "next: c d ok", "next: mark e ok", "next: f ok", "next: Network", "watch: Expired", "list: g ok",
			"watch: ok", "next: h ok", "next: Expired", "initial: ok", "next: i j end k ok", "next: RecordingEnded", "watch: RecordingEnded",
		},
		// What the watcher may not have taken comes again.
		"a stream of its own accord": {"list: a b ok", "watch: ok", "next: c d ok", "next: mark e ok", "next: f ok", "stop", "watch: ok", "next: mark e ok", "next: f ok", "next: Network"},
		// A list that was not recorded there is the last one, and all after it.
		"a list of its own accord": {
			"list: a b ok", "watch: ok", "next: c d ok", "next: mark e ok", "next: f ok", "stop", "list: a b ok", "watch: ok", "next: c d ok", "next: mark e ok", "next: f ok", "next: Network",
			"list: g ok", "watch: ok", "stop", "list: g ok",
		},
		// Lists are streamed in one place and paged in the other.
		"pages for a streamed list": {
			"initial: ServerError", "list: a b ok", "watch: ok", "next: c d ok", "next: mark e ok", "next: f ok", "next: Network", "list: g ok", "watch: ok", "next: h ok",
			"next: Expired", "list: i j ok", "watch: ok", "next: k ok", "next: RecordingEnded",
		},
		"asking again at the end": {
			"list: a b ok", "watch: ok", "next: c d ok", "next: mark e ok", "next: f ok", "next: Network", "list: g ok", "watch: ok", "next: h ok", "next: Expired",
			"list: i j ok", "watch: ok", "next: k ok", "next: RecordingEnded", "watch: RecordingEnded", "list: RecordingEnded", "watch: RecordingEnded",
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := ask(t, f, 0)
			var got []string
			for _, step := range test {
				what, _, _ := strings.Cut(step, ":")
				switch what {
				case "list":
					got = append(got, "list: "+a.list())
				case "watch", "initial":
					got = append(got, what+": "+a.watch(what == "initial"))
				case "next":
					got = append(got, "next: "+a.next())
				case "stop":
					a.stop()
					got = append(got, "stop")
				}
			}
			if diff := cmp.Diff(test, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestPolledListsAreNotWaitedFor: played without pauses, the last of several lists counts, and failures between cost no time.
func TestPolledListsAreNotWaitedFor(t *testing.T) {
	f := read(t, recorded(t, func(w *Writer, pause func()) {
		p := &tape{w, pause}
		p.list("a", "1")
		w.List(allPods, watch.ListQuery{Limit: 500}).End(&watch.APIError{Code: 503})
		p.list("b", "2")
		w.Watch(allPods, watch.WatchQuery{}).End(&watch.APIError{Code: 403, Reason: "Forbidden"})
		p.list("c", "3")
		cut := w.List(allPods, watch.ListQuery{Limit: 500})
		p.objects(cut, OpObject, "d")
		cut.End(nil)
	}))
	a := ask(t, f, 0)
	if got := a.list(); got != "c ok" {
		t.Errorf("the first list is %q", got)
	}
}

// TestCancelledWait: an event that was waited for in vain is there for the next stream.
func TestCancelledWait(t *testing.T) {
	f := read(t, recorded(t, func(w *Writer, pause func()) {
		p := &tape{w, pause}
		p.list("a", "1")
		s := w.Watch(allPods, watch.WatchQuery{})
		s.Opened()
		pause()
		p.objects(s, OpAdded, "b")
		s.End(nil)
	}))
	synctest.Test(t, func(t *testing.T) {
		a := ask(t, f, 1)
		for _, step := range []struct{ got, want string }{{a.list(), "a ok"}, {a.watch(false), "ok"}} {
			if step.got != step.want {
				t.Fatalf("%q, want %q", step.got, step.want)
			}
		}
		a.stop()
		if got := a.next(); got != "Network" {
			t.Errorf("a stream whose context ended: %q", got)
		}
		if got := a.watch(false); got != "ok" {
			t.Fatalf("again: %q", got)
		}
		if got := a.next(); got != "b ok" {
			t.Errorf("the event is lost: %q", got)
		}
	})
}

// TestRefusedUntilAllowed: who asks again before the recorded watcher did is refused again, whatever the place in the file.
func TestRefusedUntilAllowed(t *testing.T) {
	forbidden := &watch.APIError{Verb: "list", Code: 403, Reason: "Forbidden"}
	f := read(t, recorded(t, func(w *Writer, pause func()) {
		p := &tape{w, pause}
		w.Watch(allPods, watch.WatchQuery{Initial: true}).End(forbidden)
		w.List(allPods, watch.ListQuery{Limit: 500}).End(forbidden)
		for range 10 {
			pause()
		}
		p.list("a", "1")
		w.Watch(allPods, watch.WatchQuery{}).End(forbidden)
		pause()
	}))
	synctest.Test(t, func(t *testing.T) {
		a := ask(t, f, 1)
		check := func(got, want string) {
			t.Helper()
			if got != want {
				t.Errorf("after %s: %q, want %q", a.track.player.Now(), got, want)
			}
		}
		check(a.watch(true), "Forbidden")
		check(a.list(), "Forbidden")
		check(a.watch(true), "Forbidden")
		check(a.list(), "Forbidden")
		if now := a.track.player.Now(); now != 0 {
			t.Errorf("a refusal took %s", now)
		}
		time.Sleep(10 * time.Second)
		check(a.list(), "a ok")
		check(a.watch(false), "Forbidden")
		time.Sleep(time.Hour)
		check(a.watch(false), "Forbidden")
		check(a.list(), "Forbidden")
	})
}

// TestPace plays at twice the pace, cancels while it waits, and loses nothing.
func TestPace(t *testing.T) {
	f := read(t, recorded(t, func(w *Writer, pause func()) {
		p := &tape{w, pause}
		p.list("a", "1")
		pause()
		p.stream("", "b c d", time.Hour, nil)
		pause()
	}))
	synctest.Test(t, func(t *testing.T) {
		a := ask(t, f, 2)
		began := time.Now()
		at := func(want time.Duration, what, got, wanted string) {
			t.Helper()
			if got != wanted || time.Since(began) != want {
				t.Errorf("%s: %q after %s, want %q after %s", what, got, time.Since(began), wanted, want)
			}
		}
		at(0, "list", a.list(), "a ok")
		at(time.Second, "watch", a.watch(false), "ok")
		at(time.Second, "first", a.next(), "b ok")
		go func() {
			time.Sleep(200 * time.Millisecond)
			a.stop()
		}()
		if _, err := a.s.Next(); !errors.Is(err, context.Canceled) {
			t.Errorf("a stream whose context ended: %v", err)
		}
		at(1200*time.Millisecond, "again", a.watch(false), "ok")
		at(1200*time.Millisecond, "what was perhaps not taken", a.next(), "b ok")
		at(1500*time.Millisecond, "second", a.next(), "c ok")
		at(2*time.Second, "third", a.next(), "d ok")
		at(3*time.Second, "end", a.next(), "RecordingEnded")
		if got := a.track.player.Confirmed(allPods); got != f.At(4*time.Second) {
			t.Errorf("confirmed at %s", got)
		}
	})
}
