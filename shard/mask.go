package shard

import (
	"unicode"

	"orka/watch"
)

// A mask is the set of characters of a text in 64 bits, letter case folded: 26 letters, 10 digits, the five
// signs names are full of, classes for the rest of ASCII, and twelve classes for all other characters.
//
// What search rests on: when t is a subsequence of an object's text (kind, namespace/name, status and the values of
// its projected fields, each on its own or joined by white space), under any usual folding of case, then
//
//	MaskText(t) &^ MaskOf(o) == 0
//
// The reverse need not hold: a mask says "perhaps", never "yes".

const (
	bitDigits = 26
	bitSigns  = bitDigits + 10 // - . / : _
	bitClass  = bitSigns + 5   // other ASCII
	bitOther  = 52             // beyond ASCII, by hash
	others    = 64 - bitOther
)

// asciiMask is the mask of each ASCII character; white space and control characters have none, since queries are
// split at them.
var asciiMask = func() (t [128]uint64) {
	for c := byte('a'); c <= 'z'; c++ {
		t[c] = 1 << (c - 'a')
		t[c-'a'+'A'] = t[c]
	}
	for c := byte('0'); c <= '9'; c++ {
		t[c] = 1 << (bitDigits + c - '0')
	}
	for i, c := range []byte("-./:_") {
		t[c] = 1 << (bitSigns + i)
	}
	for i, class := range []string{"=", ",", "@", "%", "+", "*", "()", "[]{}<>", "'\"`", "#&$", "!?;|^~\\"} {
		for _, c := range []byte(class) {
			t[c] = 1 << (bitClass + i)
		}
	}
	return t
}()

// MaskOf is the mask of all of an object that free text is matched against.
func MaskOf(o *watch.Object) uint64 {
	m := maskDocument(o.Kind.Kind) | maskDocument(o.Name) | maskDocument(o.Status)
	if o.Namespace != "" {
		m |= maskDocument(o.Namespace) | asciiMask['/'] // of namespace/name
	}
	for _, v := range o.Fields.All() {
		m |= maskDocument(v)
	}
	return m
}

// MaskText is the mask of a text that is looked for.
func MaskText(s string) uint64 {
	var m uint64
	for _, r := range s {
		if r < 128 {
			m |= asciiMask[r]
			continue
		}
		// A character whose foldings disagree (İ) is not asked for: either reading must find it.
		if c := maskFolded(r); c == maskFolded(unicode.ToLower(r)) && c == maskFolded(unicode.ToUpper(r)) {
			m |= c
		}
	}
	return m
}

// maskDocument is the mask of a text that is searched: it holds every folding of every character.
func maskDocument(s string) uint64 {
	var m uint64
	for i := range len(s) {
		if s[i] >= 128 {
			return m | maskUnicode(s[i:])
		}
		m |= asciiMask[s[i]]
	}
	return m
}

func maskUnicode(s string) uint64 {
	var m uint64
	for _, r := range s {
		m |= maskFolded(r) | maskFolded(unicode.ToLower(r)) | maskFolded(unicode.ToUpper(r))
	}
	return m
}

// maskFolded is the mask of one character, the same for all that simple folding makes equal: K, k and the Kelvin
// sign are one.
func maskFolded(r rune) uint64 {
	least := r
	for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
		least = min(least, f)
	}
	switch {
	case least < 0:
		return 0
	case least < 128:
		return asciiMask[least]
	case unicode.IsSpace(least):
		return 0
	}
	return 1 << (bitOther + uint32(least)*2654435761>>16%others) //nolint:gosec // least is positive
}
