package sim

import (
	"context"
	"net"
	"net/http"
	"time"
)

// What a server has said, as Sent.What names it; events and bookmarks have the type of their frame.
const (
	SentPage       = "PAGE"        // a page of a list
	SentInitialEnd = "INITIAL-END" // the bookmark that closes the initial state of a watch
	SentEnd        = "END"         // the clean end of a watch
)

// Sent is one thing that the server has said to a client, and that has left it over a connection that works: what is
// written to a stalled connection, held back by a fault, or cut in the middle was never said.
type Sent struct {
	At time.Time
	// Request is what it answers; Request.At is when the server saw that.
	Request Request
	What    string // see above, "ADDED", "MODIFIED", "DELETED", "BOOKMARK" or "ERROR"
	// Last is set on the last page of a list.
	Last bool
}

// say reports to Config.OnSend.
func (s *Server) say(q *request, what string, last bool) {
	if s.cfg.OnSend == nil {
		return
	}
	if c := connOf(q.Context()); c != nil && c.isStalled() {
		return
	}
	s.cfg.OnSend(Sent{At: time.Now(), Request: q.entry(), What: what, Last: last})
}

// connKey is the key of a request's connection in its context.
type connKey struct{}

// withConn is http.Server.ConnContext.
func withConn(ctx context.Context, c net.Conn) context.Context {
	if t, ok := c.(interface{ NetConn() net.Conn }); ok { // TLS
		c = t.NetConn()
	}
	return context.WithValue(ctx, connKey{}, c)
}

// connOf is the connection on which a request came; nil when it did not come over one of the server's own.
func connOf(ctx context.Context) *conn {
	c, _ := ctx.Value(connKey{}).(*conn)
	return c
}

// HalfOpen makes the connection that bears the request half-open, so long after the request has come: see
// StallConnections. With HTTP/2 that is the connection of other requests, too.
type HalfOpen struct{ After time.Duration }

func (HalfOpen) action() {}

func (a HalfOpen) request(_ *Server, w http.ResponseWriter, q *request) (http.ResponseWriter, bool) {
	switch c := connOf(q.Context()); {
	case c == nil:
	case a.After <= 0:
		c.stall()
	default:
		time.AfterFunc(a.After, c.stall)
	}
	return w, false
}
