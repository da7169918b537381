package watch

import (
	"strconv"
	"strings"
	"time"
)

// ColumnType says how a cell is to be read; it is what lets a cell be stored once and still show an
// age that grows.
type ColumnType uint8

const (
	// ColumnText is shown as it is.
	ColumnText ColumnType = iota
	// ColumnNumber is a decimal integer, aligned right and sorted as a number.
	ColumnNumber
	// ColumnName shows the object's name; its cell is empty, or holds the name with what kubectl adds to it
	// ("standard (default)").
	ColumnName
	// ColumnAge shows the time since creation; its cell is empty.
	ColumnAge
	// ColumnSince holds Unix seconds ("1767225600") and shows the time since.
	ColumnSince
	// ColumnCountSince holds a count and the Unix seconds of its last change ("5@1767225600") and shows
	// "5 (3m ago)"; without "@" the count alone.
	ColumnCountSince
	// ColumnDuration holds the Unix seconds of a start and perhaps of an end ("1767225600-1767225690") and
	// shows the time between; without an end the time since the start.
	ColumnDuration
	// ColumnDecimal is a number that may have a fraction ("1.5", "1e+07"), aligned right and sorted as a number.
	ColumnDecimal
	// ColumnBoolean is "true" or "false".
	ColumnBoolean
)

// Column is one column of a kind's table.
type Column struct {
	Name string // upper case, as kubectl heads it
	Type ColumnType
	// Wide columns are shown by -o wide only.
	Wide bool
	// Path is the JSONPath of a CRD's printer column; empty for built-in kinds.
	Path string
}

// cellSeparator parts packed cells and pairs. Sanitised strings never hold it.
const cellSeparator = '\x1f'

// Cells are the cells of one row, in the order of Kind.Columns, packed into one string: an object in
// memory is to cost little, and rows are unpacked only when they are drawn.
type Cells string

// PackCells joins cells; they must be sanitised.
func PackCells(cells ...string) Cells {
	return Cells(strings.Join(cells, string(cellSeparator)))
}

// AppendCell appends cell i to packed cells, which hold the i cells before it; it must be sanitised. More of
// the cell may be appended to the result.
func AppendCell(dst []byte, i int, cell string) []byte {
	if i > 0 {
		dst = append(dst, cellSeparator)
	}
	return append(dst, cell...)
}

// At is cell i, or "" when there is none.
func (c Cells) At(i int) string {
	s := string(c)
	for ; i > 0; i-- {
		j := strings.IndexByte(s, cellSeparator)
		if j < 0 {
			return ""
		}
		s = s[j+1:]
	}
	if j := strings.IndexByte(s, cellSeparator); j >= 0 {
		return s[:j]
	}
	return s
}

// CountSinceCell packs a ColumnCountSince cell; a zero time leaves the count alone.
func CountSinceCell(count int, at time.Time) string {
	if at.IsZero() {
		return strconv.Itoa(count)
	}
	return strconv.Itoa(count) + "@" + strconv.FormatInt(at.Unix(), 10)
}

// SinceCell packs a ColumnSince cell; a zero time is "" and shown as <none>.
func SinceCell(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return strconv.FormatInt(at.Unix(), 10)
}

// DurationCell packs a ColumnDuration cell.
func DurationCell(start, end time.Time) string {
	if start.IsZero() {
		return ""
	}
	if end.IsZero() {
		return strconv.FormatInt(start.Unix(), 10)
	}
	return strconv.FormatInt(start.Unix(), 10) + "-" + strconv.FormatInt(end.Unix(), 10)
}
