package cluster

// Draws: everything random comes from hashes of what it is for.

import (
	"encoding/binary"
	"encoding/hex"
	"math/bits"
	"math/rand/v2"

	"k8s.io/apimachinery/pkg/types"
)

// hash128 mixes strings and numbers into 128 bits. It is what makes uids, digests and seeds depend on
// what a thing is and not on when it was drawn.
type hash128 struct{ a, b uint64 }

const (
	hashPrime1 = 0x9e3779b97f4a7c15
	hashPrime2 = 0xd6e8feb86659fd93
)

func newHash(seed uint64) hash128 { return hash128{seed ^ hashPrime1, seed*hashPrime2 + 1} }

func (h hash128) num(n uint64) hash128 {
	hi, lo := bits.Mul64(h.a^n^hashPrime2, hashPrime1)
	h.a = hi ^ lo ^ h.b
	hi, lo = bits.Mul64(h.b^bits.RotateLeft64(n, 29), hashPrime2|1)
	h.b = hi ^ lo ^ h.a
	return h
}

func (h hash128) str(s string) hash128 {
	h = h.num(uint64(len(s)))
	for len(s) >= 8 {
		h = h.num(uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
			uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56)
		s = s[8:]
	}
	var n uint64
	for i := range len(s) {
		n |= uint64(s[i]) << (8 * i)
	}
	return h.num(n)
}

func (h hash128) rand() *rand.Rand { return rand.New(rand.NewPCG(h.a, h.b)) }

func (h hash128) bytes() (b [16]byte) {
	binary.LittleEndian.PutUint64(b[:8], h.a)
	binary.LittleEndian.PutUint64(b[8:], h.b)
	return b
}

// uid formats the hash as a random (version 4) UUID.
func (h hash128) uid() types.UID {
	b := h.bytes()
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	var t [36]byte
	hex.Encode(t[0:8], b[0:4])
	hex.Encode(t[9:13], b[4:6])
	hex.Encode(t[14:18], b[6:8])
	hex.Encode(t[19:23], b[8:10])
	hex.Encode(t[24:36], b[10:16])
	t[8], t[13], t[18], t[23] = '-', '-', '-', '-'
	return types.UID(t[:])
}

// hex64 is 64 hexadecimal digits, as in image digests and container ids.
func (h hash128) hex64() string {
	var b [32]byte
	x, y := h.num(1).bytes(), h.num(2).bytes()
	copy(b[:16], x[:])
	copy(b[16:], y[:])
	return hex.EncodeToString(b[:])
}

// hex is the first n ≤ 32 hexadecimal digits of the hash.
func (h hash128) hex(n int) string {
	b := h.bytes()
	return hex.EncodeToString(b[:])[:n]
}

// safeAlphabet is what Kubernetes makes random name suffixes of: no vowels, nothing that reads like another.
const safeAlphabet = "bcdfghjklmnpqrstvwxz2456789"

// suffix is n letters as generateName and template hashes append them.
func suffix(r *rand.Rand, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = safeAlphabet[r.IntN(len(safeAlphabet))]
	}
	return string(b)
}

// between is a number from lo to hi, both included.
func between(r *rand.Rand, lo, hi int) int { return lo + r.IntN(hi-lo+1) }

// chance is true in one of n cases.
func chance(r *rand.Rand, n int) bool { return r.IntN(n) == 0 }

func ptr[T any](v T) *T { return &v }
