package watch

import (
	"io"
	"time"
)

const (
	// cutLeast is the shortest silence after which a stream that ends is taken to have been cut for being idle, and
	// cutsLearned how many in a row, of silences that differ by cutsAlike at most, tell that it is the rule.
	cutLeast    = 15 * time.Second
	cutsAlike   = 2 * time.Second
	cutsLearned = 2
	// cutMargin is how much shorter than that silence streams are kept, for cutsKept.
	cutMargin = 5 * time.Second
	cutsKept  = 30 * time.Minute
)

// idleCuts is what a watcher has learned of a proxy that cuts what is idle, often after a minute and so before a bookmark: of a
// quiet kind nothing would ever be heard. Its streams are kept shorter than that, and their ends, in form, confirm.
type idleCuts struct {
	row   int           // streams in a row
	after time.Duration // the shortest silence of those
	kept  time.Duration // the silence after which streams are cut, as learned
	until time.Time     // streams are kept short
}

// ended notes how a stream ended, whether that was before its deadline, and how long it had been silent before.
func (c *idleCuts) ended(err error, early bool, silence time.Duration, now time.Time) {
	inForm := err == io.EOF //nolint:errorlint // see Classify
	switch {
	case inForm && (!early || c.known(now)): // one that ends all streams a little early is not to have ever shorter ones
		c.row = 0
		return
	case !inForm && Classify(err) != ReasonNetwork, silence < cutLeast, silence > ConfirmWithin:
		return
	}
	if c.row == 0 || (silence-c.after).Abs() > cutsAlike {
		c.row, c.after = 0, silence
	}
	c.after = min(c.after, silence)
	if c.row++; c.row < cutsLearned {
		return
	}
	if now.After(c.until) {
		c.kept = c.after
	}
	c.kept, c.until = min(c.kept, c.after), now.Add(cutsKept)
	c.row = 0
}

// timeout bounds that of a stream.
func (c *idleCuts) timeout(d time.Duration, now time.Time) time.Duration {
	if c.known(now) {
		return min(d, c.kept-cutMargin)
	}
	return d
}

// known reports whether streams are to be kept short.
func (c *idleCuts) known(now time.Time) bool { return now.Before(c.until) }
