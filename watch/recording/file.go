package recording

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"time"

	"orka/watch"
)

const (
	// maxFrames bounds the frames of a file: twelve days at one a second, or 256 GiB of records.
	maxFrames = 1 << 20
	// maxPostings bounds how often a scope occurs in a frame, over all: four bytes of memory each.
	maxPostings = 16 << 20
	// maxDiscovery bounds what is kept of discovery, in bytes.
	maxDiscovery = 64 << 20
	// cacheBytes bounds the records of frames that are kept for the next reader.
	cacheBytes = 32 << 20
	// readBuffer is the buffer of the first pass, in bytes.
	readBuffer = 256 << 10
)

// File is a recording that has been read once and is whole up to Size-Cut. All methods are safe for concurrent use.
type File struct {
	Header Header
	// Version is the server's, as it was last recorded; "" is not known.
	Version string
	// Length is when the last record arrived, since the beginning.
	Length time.Duration
	// Ended is set when the recorder ended in form.
	Ended bool
	// Size is the file's, in bytes. Cut is how many bytes at its end can't be read, and Why says what is wrong with them.
	Size, Cut int64
	Why       string
	// Records and Objects count what there is.
	Records, Objects int

	name        string
	src         io.ReaderAt
	closer      io.Closer
	frames      []int64 // offsets
	scopes      map[uint64]*scope
	discoveries []discovered
	cache       *frameCache
}

// scope is where the records of one scope are.
type scope struct {
	number  uint64
	defined bool
	info    ScopeInfo
	frames  []uint32 // that hold one
}

// discovered is one Discovery and when it was made.
type discovered struct {
	at   time.Duration
	data Discovery
}

// Open reads a recording.
func Open(name string) (*File, error) {
	// Before it is opened: that would wait for whoever writes to a pipe, and nothing could end it.
	if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("recording %s: it is no regular file", name)
	}
	f, err := os.Open(name) //nolint:gosec // the file a person named
	if err != nil {
		return nil, fmt.Errorf("recording: %w", err)
	}
	info, err := f.Stat()
	var file *File
	if err == nil {
		file, err = Read(f, info.Size())
	}
	if err != nil {
		_ = f.Close() // the reason it is of no use is the one to tell
		return nil, fmt.Errorf("recording %s: %w", name, err)
	}
	file.name, file.closer = name, f
	return file, nil
}

// Read is Open on what holds size bytes of a recording.
func Read(src io.ReaderAt, size int64) (*File, error) {
	un, err := newUnpresser()
	if err != nil {
		return nil, err
	}
	f := &File{Size: size, src: src, scopes: map[uint64]*scope{}, cache: newFrameCache(cacheBytes, un)}
	if err := f.scan(un); err != nil {
		un.close()
		return nil, err
	}
	return f, nil
}

// Close ends the use of the file; players of it must have ended.
func (f *File) Close() error {
	f.cache.close()
	if f.closer != nil {
		return f.closer.Close()
	}
	return nil
}

// scan reads all of the file, up to where it can't be read.
func (f *File) scan(un *unpresser) error {
	r := bufio.NewReaderSize(io.NewSectionReader(f.src, 0, f.Size), readBuffer)
	if err := checkMagic(r); err != nil {
		return err
	}
	s := &scanner{File: f}
	at := int64(magicLen)
	var buf []byte
	for {
		var fr frame
		var err error
		fr, buf, err = readFrame(r, buf, f.Size-at)
		var records []byte
		if err == nil {
			records, err = un.records(fr)
		}
		if err == nil {
			err = s.frame(at, records)
		}
		var torn *tornError
		switch {
		case errors.Is(err, io.EOF):
			return s.finish()
		case errors.As(err, &torn):
			f.Cut, f.Why = f.Size-at, torn.why
			return s.finish()
		case err != nil:
			return err
		}
		at += int64(frameHead + len(fr.pressed))
	}
}

// scanner is what the first pass keeps track of.
type scanner struct {
	*File
	began     bool
	postings  int
	discovery int    // bytes
	last      []byte // discovery
}

// frame notes what a frame holds. A malformed record ends the file before its frame.
func (s *scanner) frame(at int64, records []byte) error {
	for rest := records; len(rest) > 0; { // whole before any of it counts
		r, after, err := readRecord(rest)
		if err != nil {
			return s.bad(err)
		}
		if r.Op == OpHeader && s.began {
			return s.bad(errRecord)
		}
		if err := s.meta(&r); err != nil {
			return err
		}
		rest = after
	}
	if len(s.frames) == maxFrames {
		return fmt.Errorf("it has more than %d frames", maxFrames)
	}
	n := uint32(len(s.frames)) //nolint:gosec // below maxFrames
	s.frames = append(s.frames, at)
	for rest := records; len(rest) > 0; {
		r, after, err := readRecord(rest)
		if err != nil {
			return s.bad(err) // never: it was read above
		}
		if err := s.note(n, &r); err != nil {
			return err
		}
		rest = after
	}
	return nil
}

// bad is a frame whose checksum is right and whose content is not: a file that begins so is none of ours.
func (s *scanner) bad(err error) error {
	if !s.began {
		return err
	}
	return &tornError{err.Error()}
}

// meta reads what is about the whole recording.
func (s *scanner) meta(r *Record) error {
	var err error
	switch r.Op {
	case OpHeader:
		s.began = true
		s.Header, err = unmarshal[Header](r)
	case OpDiscovery:
		if s.discovery += len(r.Data); s.discovery > maxDiscovery {
			return fmt.Errorf("it holds more than %d MiB of discovery", maxDiscovery>>20)
		}
		if s.last != nil && bytes.Equal(s.last, r.Data) {
			s.discovery -= len(r.Data)
			break
		}
		d := discovered{at: r.At}
		if d.data, err = unmarshal[Discovery](r); err == nil {
			err = d.data.check()
			s.discoveries = append(s.discoveries, d)
			s.last = bytes.Clone(r.Data)
		}
	case OpVersion:
		s.Version = watch.Sanitize(string(r.Data[:min(len(r.Data), textLimit)]))
	case OpScope:
		sc := s.scopeOf(r.Scope)
		sc.info, err = unmarshal[ScopeInfo](r)
		sc.defined = true
	}
	if err != nil {
		return err
	}
	if !s.began {
		return errors.New("it does not begin with a header")
	}
	return nil
}

func (d *Discovery) check() error {
	for _, a := range d.Aliases {
		if a.Of < 0 || a.Of >= len(d.Kinds) {
			return errors.New("its discovery is malformed")
		}
	}
	return nil
}

func (f *File) scopeOf(n uint64) *scope {
	sc := f.scopes[n]
	if sc == nil {
		sc = &scope{number: n}
		f.scopes[n] = sc
	}
	return sc
}

// note counts a record and files it under its scope.
func (s *scanner) note(frame uint32, r *Record) error {
	if s.Records < math.MaxInt {
		s.Records++
	}
	s.Length = max(s.Length, r.At)
	s.Ended = s.Ended || r.Op == OpEnd
	switch r.Op {
	case OpObject, OpAdded, OpModified, OpDeleted:
		s.Objects++
	}
	if r.Scope == 0 || r.Op == OpScope {
		return nil
	}
	sc := s.scopeOf(r.Scope)
	if n := len(sc.frames); n > 0 && sc.frames[n-1] == frame {
		return nil
	}
	if s.postings++; s.postings > maxPostings {
		return fmt.Errorf("it has more than %d entries", maxPostings)
	}
	sc.frames = append(sc.frames, frame)
	return nil
}

func (s *scanner) finish() error {
	if !s.began {
		if s.Cut > 0 {
			return fmt.Errorf("nothing of it can be read: %s", s.Why)
		}
		return errEmpty
	}
	if len(s.discoveries) == 0 {
		return errors.New("it ends before the server had said what it serves")
	}
	s.Header.Context, s.Header.Cluster = watch.Sanitize(s.Header.Context), watch.Sanitize(s.Header.Cluster)
	s.Header.Namespace = watch.Sanitize(s.Header.Namespace)
	return nil
}

// At is the wall clock of a time of the recording.
func (f *File) At(d time.Duration) time.Time { return f.Header.Started.Add(d) }

// Covers reports whether the recording holds anything of a kind.
func (f *File) Covers(k *watch.Kind) bool {
	for _, s := range f.scopes {
		if s.defined && s.info.is(k) && len(s.frames) > 0 {
			return true
		}
	}
	return false
}

// Namespaces are those in which a kind was recorded on its own; none where it was recorded in all.
func (f *File) Namespaces(k *watch.Kind) []string {
	var out []string
	for _, s := range f.scopes {
		if s.defined && s.info.is(k) && s.info.Namespace != "" {
			out = append(out, s.info.Namespace)
		}
	}
	return out
}

// is reports whether the scope is of that kind, in that version.
func (i *ScopeInfo) is(k *watch.Kind) bool {
	return i.Group == k.Group && i.Resource == k.Resource && i.Version == k.Version
}

// find is where a scope was recorded, on its own or with all namespaces; nil when it was not.
func (f *File) find(info ScopeInfo) *scope {
	var found *scope
	for _, s := range f.scopes {
		if s.defined && s.info == info && (found == nil || s.number < found.number) {
			found = s
		}
	}
	if found == nil && info.Namespace != "" {
		info.Namespace = ""
		return f.find(info)
	}
	return found
}

// records is the content of a frame.
func (f *File) records(n uint32) ([]byte, error) { return f.cache.get(f, n) }
