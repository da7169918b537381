package query

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// ageUnits are the units of durations, largest first. Days, weeks and years are of fixed length, as in the
// ages kubectl prints.
var ageUnits = []struct {
	unit byte
	size time.Duration
}{
	{'y', 365 * 24 * time.Hour},
	{'w', 7 * 24 * time.Hour},
	{'d', 24 * time.Hour},
	{'h', time.Hour},
	{'m', time.Minute},
	{'s', time.Second},
}

// parseAge reads "7d", "1h30m" and the like: whole numbers, each with a unit, larger units first.
func parseAge(s string) (time.Duration, bool) {
	if s == "" {
		return 0, false
	}
	var total time.Duration
	next := 0 // the largest unit that may follow
	for s != "" {
		n := 0
		for n < len(s) && '0' <= s[n] && s[n] <= '9' {
			n++
		}
		if n == 0 || n == len(s) {
			return 0, false
		}
		count, err := strconv.ParseInt(s[:n], 10, 64)
		if err != nil {
			return 0, false
		}
		unit := -1
		for i := next; i < len(ageUnits); i++ {
			if ageUnits[i].unit == s[n]|0x20 {
				unit = i
			}
		}
		if unit < 0 {
			return 0, false
		}
		size := ageUnits[unit].size
		if count > int64((math.MaxInt64-total)/size) {
			return 0, false
		}
		total += time.Duration(count) * size
		s, next = s[n+1:], unit+1
	}
	return total, true
}

// formatAge writes d, a whole number of seconds, with as few units as it takes.
func formatAge(d time.Duration) string {
	if d == 0 {
		return "0s"
	}
	var b strings.Builder
	for _, u := range ageUnits {
		if n := d / u.size; n > 0 {
			b.WriteString(strconv.FormatInt(int64(n), 10))
			b.WriteByte(u.unit)
			d -= n * u.size
		}
	}
	return b.String()
}
