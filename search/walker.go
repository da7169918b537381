package search

import "strings"

// walker finds subsequences in the names of a page, one after the other. It notes where in the last name each
// character of the pattern was found; in a name that shares a stem with it, what was found in the stem holds.
type walker struct {
	last  int // the document walked last, -1 for none
	found int // pattern characters found in its name
	// at[k] is where pattern character k was found, for those found.
	at [maxFast]uint32
}

func (w *walker) reset() { w.last = -1 }

// to reports whether name i holds the characters of a lower-case pattern from place k on, in their order. The pattern
// has at most maxFast bytes. Names must be ASCII and be walked in their order, with the same pattern and k since the
// last reset.
func (w *walker) to(p *page, i int, pattern string, k int) bool {
	from := 0
	if w.last >= 0 {
		// What the stem holds is known, and also that the next character is not in it.
		for from = p.sharedSince(w.last, i); k < w.found && int(w.at[k]) < from; {
			k++
		}
	}
	w.last = i
	name := p.name(i)
	for ; k < len(pattern); k++ {
		at := indexFolded(name[from:], pattern[k], p.nameClass)
		if at < 0 {
			break
		}
		from += at
		w.at[k] = uint32(from) //nolint:gosec // a name is far below 4 GiB
		from++
	}
	w.found = k
	return k == len(pattern)
}

// span is where the first and the last of n pattern characters were found.
func (w *walker) span(n int) (first, last int) { return int(w.at[0]), int(w.at[n-1]) }

// indexFolded is the first place of a lower-case ASCII character in an ASCII text.
func indexFolded(s string, c byte, class class) int {
	if class&hasUpper == 0 {
		return strings.IndexByte(s, c)
	}
	for i := range len(s) {
		if foldByte[s[i]] == c {
			return i
		}
	}
	return -1
}
