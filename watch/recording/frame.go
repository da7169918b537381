package recording

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/klauspost/compress/zstd"
)

// A file begins with eight bytes, the last of which is the version of the format. Then come frames:
//
//	4 bytes  length of the compressed records, little endian
//	4 bytes  length of the records
//	4 bytes  CRC-32C of these eight bytes and of the compressed records
//	…        the compressed records (zstd)
const (
	formatVersion = 1
	magicText     = "orkarec"
	magicLen      = len(magicText) + 1
	frameHead     = 12
	frameLengths  = 8 // of the head: what its checksum covers

	// frameBytes is the size, in bytes of records, at which a frame is written without waiting for its second.
	frameBytes = 256 << 10
	// waitBytes is how many bytes of records may wait for the disk; whoever brings more waits, too.
	waitBytes = 4 << 20
	// maxFrame bounds the records of a frame in bytes, read and written: what may wait, and one largest record.
	maxFrame = waitBytes + maxData + recordOverhead
	// maxPressed bounds a compressed frame; what can't be compressed grows a little.
	maxPressed = maxFrame + maxFrame/64 + 1024
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func magic() []byte { return append([]byte(magicText), formatVersion) }

// errMagic is for a file that is none of ours.
var errMagic = errors.New("this is no recording of orka record")

// errEmpty is for a file that its recorder, or whoever made it, left without a frame.
var errEmpty = errors.New("it is empty")

// checkMagic reads the first bytes of a file.
func checkMagic(r io.Reader) error {
	head := make([]byte, magicLen)
	if _, err := io.ReadFull(r, head); err != nil {
		if errors.Is(err, io.EOF) {
			return errEmpty
		}
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return errMagic
		}
		return err
	}
	if string(head[:len(magicText)]) != magicText {
		return errMagic
	}
	if v := head[len(magicText)]; v != formatVersion {
		return fmt.Errorf("the recording is of format %d; this orka reads format %d", v, formatVersion)
	}
	return nil
}

// presser makes frames; it is owned by one goroutine.
type presser struct {
	enc *zstd.Encoder
	buf []byte
}

func newPresser() (*presser, error) {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedDefault), zstd.WithWindowSize(1<<20))
	if err != nil {
		return nil, err
	}
	return &presser{enc: enc}, nil
}

// frame is the whole frame of some records; it is valid until the next call.
func (p *presser) frame(records []byte) []byte {
	if cap(p.buf) > 4*frameBytes { // one of a large object
		p.buf = nil
	}
	b := p.buf[:0]
	b = append(b, make([]byte, frameHead)...)
	b = p.enc.EncodeAll(records, b)
	binary.LittleEndian.PutUint32(b, uint32(len(b)-frameHead)) //nolint:gosec // at most maxPressed
	binary.LittleEndian.PutUint32(b[4:], uint32(len(records))) //nolint:gosec // at most maxFrame
	binary.LittleEndian.PutUint32(b[frameLengths:], frameSum(b[:frameLengths], b[frameHead:]))
	p.buf = b
	return b
}

func frameSum(lengths, pressed []byte) uint32 {
	return crc32.Update(crc32.Update(0, castagnoli, lengths), castagnoli, pressed)
}

// tornError is a frame that is not whole: the recorder was ended in its midst, or the file is damaged.
type tornError struct{ why string }

func (e *tornError) Error() string { return e.why }

var errTorn = &tornError{"the last frame is not whole"}

// frame is a frame as it is in the file.
type frame struct {
	pressed []byte
	size    int // of the records
}

// readFrame reads the next frame into buf, which it may replace. io.EOF is the end of the file between frames;
// *tornError is anything that ends it otherwise. left is how much of the file there is.
func readFrame(r io.Reader, buf []byte, left int64) (f frame, keep []byte, err error) {
	if left == 0 {
		return f, buf, io.EOF
	}
	var head [frameHead]byte
	if left < frameHead {
		return f, buf, errTorn
	}
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return f, buf, tornOr(err)
	}
	n, size := int64(binary.LittleEndian.Uint32(head[:])), int64(binary.LittleEndian.Uint32(head[4:]))
	if n > left-frameHead {
		return f, buf, errTorn
	}
	if n > int64(maxPressed) || size > int64(maxFrame) {
		return f, buf, &tornError{"a frame is too long"}
	}
	if int64(cap(buf)) < n {
		buf = make([]byte, n, n+n/4)
	}
	buf = buf[:n]
	if _, err := io.ReadFull(r, buf); err != nil {
		return f, buf, tornOr(err)
	}
	if frameSum(head[:frameLengths], buf) != binary.LittleEndian.Uint32(head[frameLengths:]) {
		return f, buf, &tornError{"a frame's checksum is wrong"}
	}
	return frame{pressed: buf, size: int(size)}, buf, nil
}

func tornOr(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errTorn
	}
	return err
}

// expansion is by how much records shrink at most, so that a frame that lies about its size costs no memory.
const expansion = 64

// unpresser opens frames; it is safe for concurrent use.
type unpresser struct{ dec *zstd.Decoder }

func newUnpresser() (*unpresser, error) {
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(uint64(maxFrame)), zstd.WithDecoderMaxWindow(1<<25))
	if err != nil {
		return nil, err
	}
	return &unpresser{dec}, nil
}

// records is the content of a frame, at most maxFrame bytes.
func (u *unpresser) records(f frame) ([]byte, error) {
	out, err := u.dec.DecodeAll(f.pressed, make([]byte, 0, min(f.size, expansion*len(f.pressed)+1024)))
	if err != nil || len(out) != f.size {
		return nil, &tornError{"a frame can't be decompressed"}
	}
	return out, nil
}

func (u *unpresser) close() { u.dec.Close() }
