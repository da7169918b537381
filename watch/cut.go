package watch

import (
	"io"
	"time"
)

const (
	// cutLeast is the shortest silence after which a stream that breaks off is taken to have been cut for being idle, and
	// cutsLearned how many in a row tell that it is the rule.
	cutLeast    = 30 * time.Second
	cutsLearned = 2
	// cutMargin is how much shorter than that silence streams are kept, for cutsKept.
	cutMargin = 5 * time.Second
	cutsKept  = 30 * time.Minute
)

// idleCuts is what a watcher has learned of a proxy that cuts what is idle, often after a minute and so before a bookmark: of a
// quiet kind nothing would ever be heard. Its streams are kept shorter than that, and their ends, in form, confirm.
type idleCuts struct {
	row   int           // streams in a row
	after time.Duration // the shortest silence that was cut
	until time.Time     // streams are kept short
}

// ended notes how a stream ended, and how long it had been silent before.
func (c *idleCuts) ended(err error, silence time.Duration, now time.Time) {
	switch {
	case err == io.EOF: //nolint:errorlint // see Classify
		c.row = 0
	case Classify(err) != ReasonNetwork || silence < cutLeast || silence > ConfirmWithin:
	default:
		if c.row == 0 && now.After(c.until) {
			c.after = silence
		}
		c.after = min(c.after, silence)
		if c.row++; c.row >= cutsLearned {
			c.row, c.until = 0, now.Add(cutsKept)
		}
	}
}

// timeout bounds that of a stream.
func (c *idleCuts) timeout(d time.Duration, now time.Time) time.Duration {
	if now.Before(c.until) {
		return min(d, c.after-cutMargin)
	}
	return d
}
