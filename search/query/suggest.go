package query

import (
	"slices"
	"strings"
)

// Nearest lists at most two of the known words that word may have been meant as, best first: those it
// begins, then those a slip or two away.
func Nearest(word string, known []string) []string {
	type near struct {
		word string
		far  int
	}
	var found []near
	for _, k := range known {
		d := slips(word, k)
		switch {
		case len(word) >= 2 && strings.HasPrefix(k, word):
			found = append(found, near{k, 0})
		case d <= 1 && len(k) > 1, d <= 2 && len(k) >= 5:
			found = append(found, near{k, d})
		}
	}
	slices.SortStableFunc(found, func(a, b near) int { return a.far - b.far })
	var out []string
	for _, n := range found[:min(len(found), 2)] {
		out = append(out, n.word)
	}
	return out
}

// slips is the edit distance in bytes with neighbours swapped counting as one (optimal string alignment).
func slips(a, b string) int {
	before := make([]int, len(b)+1) // the row of a[:i-2]
	prev := make([]int, len(b)+1)   // of a[:i-1]
	row := make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(prev[j]+1, row[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, prev, row = prev, row, before
	}
	return prev[len(b)]
}
