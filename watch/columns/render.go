package columns

import (
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/duration"

	"orka/watch"
)

// clockSkew is how far in the future a time may lie and still be shown as "0s": kubectl's ages are computed
// by the server, ours by a machine whose clock may be behind it.
const clockSkew = time.Minute

// Age writes a duration as kubectl writes ages: "5m30s", "3d4h", "2y11d", "<invalid>" when negative.
func Age(d time.Duration) string { return duration.HumanDuration(d) }

// Render is the text of cell i of o, the cell of column c, as kubectl prints it at now.
func Render(c watch.Column, i int, o *watch.Object, now time.Time) string {
	cell := o.Cells.At(i)
	switch c.Type {
	case watch.ColumnName:
		if cell == "" {
			return o.Name
		}
		return cell
	case watch.ColumnAge:
		if o.Created == 0 {
			return unknown
		}
		return Age(o.Age(now))
	case watch.ColumnSince:
		if cell == "" && c.Path == "" {
			return none
		}
		return sinceText(cell, now)
	case watch.ColumnCountSince:
		count, at, dated := strings.Cut(cell, "@")
		if !dated {
			return cell
		}
		return count + " (" + sinceText(at, now) + " ago)"
	case watch.ColumnDuration:
		start, end, ended := strings.Cut(cell, "-")
		if !ended {
			return sinceText(start, now)
		}
		from, err1 := strconv.ParseInt(start, 10, 64)
		to, err2 := strconv.ParseInt(end, 10, 64)
		if err1 != nil || err2 != nil {
			return cell
		}
		return Age(time.Duration(to-from) * time.Second)
	default:
		return cell
	}
}

// sinceText is the age of a cell of Unix seconds; a cell that is none is a text to be shown ("<unknown>").
func sinceText(cell string, now time.Time) string {
	seconds, err := strconv.ParseInt(cell, 10, 64)
	if err != nil {
		return cell
	}
	d := now.Sub(time.Unix(seconds, 0))
	if d < 0 && d >= -clockSkew {
		d = 0
	}
	return Age(d)
}
