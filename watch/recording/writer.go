package recording

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"orka/watch"
)

// flushEvery is how much a crash of the recorder may lose.
const flushEvery = time.Second

// Stats is how far a recording is.
type Stats struct {
	Scopes   int
	Objects  uint64 // of lists, streamed ones included
	Events   uint64 // changes
	Failures uint64 // lists and streams that ended with an error
	Written  uint64 // bytes of the file
	Took     time.Duration
}

// Writer takes records and writes them as a file, once Run is called. Its methods but Run may be called from any goroutine. They wait while
// the disk is behind by waitBytes, and do nothing once the Writer has failed or ended. A nil Writer records nothing.
type Writer struct {
	started time.Time

	// guarded by mu
	mu       sync.Mutex
	room     *sync.Cond
	buf      []byte // records of the frame that is being filled
	scopes   map[ScopeInfo]uint64
	attempts uint64
	stats    Stats
	ended    bool
	err      error

	wake chan struct{} // cap 1: the frame is full
}

// NewWriter begins a recording now. What is recorded waits for Run.
func NewWriter() *Writer {
	w := &Writer{started: time.Now(), scopes: map[ScopeInfo]uint64{}, wake: make(chan struct{}, 1)}
	w.room = sync.NewCond(&w.mu)
	return w
}

// Run writes a recording with this header, in which it sets Started, to out until ctx ends, then the end of the recording, and returns nil; or returns why it can't be written. Nobody
// may record any more when ctx ends.
func (w *Writer) Run(ctx context.Context, out io.Writer, h Header) error {
	p, err := newPresser()
	if err == nil {
		defer p.enc.Close()
		err = w.head(p, out, h)
	}
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	for err == nil {
		select {
		case <-ctx.Done():
			w.append(&Record{Op: OpEnd})
			err = w.flush(p, out)
			w.end(err)
			return w.failure(err)
		case <-tick.C:
		case <-w.wake:
		}
		err = w.flush(p, out)
	}
	w.end(err)
	return w.failure(err)
}

// head writes what comes before all records.
func (w *Writer) head(p *presser, out io.Writer, h Header) error {
	h.Started = w.started.Round(0).UTC().Truncate(time.Millisecond)
	data, err := json.Marshal(h)
	if err != nil {
		return err
	}
	head := append(magic(), p.frame(appendRecord(nil, &Record{Op: OpHeader, Data: data}))...)
	return w.write(out, head)
}

func (w *Writer) failure(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("the recording can't be written: %w", err)
}

// end lets nobody wait any more.
func (w *Writer) end(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended, w.err = true, cmp.Or(w.err, err)
	w.room.Broadcast()
}

// Abandon gives up a recording that nobody will write: what is recorded from now on is dropped, and nobody waits.
func (w *Writer) Abandon() { w.end(nil) }

// flush writes what has been recorded.
func (w *Writer) flush(p *presser, out io.Writer) error {
	w.mu.Lock()
	records, err := w.buf, w.err
	if len(records) > 0 {
		w.buf = make([]byte, 0, frameBytes+frameBytes/4)
	}
	w.room.Broadcast()
	w.mu.Unlock()
	if err != nil || len(records) == 0 {
		return err
	}
	return w.write(out, p.frame(records))
}

func (w *Writer) write(out io.Writer, b []byte) error {
	n, err := out.Write(b)
	w.mu.Lock()
	w.stats.Written += uint64(n) //nolint:gosec // a count
	w.mu.Unlock()
	return err
}

// append takes a record whose time it sets.
func (w *Writer) append(r *Record) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.appendLocked(r)
}

var errTooLarge = errors.New("a record is too large")

// appendLocked is append; w.mu is held, and let go of while it waits.
func (w *Writer) appendLocked(r *Record) {
	for len(w.buf) >= waitBytes && !w.ended && w.err == nil {
		w.room.Wait()
	}
	if w.ended || w.err != nil {
		return
	}
	if len(r.Data) > maxData {
		w.err = errTooLarge // what is not whole is no recording
		w.post()
		return
	}
	r.At = time.Since(w.started)
	was := len(w.buf)
	w.buf = appendRecord(w.buf, r)
	if was < frameBytes && len(w.buf) >= frameBytes {
		w.post()
	}
}

// count changes the stats.
func (w *Writer) count(change func(*Stats)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change(&w.stats)
}

func (w *Writer) post() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// appendJSON is append for a record of JSON.
func (w *Writer) appendJSON(op Op, scope, attempt uint64, v any) {
	data, err := json.Marshal(v)
	if err != nil {
		data = []byte("{}") // no type of ours fails
	}
	w.append(&Record{Op: op, Scope: scope, Attempt: attempt, Data: data})
}

// Stats is how far the recording is.
func (w *Writer) Stats() Stats {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.stats
	s.Took = time.Since(w.started)
	return s
}

// Discovery records what the server serves.
func (w *Writer) Discovery(d Discovery) {
	if w != nil {
		w.appendJSON(OpDiscovery, 0, 0, d)
	}
}

// Version records the server's version.
func (w *Writer) Version(v string) {
	if w != nil {
		w.append(&Record{Op: OpVersion, Data: []byte(v)})
	}
}

// Probe records the version that the server gave when it was asked beside a stream.
func (w *Writer) Probe(scope watch.Scope, rv string) {
	if w != nil {
		w.appendJSON(OpProbe, w.scope(scope), 0, Bookmark{ResourceVersion: rv})
	}
}

// scope is the number of a scope, which is defined at its first use.
func (w *Writer) scope(s watch.Scope) uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	info := scopeInfo(s)
	if n := w.scopes[info]; n != 0 {
		return n
	}
	n := uint64(len(w.scopes)) + 1
	w.scopes[info] = n
	w.stats.Scopes = len(w.scopes)
	data, err := json.Marshal(info)
	if err != nil {
		data = []byte("{}") // never: it holds strings
	}
	w.appendLocked(&Record{Op: OpScope, Scope: n, Data: data})
	return n
}
