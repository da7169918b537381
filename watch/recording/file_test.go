package recording

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"orka/watch"
)

var pods = &watch.Kind{
	GVK: watch.GVK{Version: "v1", Kind: "Pod"}, Resource: "pods", Namespaced: true, Verbs: watch.VerbList | watch.VerbWatch,
}

// recorded runs a Writer in virtual time over what do records; each call of pause is a second, so that a frame is written.
func recorded(t *testing.T, do func(w *Writer, pause func())) (text []byte) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := NewWriter()
		var buf bytes.Buffer
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- w.Run(ctx, &buf, Header{Orka: "test", Context: "here"}) }()
		w.Discovery(Discovery{Kinds: []KindInfo{InfoOf(pods)}})
		do(w, func() { time.Sleep(time.Second); synctest.Wait() })
		cancel()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		text = buf.Bytes()
	})
	return text
}

func read(t *testing.T, text []byte) *File {
	t.Helper()
	f, err := Read(bytes.NewReader(text), int64(len(text)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// records are all of a file, in order.
func records(t *testing.T, f *File) []Record {
	t.Helper()
	var out []Record
	for i := range f.frames {
		rest, err := f.records(uint32(i)) //nolint:gosec // an index
		for err == nil && len(rest) > 0 {
			var r Record
			if r, rest, err = readRecord(rest); err == nil {
				out = append(out, r)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// sample records a list and a stream over several frames.
func sample(w *Writer, pause func()) {
	scope := watch.Scope{Kind: pods}
	l := w.List(scope, watch.ListQuery{Limit: 500})
	rng := rand.New(rand.NewPCG(1, 1))
	for i := range 5 {
		l.Object(OpObject, watch.EncodingProtobuf, randomBytes(rng, 40+i), i == 3)
	}
	l.ListEnd(watch.ListEnd{ResourceVersion: "10", Remaining: -1})
	s := w.Watch(scope, watch.WatchQuery{ResourceVersion: "10"})
	s.Opened()
	for i := range 6 {
		s.Object(OpModified, watch.EncodingJSON, fmt.Appendf(nil, `{"n":%d}`, i), false)
		pause()
	}
	s.Bookmark("20", false)
	s.End(&watch.APIError{Verb: "watch", Resource: "pods", Code: 410, Reason: "Expired", Causes: []string{"x"}, RetryAfter: time.Second})
}

func randomBytes(rng *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rng.UintN(256)) //nolint:gosec // a byte
	}
	return b
}

func TestRoundTrip(t *testing.T) {
	f := read(t, recorded(t, sample))
	if f.Cut != 0 || !f.Ended || f.Header.Context != "here" || f.Objects != 11 || f.Length != 6*time.Second {
		t.Errorf("read %+v", f)
	}
	var got []string
	for _, r := range records(t, f) {
		got = append(got, fmt.Sprintf("%d %d.%d %s enc=%d partial=%t %d", r.Op, r.Scope, r.Attempt, r.At, r.Encoding, r.Partial, len(r.Data)))
	}
	want := []string{
		"1 0.0 0s enc=0 partial=false", "2 0.0 0s", "4 1.0 0s", "5 1.1 0s",
		"8 1.1 0s enc=2 partial=false 40", "8 1.1 0s enc=2 partial=false 41", "8 1.1 0s enc=2 partial=false 42",
		"8 1.1 0s enc=2 partial=true 43", "8 1.1 0s enc=2 partial=false 44", "9 1.1 0s", "6 1.2 0s", "7 1.2 0s",
		"11 1.2 0s enc=1 partial=false 7", "11 1.2 1s", "11 1.2 2s", "11 1.2 3s", "11 1.2 4s", "11 1.2 5s", "13 1.2 6s", "16 1.2 6s", "18 0.0 6s",
	}
	if len(got) != len(want) {
		t.Fatalf("got %d records, want %d:\n%s", len(got), len(want), strings.Join(got, "\n"))
	}
	for i := range want {
		if !strings.HasPrefix(got[i], want[i]) {
			t.Errorf("record %d is %q, want %q", i, got[i], want[i])
		}
	}
}

// TestErrorsAreKept shows that an error is classified as it was.
func TestErrorsAreKept(t *testing.T) {
	for _, err := range []error{
		&watch.APIError{Verb: "list", Resource: "pods", Code: 503, Message: "down", RetryAfter: 7 * time.Second},
		&watch.APIError{Verb: "watch", Resource: "pods", Code: 410, Reason: "Expired"},
		&watch.APIError{Verb: "watch", Resource: "pods", Code: 403, Reason: "Forbidden"},
		&watch.FrameError{Resource: "pods", Err: errors.New("bad frame")},
		errors.New("connection reset"),
	} {
		f := failureOf(fmt.Errorf("wrapped: %w", err))
		if got, want := watch.Classify(f.errorOf()), watch.Classify(err); got != want {
			t.Errorf("%v: %s, want %s", err, got, want)
		}
	}
}

// TestCutAnywhere cuts a recording after every byte, as a crash of the recorder does: what is read is the whole frames
// before, and how much was cut off is said.
func TestCutAnywhere(t *testing.T) {
	text := recorded(t, sample)
	whole := read(t, text)
	all := records(t, whole)
	ends := append(append([]int64{}, whole.frames[1:]...), int64(len(text))) // of the frames
	first := int(ends[1])                                                    // with the discovery
	for n := range text {
		f, err := Read(bytes.NewReader(text[:n]), int64(n))
		if n < first {
			if err == nil {
				t.Fatalf("cut after %d bytes: it can be played without a word of what was served", n)
			}
			continue
		}
		if err != nil {
			t.Fatalf("cut after %d bytes: %v", n, err)
		}
		last := int64(0)
		for _, end := range ends {
			if end <= int64(n) {
				last = end
			}
		}
		if f.Cut != int64(n)-last || f.Ended || (f.Cut > 0 && f.Why == "") {
			t.Fatalf("cut after %d bytes: %d bytes cut off (%q), want %d", n, f.Cut, f.Why, int64(n)-last)
		}
		got := records(t, f)
		if diff := cmp.Diff(all[:len(got)], got); diff != "" || len(got) == len(all) {
			t.Fatalf("cut after %d bytes: not the beginning of the whole:\n%s", n, diff)
		}
		_ = f.Close()
	}
}

// TestDamageAnywhere changes every byte: what is read is frames of the original, or an error.
func TestDamageAnywhere(t *testing.T) {
	text := recorded(t, sample)
	all := records(t, read(t, text))
	for n := range text {
		bad := bytes.Clone(text)
		bad[n] ^= 0x20
		f, err := Read(bytes.NewReader(bad), int64(len(bad)))
		if err != nil {
			continue
		}
		if got := records(t, f); f.Cut == 0 || cmp.Diff(all[:len(got)], got) != "" {
			t.Fatalf("byte %d changed: %d bytes cut off, %d records", n, f.Cut, len(got))
		}
		_ = f.Close()
	}
}

func TestNoRecording(t *testing.T) {
	frameOf := func(records ...Record) []byte {
		p, err := newPresser()
		if err != nil {
			t.Fatal(err)
		}
		defer p.enc.Close()
		var raw []byte
		for i := range records {
			raw = appendRecord(raw, &records[i])
		}
		return append(magic(), p.frame(raw)...)
	}
	newer := magic()
	newer[len(newer)-1] = 2
	lying := frameOf(Record{Op: OpHeader, Data: []byte("{}")})
	binary.LittleEndian.PutUint32(lying[magicLen+4:], 1<<20)
	binary.LittleEndian.PutUint32(lying[magicLen+frameLengths:], frameSum(lying[magicLen:magicLen+frameLengths], lying[magicLen+frameHead:]))
	for name, test := range map[string]struct {
		text []byte
		want string
	}{
		"empty":              {nil, "it is empty"},
		"another file":       {[]byte("apiVersion: v1\nkind: List\n"), "no recording"},
		"a newer format":     {newer, "format 2; this orka reads format 1"},
		"nothing but magic":  {magic(), "it is empty"},
		"torn first frame":   {append(magic(), 1, 2, 3), "nothing of it can be read"},
		"no header":          {frameOf(Record{Op: OpVersion}), "does not begin with a header"},
		"no discovery":       {frameOf(Record{Op: OpHeader, Data: []byte("{}")}), "before the server had said"},
		"unknown record":     {frameOf(Record{Op: 99}), "does not know"},
		"alias out of range": {frameOf(Record{Op: OpHeader, Data: []byte("{}")}, Record{Op: OpDiscovery, Data: []byte(`{"aliases":[{"of":1}]}`)}), "malformed"},
		"lying about size":   {lying, "can't be decompressed"},
	} {
		_, err := Read(bytes.NewReader(test.text), int64(len(test.text)))
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}

// failing fails after n bytes.
type failing struct{ n int }

func (f *failing) Write(b []byte) (int, error) {
	if f.n -= len(b); f.n < 0 {
		return 0, errors.New("no space left on device")
	}
	return len(b), nil
}

// TestDiskFull: the recorder says so and holds nobody up.
func TestDiskFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := NewWriter()
		done := make(chan error, 1)
		go func() { done <- w.Run(t.Context(), &failing{n: 64 << 10}, Header{}) }()
		a := w.Watch(watch.Scope{Kind: pods}, watch.WatchQuery{})
		rng := rand.New(rand.NewPCG(1, 2))
		for range 1000 {
			a.Object(OpAdded, watch.EncodingJSON, randomBytes(rng, 32<<10), false)
		}
		if err := <-done; err == nil || !strings.Contains(err.Error(), "no space left") {
			t.Errorf("Run: %v", err)
		}
	})
}

// slow takes its time.
type slow struct{ io.Writer }

func (s slow) Write(b []byte) (int, error) {
	time.Sleep(time.Minute)
	return s.Writer.Write(b)
}

// TestSlowDisk: whoever records waits, what waits is bounded, and nothing is lost.
func TestSlowDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := NewWriter()
		var buf bytes.Buffer
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- w.Run(ctx, slow{&buf}, Header{}) }()
		w.Discovery(Discovery{Kinds: []KindInfo{InfoOf(pods)}})
		a := w.Watch(watch.Scope{Kind: pods}, watch.WatchQuery{})
		most, object := 0, bytes.Repeat([]byte{'x'}, 100<<10)
		for range 200 {
			a.Object(OpAdded, watch.EncodingJSON, object, false)
			w.mu.Lock()
			most = max(most, len(w.buf))
			w.mu.Unlock()
		}
		cancel()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if most > waitBytes+len(object)+recordOverhead {
			t.Errorf("%d bytes waited for the disk", most)
		}
		if f := read(t, buf.Bytes()); f.Objects != 200 {
			t.Errorf("%d objects were recorded, want 200", f.Objects)
		}
	})
}

// FuzzRead: whatever the file holds, it is read or refused, and a place in it can be played.
func FuzzRead(f *testing.F) {
	for _, n := range []int{0, 4, 9, 30} {
		f.Add(append(magic(), make([]byte, n)...))
	}
	p, err := newPresser()
	if err != nil {
		f.Fatal(err)
	}
	seeds := [][]Record{
		{{Op: OpHeader, Data: []byte(`{"started":"2026-01-01T00:00:00Z"}`)}, {Op: OpDiscovery, Data: []byte(`{"kinds":[{"version":"v1","kind":"Pod","resource":"pods"}]}`)},
			{Op: OpScope, Scope: 1, Data: []byte(`{"version":"v1","kind":"Pod","resource":"pods"}`)}, {Op: OpList, Scope: 1, Attempt: 1, Data: []byte(`{}`)},
			{Op: OpObject, Scope: 1, Attempt: 1, Encoding: watch.EncodingJSON, Data: []byte(`{}`)}, {Op: OpListEnd, Scope: 1, Attempt: 1, Data: []byte(`{"rv":"1"}`)},
			{Op: OpWatch, Scope: 1, Attempt: 2, Data: []byte(`{}`)}, {Op: OpOpened, Scope: 1, Attempt: 2}, {Op: OpAdded, Scope: 1, Attempt: 2, Encoding: watch.EncodingProtobuf, Data: []byte{1}},
			{Op: OpClosed, Scope: 1, Attempt: 2, Data: []byte(`{"due":true}`)}, {Op: OpWatch, Scope: 1, Attempt: 3, Data: []byte(`{"initial":true}`)}, {Op: OpFailed, Scope: 1, Attempt: 3, Data: []byte(`{"code":410}`)}},
	}
	for _, s := range seeds {
		var raw []byte
		for i := range s {
			raw = appendRecord(raw, &s[i])
		}
		f.Add(append(magic(), p.frame(raw)...))
	}
	p.enc.Close()
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, text := range [][]byte{data, framed(t, data)} {
			file, err := Read(bytes.NewReader(text), int64(len(text)))
			if err != nil {
				continue
			}
			playAll(t, file)
			if err := file.Close(); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// framed takes data as the records of a frame behind a good beginning, since chance finds no checksum.
func framed(t *testing.T, data []byte) []byte {
	p, err := newPresser()
	if err != nil {
		t.Fatal(err)
	}
	defer p.enc.Close()
	var raw []byte
	for _, r := range []Record{
		{Op: OpHeader, Data: []byte(`{}`)}, {Op: OpDiscovery, Data: []byte(`{"kinds":[{"version":"v1","kind":"Pod","resource":"pods"}]}`)},
		{Op: OpScope, Scope: 1, Data: []byte(`{"version":"v1","kind":"Pod","resource":"pods"}`)},
	} {
		raw = appendRecord(raw, &r)
	}
	return append(append(magic(), p.frame(raw)...), p.frame(data)...)
}

// playAll asks every question a few times.
func playAll(t *testing.T, file *File) {
	player := NewPlayer(file, 0)
	track, err := player.Track(watch.Scope{Kind: pods})
	if err != nil {
		return
	}
	_ = player.Discovery()
	_ = player.History(watch.Scope{Kind: pods}, func(Record) error { return nil })
	take := func(Record) error { return nil }
	for range 3 {
		end, _ := track.List(t.Context(), watch.ListQuery{Limit: 500}, take)
		if end.Continue != "" {
			_, _ = track.List(t.Context(), watch.ListQuery{Limit: 500, Continue: end.Continue}, take)
		}
		for _, initial := range []bool{false, true} {
			s, err := track.Watch(t.Context(), watch.WatchQuery{Initial: initial})
			for n := 0; err == nil && n < 5; n++ {
				_, err = s.Next()
			}
		}
	}
}
