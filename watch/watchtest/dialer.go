package watchtest

import (
	"context"
	"net"
	"sync"
)

// Dialer closes what it has opened: a request that was cancelled may keep its connection from being idle for a moment longer
// than the test lasts. The zero value is ready.
type Dialer struct {
	mu    sync.Mutex
	conns map[*dialled]bool
}

type dialled struct {
	net.Conn
	by *Dialer
}

// Dial is for rest.Config.
func (d *Dialer) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.conns == nil {
		d.conns = map[*dialled]bool{}
	}
	c := &dialled{conn, d}
	d.conns[c] = true
	return c, nil
}

func (c *dialled) Close() error {
	c.by.mu.Lock()
	defer c.by.mu.Unlock()
	delete(c.by.conns, c)
	return c.Conn.Close()
}

// Close closes what is open.
func (d *Dialer) Close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for c := range d.conns {
		_ = c.Conn.Close()
	}
}
