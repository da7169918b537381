package columns

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"time"

	"orka/watch"
)

// printed is the cell of a printer column: what the API server makes of the value (nil: not there), by the
// column's type. A value of another type than the column's is left out, as the server does.
func (r *row) printed(c watch.Column, v []byte) {
	if v == nil {
		r.cell()
		return
	}
	switch c.Type {
	case watch.ColumnNumber:
		r.cell()
		r.cells = append(r.cells, integerText(v)...)
	case watch.ColumnDecimal:
		r.cell()
		r.cells = append(r.cells, numberText(v)...)
	case watch.ColumnBoolean:
		r.cell()
		if isBool(v) {
			r.cells = append(r.cells, v...)
		}
	case watch.ColumnSince:
		if v[0] != '"' {
			r.cell()
			return
		}
		s := unquote(v)
		at, err := time.Parse(time.RFC3339, s)
		switch {
		case s == "" || s == "null":
			r.text(unknown)
		case err != nil:
			r.text("<invalid>")
		default:
			r.since(at, unknown)
		}
	default:
		if bytes.Equal(v, []byte("null")) {
			r.text("<no value>")
			return
		}
		r.text(scalar(v))
	}
}

// scalar is a value as text: strings bare, numbers as Go prints them, objects and arrays as compact JSON.
func scalar(v []byte) string {
	if len(v) == 0 {
		return ""
	}
	switch v[0] {
	case '"':
		return unquote(v)
	case '{', '[':
		var b bytes.Buffer
		if json.Compact(&b, v) != nil {
			return ""
		}
		return b.String()
	case 'n':
		return ""
	case 't', 'f':
		return string(v)
	}
	return numberText(v)
}

// integerText is a JSON number without its fraction, "" for anything else.
func integerText(v []byte) string {
	text := numberText(v)
	if _, err := strconv.ParseInt(text, 10, 64); err == nil || text == "" {
		return text
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || f < math.MinInt64 || f >= math.MaxInt64 {
		return ""
	}
	return strconv.FormatInt(int64(f), 10)
}

// numberText is a JSON number as kubectl shows it, "" for anything else.
func numberText(v []byte) string {
	if _, err := strconv.ParseInt(string(v), 10, 64); err == nil {
		return string(v)
	}
	f, err := strconv.ParseFloat(string(v), 64)
	if err != nil || v[0] != '-' && (v[0] < '0' || v[0] > '9') {
		return ""
	}
	return fmt.Sprint(f)
}
