package recording

import (
	"io"
	"sync"
)

// frameCache keeps the records of the frames that were read last: the scopes of one engine read about the same ones.
type frameCache struct {
	most int
	un   *unpresser

	// guarded by mu
	mu    sync.Mutex
	held  map[uint32][]byte
	order []uint32 // least recently read first
	bytes int
}

func newFrameCache(most int, un *unpresser) *frameCache {
	return &frameCache{most: most, un: un, held: map[uint32][]byte{}}
}

// get returns the records of a frame; they are not to be changed.
func (c *frameCache) get(f *File, n uint32) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if b, ok := c.held[n]; ok {
		c.touch(n)
		return b, nil
	}
	at := f.frames[n]
	fr, _, err := readFrame(io.NewSectionReader(f.src, at, f.Size-at), nil, f.Size-at)
	if err != nil {
		return nil, err
	}
	b, err := c.un.records(fr)
	if err != nil {
		return nil, err
	}
	c.held[n], c.order, c.bytes = b, append(c.order, n), c.bytes+len(b)
	for c.bytes > c.most && len(c.order) > 1 {
		c.bytes -= len(c.held[c.order[0]])
		delete(c.held, c.order[0])
		c.order = c.order[1:]
	}
	return b, nil
}

func (c *frameCache) touch(n uint32) {
	for i, m := range c.order {
		if m == n {
			copy(c.order[i:], c.order[i+1:])
			c.order[len(c.order)-1] = n
			return
		}
	}
}

func (c *frameCache) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.un.close()
	c.held, c.order = nil, nil
}
