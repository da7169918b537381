package watch

import (
	"testing"
	"time"
	"unsafe"
)

// afterSleep is t as a machine that has slept for d, whole seconds, tells it: the wall clock has moved on, the monotonic
// clock stood still. package time has no way to make one, so that the seconds are written where time.Time keeps them.
func afterSleep(t *testing.T, at time.Time, d time.Duration) time.Time {
	t.Helper()
	woken := at
	*(*uint64)(unsafe.Pointer(&woken)) += uint64(d/time.Second) << 30 //nolint:gosec // see above; checked below
	if woken.Sub(at) != 0 || woken.Round(0).Sub(at.Round(0)) != d {
		t.Fatal("time.Time keeps its clocks elsewhere: this test has to follow")
	}
	return woken
}

func TestFresh(t *testing.T) {
	now := time.Now()
	live := Status{Phase: Live, Complete: true, ConfirmedAt: now}
	for _, test := range []struct {
		name   string
		change func(*Status)
		at     time.Time
		want   bool
	}{
		{"just confirmed", func(*Status) {}, now, true},
		{"at the limit", func(*Status) {}, now.Add(ConfirmWithin), true},
		{"past it", func(*Status) {}, now.Add(ConfirmWithin + 1), false},
		{"two minutes of silence", func(*Status) {}, now.Add(2 * time.Minute), false},
		{"after a sleep of which nobody told us", func(*Status) {}, afterSleep(t, now, 8*time.Hour), false},
		{"after a sleep", func(s *Status) { s.Suspended = true }, now, false},
		{"loading", func(s *Status) { s.Complete = false }, now, false},
		{"never confirmed", func(s *Status) { s.ConfirmedAt = time.Time{} }, now, false},
	} {
		s := live
		test.change(&s)
		if got := s.Fresh(test.at); got != test.want {
			t.Errorf("%s: fresh is %v", test.name, got)
		}
	}
	for p := range Phase(Phases) {
		s := live
		s.Phase = p
		if got := s.Fresh(now); got != (p == Live) {
			t.Errorf("%s: fresh is %v", p, got)
		}
	}
}

func TestLivePhase(t *testing.T) {
	now := time.Now()
	for _, test := range []struct {
		name      string
		at        time.Time
		suspended bool
		want      Phase
	}{
		{"just confirmed", now, false, Live},
		{"at the limit", now.Add(ConfirmWithin), false, Live},
		{"past it", now.Add(ConfirmWithin + 1), false, Unconfirmed},
		{"after a sleep of which nobody told us", afterSleep(t, now, 8*time.Hour), false, Unconfirmed},
		{"after a sleep", now, true, Unconfirmed},
	} {
		if got := livePhase(test.at, now, test.suspended); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
}
