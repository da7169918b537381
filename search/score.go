package search

import (
	"math"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The scorer computes what github.com/sahilm/fuzzy v0.1.1 computes, without its allocations. How the library
// reads a text, as far as it matters here:
//
// It walks the text once and holds a place in the pattern. Among the text's characters that equal the pattern's
// current one it keeps the best scoring; it settles for it as soon as the *next* character of the text equals the
// pattern's next one, or the text ends. So the state before character j depends on the text up to and including
// j and on nothing behind it. That is what makes scores of neighbours cheap: names in a page are sorted and share
// long stems, and the scorer resumes at the end of the stem (see [resumable]).
//
// Adjacent characters earn a bonus that triples with each: 5, 15, 45 … The library adds them in an int, which
// overflows from 40 adjacent characters on and makes such scores negative or arbitrary. Here they are held at
// maxScore instead, so that longer matches never rank below shorter ones. Up to 39 characters of pattern both
// agree exactly; on platforms with 32-bit ints, up to 19.

const (
	firstCharBonus = 10
	separatorBonus = 20
	camelBonus     = 20
	adjacentBonus  = 5
	leadingPenalty = 5  // for each byte before the first match …
	maxLeading     = 15 // … up to this
)

// maxScore bounds scores so that the sum of two still fits an int with room for all bonuses of one character.
const maxScore = math.MaxInt/2 - 1<<10

// foldByte maps ASCII letters to lower case.
var foldByte = func() (t [256]byte) {
	for i := range t {
		t[i] = byte(i)
		if 'A' <= i && i <= 'Z' {
			t[i] += 'a' - 'A'
		}
	}
	return t
}()

// separator holds the characters after which a match earns a bonus.
var separator = func() (t [256]bool) {
	for _, c := range []byte("/-_ .\\") {
		t[c] = true
	}
	return t
}()

// mostScore is what a pattern scores at most on a lower-case text, penalties aside: for each character the bonus behind
// a separator, or that of being adjacent to all before it (and that of a separator in the pattern itself).
func mostScore(pattern string) int {
	most, adjacent := 0, 0
	for i := range len(pattern) {
		bonus := 0
		if i > 0 {
			bonus = min(adjacent*2, maxScore/2) + adjacentBonus
			adjacent = min(adjacent+bonus, maxScore/2)
			if separator[pattern[i-1]] {
				bonus += separatorBonus
			}
		}
		most = min(most+max(bonus, separatorBonus), maxScore)
	}
	return most
}

// progress is the state of scoring one pattern on one text, before the character at pos.
type progress struct {
	pos       int // in bytes
	matched   int // pattern characters settled
	score     int // of those
	best      int // best score for the current pattern character, -1 for none yet
	bestAt    int // where
	lastMatch int // where the last settled one is, -1 for none
	adjacency int // running bonus for adjacent characters
}

var start = progress{best: -1, bestAt: -1, lastMatch: -1}

// candidate takes the character at pos as one that equals the pattern's current one. The boundary bonuses are
// the caller's to know.
func (p *progress) candidate(previousAt, bonus int) {
	if p.lastMatch >= 0 && p.lastMatch == previousAt {
		adjacent := maxScore
		if p.adjacency <= maxScore/2-adjacentBonus {
			adjacent = p.adjacency*2 + adjacentBonus
		}
		bonus += adjacent
		p.adjacency = min(p.adjacency+adjacent, maxScore)
	}
	if bonus > p.best {
		p.best, p.bestAt = bonus, p.pos
	}
}

// settle takes the best place found for the current pattern character and goes on to the next one.
func (p *progress) settle() {
	if p.matched == 0 {
		p.best -= min(p.bestAt*leadingPenalty, maxLeading)
	}
	p.score = min(p.score+p.best, maxScore)
	p.lastMatch = p.bestAt
	p.matched++
	p.best = -1
}

// run continues p over an ASCII text up to position end. The pattern is ASCII in lower case and not empty.
func run[T string | []byte](p *progress, pattern string, text T, end int) {
	if p.pos >= end {
		return
	}
	state := *p
	want := pattern[min(state.matched, len(pattern)-1)]
	c := foldByte[text[state.pos]]
	for ; state.pos < end; state.pos++ {
		j := state.pos
		if c == want {
			bonus := 0
			if j == 0 {
				bonus = firstCharBonus
			} else {
				last := text[j-1]
				if separator[last] {
					bonus = separatorBonus
				}
				if 'A' <= text[j] && text[j] <= 'Z' && 'a' <= last && last <= 'z' {
					bonus += camelBonus
				}
			}
			state.candidate(j-1, bonus)
		}
		if j+1 == len(text) {
			if state.bestAt >= 0 {
				state.settle()
			}
			state.pos++
			break
		}
		c = foldByte[text[j+1]]
		if state.matched+1 < len(pattern) && c == pattern[state.matched+1] && state.bestAt >= 0 {
			state.settle()
			want = c
		}
	}
	*p = state
}

// scoreASCII is the score of a lower-case ASCII pattern on an ASCII text, and whether it matches.
func scoreASCII[T string | []byte](pattern string, text T) (int, bool) {
	if len(pattern) == 0 || len(text) == 0 {
		return 0, false
	}
	p := start
	run(&p, pattern, text, len(text))
	return p.score + p.matched - len(text), p.matched == len(pattern)
}

// resumable scores one pattern on a row of texts that share stems.
type resumable struct {
	stem progress // the state at the end of the stem
	ok   bool     // stem may be resumed from
}

// score is scoreASCII of a text that shares its first `shared` bytes with the text of the call before, and
// probably its first `next` bytes with the one of the next call.
func score[T string | []byte](r *resumable, pattern string, text T, shared, next int) (int, bool) {
	if len(text) == 0 {
		r.ok = false
		return 0, false
	}
	// A state at pos has looked at the character at pos, so that one must be shared too.
	if !r.ok || r.stem.pos >= shared {
		r.stem, r.ok = start, true
		run(&r.stem, pattern, text, min(next, len(text))-1)
	}
	p := r.stem
	run(&p, pattern, text, len(text))
	return p.score + p.matched - len(text), p.matched == len(pattern)
}

// scoreText is the score of a pattern on any text, and whether it matches.
func scoreText(pattern []rune, text string) (int, bool) {
	if len(pattern) == 0 || len(text) == 0 {
		return 0, false
	}
	p := start
	var last rune
	lastAt := 0
	next, nextSize := utf8.DecodeRuneInString(text)
	for p.pos < len(text) {
		c, size := next, nextSize
		if p.matched < len(pattern) && equalFold(c, pattern[p.matched]) {
			bonus := 0
			if p.pos == 0 {
				bonus = firstCharBonus
			} else if last < utf8.RuneSelf && separator[last] {
				bonus = separatorBonus
			}
			if unicode.IsLower(last) && unicode.IsUpper(c) {
				bonus += camelBonus
			}
			p.candidate(lastAt, bonus)
		}
		atEnd := p.pos+size >= len(text)
		if !atEnd {
			next, nextSize = utf8.DecodeRuneInString(text[p.pos+size:])
		}
		if p.bestAt >= 0 && p.matched < len(pattern) &&
			(atEnd || p.matched+1 < len(pattern) && equalFold(next, pattern[p.matched+1])) {
			p.settle()
		}
		last, lastAt = c, p.pos
		p.pos += size
	}
	return p.score + p.matched - len(text), p.matched == len(pattern)
}

// equalFold reports whether a and b are equal under simple folding, as the library has it.
func equalFold(a, b rune) bool {
	if a == b {
		return true
	}
	if a < utf8.RuneSelf && b < utf8.RuneSelf {
		return a|0x20 == b|0x20 && 'a' <= a|0x20 && a|0x20 <= 'z'
	}
	for r := unicode.SimpleFold(a); r != a; r = unicode.SimpleFold(r) {
		if r == b {
			return true
		}
	}
	return false
}

// foldRune is one character for all that are equal under simple folding.
func foldRune(r rune) rune {
	if r < utf8.RuneSelf {
		return rune(foldByte[r])
	}
	least := r
	for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
		least = min(least, f)
	}
	if least < utf8.RuneSelf {
		return rune(foldByte[least])
	}
	return least
}

// isASCII reports whether s is ASCII alone.
func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// lowerASCII is s with its ASCII letters in lower case.
func lowerASCII(s string) string {
	for i := range len(s) {
		if foldByte[s[i]] != s[i] {
			return strings.Map(func(r rune) rune {
				if 'A' <= r && r <= 'Z' {
					return r + 'a' - 'A'
				}
				return r
			}, s)
		}
	}
	return s
}
