package watch

import (
	"iter"
	"slices"
	"strings"
)

// Pairs is a small sorted map of strings packed into one string ("k=v" parted by a separator that
// sanitised strings never hold; keys hold no "="). Equal maps are equal strings, so interning a label
// set and comparing two of them are what they are for any string.
type Pairs string

// PackPairs packs m; keys and values must be sanitised.
func PackPairs(m map[string]string) Pairs {
	if len(m) == 0 {
		return ""
	}
	keys := make([]string, 0, len(m))
	n := 0
	for k, v := range m {
		keys = append(keys, k)
		n += len(k) + len(v) + 2
	}
	slices.Sort(keys)
	var b strings.Builder
	b.Grow(n)
	for i, k := range keys {
		if i > 0 {
			b.WriteByte(cellSeparator)
		}
		b.WriteString(k)
		b.WriteByte('=')
		b.WriteString(m[k])
	}
	return Pairs(b.String())
}

// AppendPair appends a pair to packed pairs; keys must come in increasing order, and key and value be
// sanitised. More of the value may be appended to the result.
func AppendPair(dst []byte, key, value string) []byte {
	if len(dst) > 0 {
		dst = append(dst, cellSeparator)
	}
	dst = append(dst, key...)
	dst = append(dst, '=')
	return append(dst, value...)
}

// Get returns the value of key and whether it is there.
func (p Pairs) Get(key string) (string, bool) {
	for k, v := range p.All() {
		if k == key {
			return v, true
		}
	}
	return "", false
}

// All yields key and value in key order.
func (p Pairs) All() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		rest := string(p)
		for rest != "" {
			pair := rest
			if i := strings.IndexByte(rest, cellSeparator); i >= 0 {
				pair, rest = rest[:i], rest[i+1:]
			} else {
				rest = ""
			}
			k, v, _ := strings.Cut(pair, "=")
			if !yield(k, v) {
				return
			}
		}
	}
}

// Len counts the pairs.
func (p Pairs) Len() int {
	if p == "" {
		return 0
	}
	return strings.Count(string(p), string(cellSeparator)) + 1
}
