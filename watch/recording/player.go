package recording

import (
	"context"
	"fmt"
	"sync"
	"time"

	"orka/watch"
)

// askedAhead is how much sooner than recorded a question may be asked and still be that question: an engine that plays
// notices a new type, or a refusal, about when the recorded one did, and asks after the same pause.
const askedAhead = 2 * time.Second

// Player plays a file back: the same watchers, asking the same scopes, are given what was recorded for them. It keeps
// the order within a scope and, unless it plays as fast as it can, the pace.
type Player struct {
	file  *File
	speed float64

	mu     sync.Mutex
	begun  time.Time
	tracks map[ScopeInfo]*Track
}

// NewPlayer makes a player at speed times the recorded pace; 0 is as fast as it is taken. The clock starts with the
// first question.
func NewPlayer(f *File, speed float64) *Player {
	return &Player{file: f, speed: max(speed, 0), tracks: map[ScopeInfo]*Track{}}
}

// File is what is played.
func (p *Player) File() *File { return p.file }

// EndedError is the end of a recording: nothing is known of what came after. It is watch.ErrRecordingEnded.
type EndedError struct {
	At  time.Time // of the last record
	Why string    // of a recording that was cut off; "" where it was ended in form
}

func (e *EndedError) Error() string {
	text := "the recording ended at " + e.At.UTC().Format("2006-01-02 15:04:05 MST")
	if e.Why != "" {
		text += " (" + e.Why + ")"
	}
	return text
}

// Is makes it watch.ErrRecordingEnded.
func (e *EndedError) Is(target error) bool { return target == watch.ErrRecordingEnded } //nolint:errorlint // what Is is for

// ended is the error after the last record.
func (p *Player) ended() error {
	e := &EndedError{At: p.file.At(p.file.Length)}
	switch {
	case p.file.Cut > 0:
		e.Why = fmt.Sprintf("%d bytes cut off", p.file.Cut)
	case !p.file.Ended:
		e.Why = "its recorder was killed or was still writing"
	}
	return e
}

// start is when playing began; it begins now if it has not.
func (p *Player) start() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.begun.IsZero() {
		p.begun = time.Now()
	}
	return p.begun
}

// Fast reports whether it plays without pauses.
func (p *Player) Fast() bool { return p.speed == 0 }

// Now is how far the recording is.
func (p *Player) Now() time.Duration {
	if p.speed == 0 {
		return p.file.Length
	}
	return min(p.file.Length, time.Duration(float64(time.Since(p.start()))*p.speed))
}

// wait returns at the time a record arrived, or with ctx's error.
func (p *Player) wait(ctx context.Context, at time.Duration) error {
	if p.speed == 0 {
		return ctx.Err()
	}
	d := time.Until(p.start().Add(time.Duration(float64(at) / p.speed)))
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// due reports whether a record has arrived.
func (p *Player) due(at time.Duration) bool { return p.speed == 0 || at <= p.Now() }

// Discovery is what the server served at the time that is played.
func (p *Player) Discovery() Discovery {
	now := p.Now() + askedAhead
	d := p.file.discoveries[0]
	for _, later := range p.file.discoveries[1:] {
		if later.at <= now {
			d = later
		}
	}
	return d.data
}

// Confirmed is when a scope was last confirmed in the recording, as far as it has been played; zero before.
func (p *Player) Confirmed(s watch.Scope) time.Time {
	p.mu.Lock()
	t := p.tracks[scopeInfo(s)]
	p.mu.Unlock()
	if t == nil {
		return time.Time{}
	}
	if at := time.Duration(t.told.Load()); at > 0 {
		return p.file.At(at)
	}
	return time.Time{}
}

// Track is where a scope is played from: its own records, or for one namespace those of all. Where there are none it
// says so.
func (p *Player) Track(s watch.Scope) (*Track, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	info := scopeInfo(s)
	if t := p.tracks[info]; t != nil {
		return t, nil
	}
	sc := p.file.find(info)
	if sc == nil {
		return nil, fmt.Errorf("%w: it holds no %s", watch.ErrRecordingEnded, s)
	}
	t := &Track{player: p, place: place{cursor: cursor{file: p.file, scope: sc}}}
	p.tracks[info] = t
	return t, nil
}

// History yields what is recorded of a scope up to the time that is played, the oldest first.
func (p *Player) History(s watch.Scope, yield func(Record) error) error {
	sc := p.file.find(scopeInfo(s))
	if sc == nil {
		return nil
	}
	now := p.Now()
	for c := (cursor{file: p.file, scope: sc}); ; {
		r, err := c.next()
		if ended(err) || (err == nil && r.At > now) {
			return nil
		}
		if err == nil {
			err = yield(r)
		}
		if err != nil {
			return err
		}
	}
}
