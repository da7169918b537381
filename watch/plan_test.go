package watch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestClassify(t *testing.T) {
	for _, test := range []struct {
		err  error
		want Reason
	}{
		{nil, ReasonClosed},
		{io.EOF, ReasonClosed},
		{io.ErrUnexpectedEOF, ReasonNetwork},
		{errors.New("dial tcp: connection refused"), ReasonNetwork},
		{context.DeadlineExceeded, ReasonSilent},
		{errSilent, ReasonSilent},
		{fmt.Errorf("watch pods: %w", &APIError{Code: 410}), ReasonExpired},
		{&APIError{Code: 200, Reason: "Expired"}, ReasonExpired},
		{&APIError{Code: 410, Reason: "Gone"}, ReasonExpired},
		{&APIError{Code: 500, Message: "410 Gone: too old resource version"}, ReasonServerError}, // never by text
		{&APIError{Code: 401}, ReasonAuth},
		{&APIError{Code: 403}, ReasonForbidden},
		{&APIError{Code: 404}, ReasonNotFound},
		{fmt.Errorf("pods: %w", ErrRecordingEnded), ReasonEnded},
		{&APIError{Code: 429}, ReasonThrottled},
		{&APIError{Code: 503}, ReasonServerError},
		{&APIError{Code: 504, Causes: []string{causeRVTooLarge}}, ReasonServerError},
		{&FrameError{Err: io.EOF}, ReasonDecode},
		{&PanicError{Value: 1}, ReasonPanic},
		{fmt.Errorf("%w (3 lost)", errOverflow), ReasonOverflow},
	} {
		// io.EOF within a FrameError must not be taken for a clean end.
		if got := Classify(test.err); got != test.want {
			t.Errorf("Classify(%v) = %s, want %s", test.err, got, test.want)
		}
	}
}

func TestPlan(t *testing.T) {
	const most = 30 * time.Second
	first := backoffFirst // rnd close to 1 gives nearly all of it
	for _, test := range []struct {
		name string
		e    ending
		want step
	}{
		{"clean close", ending{reason: ReasonClosed, attempt: 3}, step{keep: true}},
		{"periodic", ending{reason: ReasonPeriodic}, step{keep: true, relist: true}},
		{"user", ending{reason: ReasonUser}, step{keep: true, relist: true}},
		{"expired", ending{reason: ReasonExpired}, step{phase: Backoff, relist: true, attempt: 1}},
		{"expired after an outage", ending{reason: ReasonExpired, attempt: 8, before: ReasonNetwork}, step{phase: Backoff, relist: true, attempt: 9}},
		{"expired again", ending{reason: ReasonExpired, attempt: 1, before: ReasonExpired}, step{phase: Backoff, relist: true, attempt: 2, wait: 2 * first}},
		{"expired after health", ending{reason: ReasonExpired, attempt: 5, before: ReasonExpired, healthy: healthyAfter}, step{phase: Backoff, relist: true, attempt: 1}},
		{"network", ending{reason: ReasonNetwork}, step{phase: Backoff, attempt: 1, wait: first}},
		{"network, third", ending{reason: ReasonNetwork, attempt: 2}, step{phase: Backoff, attempt: 3, wait: 4 * first}},
		{"network, for ever", ending{reason: ReasonNetwork, attempt: 1000}, step{phase: Backoff, attempt: 1001, wait: most}},
		{"short watch", ending{reason: ReasonShortWatch}, step{phase: Backoff, attempt: 1, wait: first}},
		{"throttled", ending{reason: ReasonThrottled, after: 7 * time.Second}, step{phase: Backoff, attempt: 1, wait: 7*time.Second + holdSpread}},
		{"throttled late", ending{reason: ReasonThrottled, after: time.Second, attempt: 9}, step{phase: Backoff, attempt: 10, wait: most}},
		{"server error", ending{reason: ReasonServerError}, step{phase: Unavailable, attempt: 1, wait: first}},
		{"too large version", ending{reason: ReasonServerError, tooNew: true}, step{phase: Unavailable, relist: true, attempt: 1, wait: first}},
		{"unauthorized", ending{reason: ReasonAuth}, step{phase: Backoff, attempt: 1}},
		{"unauthorized again", ending{reason: ReasonAuth, attempt: 1, before: ReasonAuth}, step{phase: Backoff, attempt: 2, wait: 2 * first}},
		{"forbidden", ending{reason: ReasonForbidden, refused: -1}, step{phase: Forbidden, attempt: 1, wait: 330 * time.Second}},
		{"forbidden that was allowed", ending{reason: ReasonForbidden}, step{phase: Forbidden, attempt: 1, wait: 2200 * time.Millisecond}},
		{"forbidden again", ending{reason: ReasonForbidden, refused: 2, attempt: 2}, step{phase: Forbidden, attempt: 3, wait: 55 * time.Second}},
		{"forbidden for good", ending{reason: ReasonForbidden, refused: 3, attempt: 3}, step{phase: Forbidden, attempt: 4, wait: 330 * time.Second}},
		{"gone", ending{reason: ReasonNotFound}, step{phase: Unavailable, gone: true}},
		{"a recording that is over", ending{reason: ReasonEnded, attempt: 3}, step{phase: Unavailable, attempt: 1, wait: 24 * time.Hour}},
		{"silent stream", ending{reason: ReasonSilent, streamed: true, attempt: 2}, step{keep: true}},
		{"stream not accepted", ending{reason: ReasonSilent, attempt: 2}, step{phase: Unconfirmed, attempt: 2}},
		{"silent list", ending{reason: ReasonSilent, listing: true}, step{phase: Backoff, attempt: 1, wait: first}},
		{"suspend", ending{reason: ReasonSuspend, attempt: 2}, step{phase: Unconfirmed, attempt: 2}},
		{"overflow", ending{reason: ReasonOverflow}, step{phase: Diverged, relist: true, attempt: 1, wait: first}},
		{"unreadable frame", ending{reason: ReasonDecode}, step{phase: Diverged, relist: true, attempt: 1, wait: first}},
		{"panic", ending{reason: ReasonPanic}, step{phase: Diverged, relist: true, attempt: 1, wait: first}},
		{"rewound", ending{reason: ReasonRewound}, step{phase: Diverged, relist: true, attempt: 1}},
	} {
		if diff := cmp.Diff(test.want, plan(test.e, most, 1), cmp.AllowUnexported(step{})); diff != "" {
			t.Errorf("%s: want (-), got (+):\n%s", test.name, diff)
		}
	}
}

func TestBackoffWaitStaysInBounds(t *testing.T) {
	for n := -1; n < 70; n++ {
		low, high := BackoffWait(n, 30*time.Second, 0), BackoffWait(n, 30*time.Second, 0.999999)
		switch {
		case n <= 0:
			if low != 0 || high != 0 {
				t.Errorf("wait %d is %s to %s, want none", n, low, high)
			}
		case low < 400*time.Millisecond || high > 30*time.Second || low*2 < high-time.Millisecond:
			t.Errorf("wait %d is %s to %s", n, low, high)
		}
	}
}

func TestAdvance(t *testing.T) {
	for _, test := range []struct{ from, rv, want string }{
		{"10", "11", "11"}, {"10", "9", "10"}, {"9", "10", "10"}, {"10", "", "10"}, {"", "5", "5"},
		{"abc", "abd", "abd"}, {"abd", "abc", "abc"}, // not comparable: stream order
	} {
		if got := advance(test.from, test.rv); got != test.want {
			t.Errorf("advance(%q, %q) = %q, want %q", test.from, test.rv, got, test.want)
		}
	}
}

func TestHoldsServer(t *testing.T) {
	throttled, down := &APIError{Code: 429}, &APIError{Code: 503}
	for _, test := range []struct {
		err   error
		group string
		want  bool
	}{
		{throttled, "metrics.k8s.io", true}, {throttled, "", true},
		{down, "", true}, {down, "apps", true}, {down, "networking.k8s.io", true},
		{down, "metrics.k8s.io", false}, {down, "custom.metrics.k8s.io", false}, {down, "example.com", false},
	} {
		if got := holdsServer(test.err, test.group); got != test.want {
			t.Errorf("holdsServer(%v, %q) = %v", test.err, test.group, got)
		}
	}
}

func TestSlotsByPriority(t *testing.T) {
	s := NewSlots(1)
	at := func(p int) func() int { return func() int { return p } }
	held := s.join(at(5))
	low, high, gone, second := s.join(at(9)), s.join(at(1)), s.join(at(0)), s.join(at(1))
	granted := func(t *ticket) bool {
		select {
		case <-t.granted:
			return true
		default:
			return false
		}
	}
	if !granted(held) || granted(low) || granted(high) {
		t.Fatal("the first, and only the first, should have the slot")
	}
	gone.leave()
	for i, want := range []*ticket{high, second, low} {
		held.leave()
		held.leave() // twice is once
		if !granted(want) {
			t.Fatalf("ticket %d is not served in its turn", i)
		}
		held = want
	}
	held.leave()
	if s.free != 1 || len(s.waiting) != 0 {
		t.Errorf("%d free, %d waiting; want 1 and 0", s.free, len(s.waiting))
	}
}

func TestConfigValidate(t *testing.T) {
	if err := DefaultConfig().Validate(); err != nil {
		t.Errorf("the default configuration: %v", err)
	}
	for _, c := range []Config{
		{RelistEvery: time.Second, BackoffMax: time.Second, PageLimit: 1},
		{RelistEvery: time.Minute, BackoffMax: time.Millisecond, PageLimit: 1},
		{RelistEvery: time.Minute, BackoffMax: time.Second, PageLimit: 0},
	} {
		if c.Validate() == nil {
			t.Errorf("%+v is accepted", c)
		}
	}
}
