package sim

import (
	"net"
	"sync"
	"time"
)

// Faults of the network: they concern connections, not requests.

// Refuse makes the server unreachable (true) or reachable again: new connections are refused, and going down cuts the
// open ones.
func (s *Server) Refuse(down bool) {
	s.listen.mu.Lock()
	s.listen.refuse = down
	s.listen.mu.Unlock()
	if down {
		s.DropConnections()
	}
}

// DropConnections cuts all open connections.
func (s *Server) DropConnections() {
	for _, c := range s.connections() {
		_ = c.Close() // a connection that is closed already is what was wanted
	}
}

// StallConnections makes all open connections half-open: nothing the server writes arrives, nothing the
// client writes is read, and neither side is told. New connections work.
func (s *Server) StallConnections() {
	for _, c := range s.connections() {
		c.stall()
	}
}

// Connections is how many connections are open.
func (s *Server) Connections() int { return len(s.connections()) }

// CloseStreams ends all open watches cleanly, as a server does that is about to stop.
func (s *Server) CloseStreams() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.restarts)
	s.restarts = make(chan struct{})
}

func (s *Server) connections() []*conn {
	s.listen.mu.Lock()
	defer s.listen.mu.Unlock()
	out := make([]*conn, 0, len(s.listen.conns))
	for c := range s.listen.conns {
		out = append(out, c)
	}
	return out
}

// tracking is a listener that knows its connections.
type tracking struct {
	net.Listener
	s *Server
}

// Accept takes the next connection; those that come while the server refuses are closed at once, which over
// TCP is a reset.
func (t *tracking) Accept() (net.Conn, error) {
	for {
		in, err := t.Listener.Accept()
		if err != nil {
			return nil, err
		}
		c := &conn{Conn: in, s: t.s, closed: make(chan struct{}), stalled: make(chan struct{})}
		ls := &t.s.listen
		ls.mu.Lock()
		refuse := ls.refuse || ls.closed
		if !refuse {
			ls.conns[c] = struct{}{}
		}
		ls.mu.Unlock()
		if !refuse {
			return c, nil
		}
		if tcp, ok := in.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		_ = in.Close()
	}
}

// conn is a server's side of a connection that can be stalled.
type conn struct {
	net.Conn
	s         *Server
	closed    chan struct{}
	closeOnce sync.Once
	stalled   chan struct{}
	stallOnce sync.Once
}

func (c *conn) stall() {
	c.stallOnce.Do(func() {
		close(c.stalled)
		// A read in progress is woken, and then waits in Read for the end.
		_ = c.Conn.SetReadDeadline(time.Unix(1, 0))
	})
}

func (c *conn) isStalled() bool {
	select {
	case <-c.stalled:
		return true
	default:
		return false
	}
}

// Read of a stalled connection waits for its end: what arrives is lost. The other side must not notice, so
// over memory its bytes are taken in.
func (c *conn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if !c.isStalled() {
		return n, err
	}
	_ = c.Conn.SetReadDeadline(time.Time{})
	for {
		if _, err := c.Conn.Read(b); err != nil {
			if c.isClosed() {
				return 0, net.ErrClosed
			}
			<-c.closed // the client hung up: the server is not told
			return 0, net.ErrClosed
		}
	}
}

func (c *conn) isClosed() bool {
	select {
	case <-c.closed:
		return true
	default:
		return false
	}
}

// Write to a stalled connection succeeds and goes nowhere.
func (c *conn) Write(b []byte) (int, error) {
	if c.isStalled() {
		return len(b), nil
	}
	return c.Conn.Write(b)
}

// SetReadDeadline is net/http's way to wake its reader; a stalled connection is not woken.
func (c *conn) SetReadDeadline(t time.Time) error {
	if c.isStalled() {
		return nil
	}
	return c.Conn.SetReadDeadline(t)
}

// Close closes the connection; the client of a stalled one is told only now.
func (c *conn) Close() error {
	var err error
	c.closeOnce.Do(func() {
		close(c.closed)
		err = c.Conn.Close()
		c.s.listen.mu.Lock()
		delete(c.s.listen.conns, c)
		c.s.listen.mu.Unlock()
	})
	return err
}
