package query

import (
	"math/bits"
	"strings"
)

// Quantity is a number as Kubernetes writes them: 3, -0.5, 1e3, 500m, 2Gi. The zero Quantity is no number.
//
// Quantities are compared exactly in steps of 10⁻⁹, the finest that Kubernetes keeps, up to about 3·10²⁹;
// what lies beyond counts as that bound. Finer digits are cut off.
type Quantity struct {
	text     string
	negative bool
	hi, lo   uint64 // 128 bits of size in steps of 10⁻⁹
}

// String is the quantity as it was written.
func (q Quantity) String() string { return q.text }

// Compare is negative, zero or positive as q is less than, equal to or greater than r.
func (q Quantity) Compare(r Quantity) int {
	if q.negative != r.negative {
		if q.negative {
			return -1
		}
		return 1
	}
	c := 0
	switch {
	case q.hi < r.hi || q.hi == r.hi && q.lo < r.lo:
		c = -1
	case q.hi != r.hi || q.lo != r.lo:
		c = 1
	}
	if q.negative {
		return -c
	}
	return c
}

// scale is what a suffix multiplies by: 2^shift · 10^exp.
type scale struct {
	suffix string
	shift  uint
	exp    int
}

// scales are the suffixes of k8s.io/apimachinery/pkg/api/resource.
var scales = []scale{
	{"Ki", 10, 0}, {"Mi", 20, 0}, {"Gi", 30, 0}, {"Ti", 40, 0}, {"Pi", 50, 0}, {"Ei", 60, 0},
	{"n", 0, -9}, {"u", 0, -6}, {"m", 0, -3},
	{"k", 0, 3}, {"M", 0, 6}, {"G", 0, 9}, {"T", 0, 12}, {"P", 0, 15}, {"E", 0, 18},
}

// maxExponent bounds what is read after an e: beyond it every number is out of range anyway.
const maxExponent = 99

// ParseQuantity reads a number with an optional suffix or decimal exponent. It does not allocate.
func ParseQuantity(s string) (Quantity, bool) {
	q := Quantity{text: s}
	rest := s
	if rest != "" && (rest[0] == '-' || rest[0] == '+') {
		q.negative = rest[0] == '-'
		rest = rest[1:]
	}
	digits, rest := leading(rest)
	fraction := ""
	if strings.HasPrefix(rest, ".") {
		fraction, rest = leading(rest[1:])
	}
	if digits == "" && fraction == "" {
		return Quantity{}, false
	}
	shift, exp, ok := suffix(rest)
	if !ok {
		return Quantity{}, false
	}
	q.hi, q.lo = magnitude(digits, fraction, shift, exp+9)
	if q.hi == 0 && q.lo == 0 {
		q.negative = false
	}
	return q, true
}

// leading parts the digits at the start of s from the rest.
func leading(s string) (digits, rest string) {
	i := 0
	for i < len(s) && '0' <= s[i] && s[i] <= '9' {
		i++
	}
	return s[:i], s[i:]
}

// suffix reads what follows the digits.
func suffix(s string) (shift uint, exp int, ok bool) {
	if s == "" {
		return 0, 0, true
	}
	for _, c := range scales {
		if c.suffix == s {
			return c.shift, c.exp, true
		}
	}
	if s[0] != 'e' && s[0] != 'E' {
		return 0, 0, false
	}
	s = s[1:]
	sign := 1
	if s != "" && (s[0] == '-' || s[0] == '+') {
		if s[0] == '-' {
			sign = -1
		}
		s = s[1:]
	}
	digits, rest := leading(s)
	if digits == "" || rest != "" {
		return 0, 0, false
	}
	for _, d := range digits {
		exp = min(exp*10+int(d-'0'), maxExponent)
	}
	return 0, sign * exp, true
}

// magnitude is digits.fraction · 2^shift · 10^exp, cut to a whole number and held at 2^128-1.
func magnitude(digits, fraction string, shift uint, exp int) (hi, lo uint64) {
	taken := 0
	next := func() (uint64, bool) {
		taken++
		switch i := taken - 1; {
		case i < len(digits):
			return uint64(digits[i] - '0'), true
		case i-len(digits) < len(fraction):
			return uint64(fraction[i-len(digits)] - '0'), true
		default:
			return 0, false
		}
	}
	whole := len(digits) + exp // how many digits stand before the point of the result
	for range max(0, whole) {
		d, more := next()
		if !more && hi == 0 && lo == 0 {
			return 0, 0
		}
		if hi, lo = timesPlus(hi, lo, 10, d); hi == saturated && lo == saturated {
			return hi, lo
		}
	}
	if shift == 0 {
		return hi, lo
	}
	// The digits behind the point would be cut, but the power of two lifts some of them before it.
	flo := shiftedFraction(next, shift)
	if hi>>(64-shift) != 0 {
		return saturated, saturated
	}
	hi, lo = hi<<shift|lo>>(64-shift), lo<<shift
	var carry uint64
	lo, carry = bits.Add64(lo, flo, 0)
	hi, carry = bits.Add64(hi, 0, carry)
	if carry != 0 {
		return saturated, saturated
	}
	return hi, lo
}

const saturated = ^uint64(0)

// fractionDigits is how many digits behind the point of the result still count before a binary suffix
// lifts them: 2^60 has 19 digits.
const fractionDigits = 19

// shiftedFraction is ⌊0.ddd… · 2^shift⌋ for the digits that next yields; shift is 1 to 60.
func shiftedFraction(next func() (uint64, bool), shift uint) uint64 {
	var n, unit uint64 = 0, 1
	for range fractionDigits {
		d, _ := next()
		n, unit = n*10+d, unit*10
	}
	// n < unit = 10^19 < 2^64, so the quotient is below 2^shift.
	q, _ := bits.Div64(n>>(64-shift), n<<shift, unit)
	return q
}

// timesPlus is (hi,lo)·m + a, held at 2^128-1.
func timesPlus(hi, lo, m, a uint64) (uint64, uint64) {
	over, h := bits.Mul64(hi, m)
	carry, l := bits.Mul64(lo, m)
	h, c := bits.Add64(h, carry, 0)
	if over != 0 || c != 0 {
		return saturated, saturated
	}
	l, c = bits.Add64(l, a, 0)
	h, c = bits.Add64(h, 0, c)
	if c != 0 {
		return saturated, saturated
	}
	return h, l
}
