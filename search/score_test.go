package search

import (
	"flag"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/sahilm/fuzzy"
)

// libraryScore asks the library.
func libraryScore(pattern, text string) (int, bool) {
	m := fuzzy.FindNoSort(pattern, []string{text})
	if len(m) == 0 {
		return 0, false
	}
	return m[0].Score, true
}

func checkScore(t *testing.T, pattern, text string) {
	t.Helper()
	if strings.ContainsRune(text, 0) || len([]rune(pattern)) >= 40 {
		return // the library panics on the one and overflows on the other
	}
	want, wantOK := libraryScore(pattern, text)
	got, ok := scoreText([]rune(pattern), text)
	if ok != wantOK || ok && got != want {
		t.Fatalf("scoreText(%q, %q) = %d, %v; library %d, %v", pattern, text, got, ok, want, wantOK)
	}
	if !isASCII(pattern) || !isASCII(text) || pattern == "" {
		return
	}
	got, ok = scoreASCII(lowerASCII(pattern), text)
	if ok && classOf(text) == 0 {
		first := strings.IndexByte(text, lowerASCII(pattern)[0])
		if most := mostScore(lowerASCII(pattern)) - min(first*leadingPenalty, maxLeading) - (len(text) - len(pattern)); got > most {
			t.Fatalf("score of %q on %q is %d, above the bound %d", pattern, text, got, most)
		}
	}
	if ok != wantOK || ok && got != want {
		t.Fatalf("scoreASCII(%q, %q) = %d, %v; library %d, %v", pattern, text, got, ok, want, wantOK)
	}
	// Resumed from every stem of a text before it.
	for cut := range len(text) + 1 {
		var r resumable
		before := text[:cut] + "~other"
		score(&r, lowerASCII(pattern), before, 0, cut)
		got, ok = score(&r, lowerASCII(pattern), []byte(text), cut, 0)
		if ok != wantOK || ok && got != want {
			t.Fatalf("score(%q, %q) resumed at %d = %d, %v; library %d, %v", pattern, text, cut, got, ok, want, wantOK)
		}
	}
}

func FuzzScore(f *testing.F) {
	for _, s := range [][2]string{
		{"nginx", "Ingress prod/nginx"}, {"tk", "The Black Knight"}, {"ab", "aab"}, {"k", "\u212a"}, {"ſs", "sS"},
		{"crash", "CrashLoopBackOff"}, {"10.4", "10.244.4.10"}, {"aaa", "aaaa"}, {"É", "éa"}, {"\xff", "\xfe"}, {"a\x00", "ab"},
		{strings.Repeat("a", 39), strings.Repeat("a", 60)},
	} {
		f.Add(s[0], s[1])
	}
	f.Fuzz(func(t *testing.T, pattern, text string) {
		if len(text) < 300 {
			checkScore(t, pattern, text)
		}
	})
}

func nextFold(r rune) rune { return unicode.SimpleFold(r) }

var seedFlag = flag.Uint64("search.seed", 0, "the seed of the random tests, to run a failed one again; 0 is a new one")

func newRand(t testing.TB) *rand.Rand {
	seed := *seedFlag
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("seed %d (again: -search.seed=%d)", seed, seed)
	return rand.New(rand.NewPCG(seed, 0))
}

func TestScoreAgreesWithLibrary(t *testing.T) {
	rnd := newRand(t)
	alphabets := []string{"ab", "abcAB-/. _", "abcdefghijklmnopqrstuvwxyz0123456789-", "abKk\u212aſsSéÉ\\-", "aB-\x01\x7fÄ\xff"}
	for range 40_000 {
		a := alphabets[rnd.IntN(len(alphabets))]
		random := func(n int) string {
			b := make([]byte, rnd.IntN(n))
			for i := range b {
				b[i] = a[rnd.IntN(len(a))]
			}
			return string(b)
		}
		text := random(24)
		pattern := random(6)
		if rnd.IntN(2) == 0 { // a subsequence of the text
			var b []byte
			for i := range len(text) {
				if rnd.IntN(3) == 0 {
					b = append(b, text[i])
				}
			}
			pattern = string(b)
		}
		checkScore(t, pattern, text)
	}
}

// From 40 adjacent characters on the library overflows; here the score must stay at its bound and never fall.
func TestScoreOfLongMatches(t *testing.T) {
	before := 0
	for n := 1; n <= 300; n++ {
		s := strings.Repeat("a", n)
		got, ok := scoreASCII(s, s)
		if !ok || got < before || got > maxScore {
			t.Fatalf("score of %d characters is %d, %v after %d", n, got, ok, before)
		}
		if general, ok := scoreText([]rune(s), s); !ok || general != got {
			t.Fatalf("scoreText of %d characters is %d, %v, scoreASCII %d", n, general, ok, got)
		}
		if library, _ := libraryScore(s, s); n < 40 && library != got {
			t.Fatalf("score of %d characters is %d, library %d", n, got, library)
		}
		before = got
	}
}

func TestScoreDoesNotAllocate(t *testing.T) {
	runes := []rune("crsh")
	var r resumable
	n := testing.AllocsPerRun(100, func() {
		scoreASCII("crsh", "CrashLoopBackOff")
		scoreText(runes, "CräshLoopBackOff")
		score(&r, "crsh", "CrashLoopBackOff", 3, 3)
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}
