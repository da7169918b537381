package watchtest

import (
	"context"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Mode is how a Proxy treats what passes through it.
type Mode int

const (
	// Pass hands everything on.
	Pass Mode = iota
	// Refuse closes the port: a new connection is refused. Open ones go on.
	Refuse
	// HalfOpen is a network that has forgotten its connections: nothing that is sent arrives, in neither direction, and
	// nobody is told. New connections are accepted and lead nowhere. What was open in this mode stays dead for ever.
	HalfOpen
	// Freeze holds everything back; it arrives once the mode is another one.
	Freeze
	// Trickle hands on so few bytes a second that nothing of size ever ends.
	Trickle
)

// String is the mode's name in figures.
func (m Mode) String() string {
	return [...]string{"pass", "refuse", "half-open", "freeze", "trickle"}[m]
}

const (
	// trickleChunk bytes every trickleEvery, in each direction of each connection.
	trickleChunk = 20
	trickleEvery = 100 * time.Millisecond
	// proxyBuffer is read at once, in bytes.
	proxyBuffer = 32 << 10
	// dialWithin bounds a connection to the server.
	dialWithin = 5 * time.Second
)

// Proxy stands between a client and a server, looks into nothing, and misbehaves as networks do, when asked.
type Proxy struct {
	// immutable
	target, addr string

	// atomic
	accepted  atomic.Int64
	delivered atomic.Int64 // wall clock of the last bytes handed to a client, Unix nanoseconds

	work sync.WaitGroup

	// guarded by mu
	mu      sync.Mutex
	l       net.Listener // nil while refusing, or closed
	mode    Mode
	changed chan struct{} // closed and replaced when the mode changes
	closed  bool
	links   map[*link]bool
}

// link is one connection of a client, with the one to the server unless it leads nowhere.
type link struct {
	client, server net.Conn
	dead           atomic.Bool // what is sent is swallowed
}

// NewProxy listens on loopback and hands on to target, a host:port. Close ends it.
func NewProxy(target string) (*Proxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("proxy: %w", err)
	}
	p := &Proxy{target: target, addr: l.Addr().String(), l: l, changed: make(chan struct{}), links: map[*link]bool{}}
	p.work.Go(func() { p.accept(l) })
	return p, nil
}

// Addr is where clients connect to; it stays the same.
func (p *Proxy) Addr() string { return p.addr }

// Accepted counts the connections of clients.
func (p *Proxy) Accepted() int64 { return p.accepted.Load() }

// Delivered is when bytes were last handed to a client.
func (p *Proxy) Delivered() time.Time { return time.Unix(0, p.delivered.Load()) }

// Mode is the mode in force.
func (p *Proxy) Mode() Mode {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mode
}

// Set changes the mode.
func (p *Proxy) Set(m Mode) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || m == p.mode {
		return nil
	}
	p.mode = m
	close(p.changed)
	p.changed = make(chan struct{})
	if m == HalfOpen {
		for k := range p.links {
			k.dead.Store(true)
		}
	}
	switch {
	case m == Refuse:
		_ = p.l.Close()
		p.l = nil
	case p.l == nil:
		l, err := net.Listen("tcp", p.addr)
		if err != nil {
			return fmt.Errorf("proxy: %w", err)
		}
		p.l = l
		p.work.Go(func() { p.accept(l) })
	}
	return nil
}

// Cut closes every connection.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for k := range p.links {
		k.close()
	}
}

// Close ends the proxy and waits for what it started.
func (p *Proxy) Close() {
	p.mu.Lock()
	if !p.closed {
		p.closed = true
		close(p.changed)
		if p.l != nil {
			_ = p.l.Close()
		}
		for k := range p.links {
			k.close()
		}
	}
	p.mu.Unlock()
	p.work.Wait()
}

func (k *link) close() {
	_ = k.client.Close()
	if k.server != nil {
		_ = k.server.Close()
	}
}

func (p *Proxy) accept(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		lost := p.Mode() == HalfOpen
		p.accepted.Add(1)
		p.work.Go(func() { p.serve(c, lost) })
	}
}

// serve stays with one connection of a client until it ends; a lost one leads nowhere.
func (p *Proxy) serve(c net.Conn, lost bool) {
	k := &link{client: c}
	defer k.close()
	if lost {
		k.dead.Store(true)
	} else {
		server, err := (&net.Dialer{Timeout: dialWithin}).DialContext(context.Background(), "tcp", p.target)
		if err != nil {
			return
		}
		k.server = server
	}
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return
	}
	if p.mode == HalfOpen {
		k.dead.Store(true)
	}
	p.links[k] = true
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.links, k)
	}()
	if k.server == nil {
		p.pump(k, nil, c, nil)
		return
	}
	down := make(chan struct{})
	go func() {
		defer close(down)
		p.pump(k, c, k.server, &p.delivered)
		if !k.dead.Load() { // the end of a dead one does not reach the client either
			k.close()
		}
	}()
	p.pump(k, k.server, c, nil)
	k.close()
	<-down
}

// pump hands on from src to dst until one of them ends, and notes when.
func (p *Proxy) pump(k *link, dst, src net.Conn, noted *atomic.Int64) {
	buf := make([]byte, proxyBuffer)
	for {
		n, err := src.Read(buf)
		if n > 0 && !p.hand(k, dst, buf[:n], noted) {
			return
		}
		if err != nil {
			return
		}
	}
}

// hand gives data to dst as the mode wants it; false means that the connection is over.
func (p *Proxy) hand(k *link, dst net.Conn, data []byte, noted *atomic.Int64) bool {
	for len(data) > 0 {
		p.mu.Lock()
		mode, changed, closed := p.mode, p.changed, p.closed
		p.mu.Unlock()
		if closed {
			return false
		}
		if k.dead.Load() {
			return true
		}
		some := data
		switch mode {
		case Freeze:
			<-changed
			continue
		case Trickle:
			some = data[:min(len(data), trickleChunk)]
			select {
			case <-time.After(trickleEvery):
			case <-changed:
			}
			if k.dead.Load() {
				return true
			}
		default:
		}
		if _, err := dst.Write(some); err != nil {
			return false
		}
		if noted != nil {
			noted.Store(time.Now().UnixNano())
		}
		data = data[len(some):]
	}
	return true
}
