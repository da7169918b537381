package ui

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"orka/watch"
)

// sorting is the column that rows are ordered by; the zero value leaves them by relevance, then name.
type sorting struct {
	column string
	desc   bool
	kind   *watch.Kind // whose columns are meant; nil is the mixed table
}

// next is the sorting by the following column, and none after the last.
func (s sorting) next(cols []column) sorting {
	i := s.at(cols) + 1
	if i >= len(cols) {
		return sorting{}
	}
	s.column, s.desc = cols[i].title, false
	return s
}

// at is the index of the column among cols, -1 when it isn't there or nothing is sorted.
func (s sorting) at(cols []column) int {
	if s.column == "" {
		return -1
	}
	return slices.IndexFunc(cols, func(c column) bool { return c.title == s.column })
}

// sortKey is what a row is ordered by: a number where the column has one, else a text.
type sortKey struct {
	number float64
	text   string
	empty  bool
}

// sort orders hits by the column; equal ones stay in the order of relevance. Rows without a value come last.
func (s sorting) sort(hits []hitRow) {
	if s.column == "" {
		return
	}
	type keyed struct {
		key sortKey
		at  int32 // the limit of a search is far below 2³¹
	}
	rows := make([]keyed, len(hits))
	for i, h := range hits {
		rows[i] = keyed{s.key(h.Object), int32(i)}
	}
	slices.SortFunc(rows, func(a, b keyed) int {
		if a.key.empty != b.key.empty {
			return boolInt(a.key.empty) - boolInt(b.key.empty)
		}
		c := cmp.Compare(a.key.number, b.key.number)
		if c == 0 {
			c = compareNatural(a.key.text, b.key.text)
		}
		switch {
		case c == 0:
			return cmp.Compare(a.at, b.at)
		case s.desc:
			return -c
		default:
			return c
		}
	})
	sorted := make([]hitRow, len(hits))
	for i, r := range rows {
		sorted[i] = hits[r.at]
	}
	copy(hits, sorted)
}

func (s sorting) key(o *watch.Object) sortKey {
	if s.kind != nil {
		for i, c := range s.kind.Columns {
			if c.Name == s.column {
				return cellKey(c, o, i)
			}
		}
	}
	switch s.column {
	case "KIND":
		return sortKey{text: o.Kind.Kind}
	case "NAMESPACE":
		return sortKey{text: o.Namespace, empty: o.Namespace == ""}
	case "STATUS":
		return sortKey{text: o.Status, empty: o.Status == ""}
	case "AGE":
		return ageKey(o.Created)
	default:
		return sortKey{text: o.Name}
	}
}

func cellKey(c watch.Column, o *watch.Object, i int) sortKey {
	cell := o.Cells.At(i)
	switch c.Type {
	case watch.ColumnName:
		return sortKey{text: o.Name}
	case watch.ColumnAge:
		return ageKey(o.Created)
	case watch.ColumnSince:
		at, _ := strconv.ParseInt(cell, 10, 64)
		return ageKey(at)
	case watch.ColumnDuration:
		from, to, ended := strings.Cut(cell, "-")
		start, _ := strconv.ParseInt(from, 10, 64)
		end, _ := strconv.ParseInt(to, 10, 64)
		if !ended {
			end = 1 << 40 // still running: longer than what has ended
		}
		return sortKey{number: float64(end - start), empty: cell == ""}
	case watch.ColumnNumber, watch.ColumnCountSince:
		count, _, _ := strings.Cut(cell, "@")
		n, err := strconv.ParseFloat(count, 64)
		return sortKey{number: n, empty: err != nil}
	default:
		return sortKey{text: cell, empty: cell == "" || cell == "<none>"}
	}
}

// ageKey puts the youngest first.
func ageKey(unix int64) sortKey { return sortKey{number: -float64(unix), empty: unix == 0} }

// compareNatural compares texts with runs of digits as numbers, so that "pod-9" comes before "pod-10".
func compareNatural(a, b string) int {
	if a == b {
		return 0
	}
	for a != "" && b != "" {
		na, nb := digits(a), digits(b)
		if na > 0 && nb > 0 {
			x, y := strings.TrimLeft(a[:na], "0"), strings.TrimLeft(b[:nb], "0")
			if c := cmp.Or(cmp.Compare(len(x), len(y)), strings.Compare(x, y)); c != 0 {
				return c
			}
			a, b = a[na:], b[nb:]
			continue
		}
		if a[0] != b[0] {
			return cmp.Compare(a[0], b[0])
		}
		a, b = a[1:], b[1:]
	}
	return cmp.Compare(len(a), len(b))
}

// digits is how many digits s begins with.
func digits(s string) int {
	n := 0
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return n
}
