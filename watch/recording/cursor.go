package recording

import (
	"errors"
	"fmt"
	"io"
)

// cursor is a place among the records of one scope. Its copies move on their own.
type cursor struct {
	file     *File
	scope    *scope
	upcoming int    // index in scope.frames of the frame after rest
	rest     []byte // of a frame
}

// next is the record at the cursor, which moves on; io.EOF is the end of the scope.
func (c *cursor) next() (Record, error) {
	for {
		for len(c.rest) > 0 {
			r, rest, err := readRecord(c.rest)
			if err != nil {
				return Record{}, err // never: it was read when the file was opened
			}
			c.rest = rest
			if r.Scope == c.scope.number && r.Op != OpScope {
				return r, nil
			}
		}
		if c.upcoming == len(c.scope.frames) {
			return Record{}, io.EOF
		}
		rest, err := c.file.records(c.scope.frames[c.upcoming])
		if err != nil {
			return Record{}, fmt.Errorf("the recording changed while it was read: %w", err)
		}
		c.rest, c.upcoming = rest, c.upcoming+1
	}
}

// begin is the next begin of a list or of a stream, and the cursor behind it.
func (c cursor) begin() (r Record, after cursor, err error) {
	for {
		if r, err = c.next(); err != nil || r.Op == OpList || r.Op == OpWatch {
			return r, c, err
		}
	}
}

// ended reports whether there is no record any more.
func ended(err error) bool { return errors.Is(err, io.EOF) }
