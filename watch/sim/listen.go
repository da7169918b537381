package sim

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"syscall"
)

// memoryHost is the name under which Dial serves; no resolver knows it.
const memoryHost = "sim.invalid"

// listeners are the ways into the server and the connections that came in by them.
type listeners struct {
	wg sync.WaitGroup // Serve goroutines, and connections

	mu      sync.Mutex
	memory  *memoryListener // nil until the first Dial
	servers []*http.Server
	addr    net.Addr // of the latest Start
	conns   map[*conn]struct{}
	refuse  bool
	closed  bool
}

// Start serves over TCP at addr ("127.0.0.1:0" for any free port) until Close, and returns the address.
func (s *Server) Start(addr string) (net.Addr, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("sim: %w", err)
	}
	if err := s.serveOn(l); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	s.listen.mu.Lock()
	defer s.listen.mu.Unlock()
	s.listen.addr = l.Addr()
	return l.Addr(), nil
}

// Host is the address of the in-memory server, for rest.Config.Host beside Dial for rest.Config.Dial.
func (s *Server) Host() string {
	if s.cfg.TLS {
		return "https://" + memoryHost
	}
	return "http://" + memoryHost
}

// Dial connects over memory, whatever the address; it fits rest.Config.Dial. Inside a synctest bubble such a
// connection blocks durably, so virtual time goes on.
func (s *Server) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	m, err := s.memory()
	if err != nil {
		return nil, err
	}
	client, server := net.Pipe()
	select {
	case m.accept <- server:
		return client, nil
	case <-m.done:
		return nil, refused(network, addr)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func refused(network, addr string) error {
	return &net.OpError{Op: "dial", Net: network, Addr: textAddr(addr), Err: syscall.ECONNREFUSED}
}

// memory is the in-memory listener; the first call starts serving it.
func (s *Server) memory() (*memoryListener, error) {
	s.listen.mu.Lock()
	m, refuse := s.listen.memory, s.listen.refuse || s.listen.closed
	if m == nil && !refuse {
		m = &memoryListener{accept: make(chan net.Conn), done: make(chan struct{})}
		s.listen.memory = m
		s.listen.mu.Unlock()
		return m, s.serveOn(m)
	}
	s.listen.mu.Unlock()
	if refuse {
		return nil, refused("tcp", memoryHost)
	}
	return m, nil
}

// serveOn runs an http.Server on l.
func (s *Server) serveOn(l net.Listener) error {
	srv := &http.Server{
		Handler:     s,
		ErrorLog:    slog.NewLogLogger(s.cfg.Logger.Handler(), slog.LevelDebug),
		ConnState:   s.connState,
		ConnContext: withConn,
	}
	s.listen.mu.Lock()
	if s.listen.closed {
		s.listen.mu.Unlock()
		return errors.New("sim: the server is closed")
	}
	s.listen.servers = append(s.listen.servers, srv)
	s.listen.wg.Add(1)
	s.listen.mu.Unlock()
	l = &tracking{Listener: l, s: s}
	if s.tls != nil {
		srv.TLSConfig = s.tls.config()
	}
	go func() {
		defer s.listen.wg.Done()
		var err error
		if s.tls != nil {
			err = srv.ServeTLS(l, "", "")
		} else {
			err = srv.Serve(l)
		}
		if !errors.Is(err, http.ErrServerClosed) {
			s.cfg.Logger.Error("sim: serve", "error", err)
		}
	}()
	return nil
}

// connState counts connections, so that Close can wait for their goroutines.
func (s *Server) connState(c net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		s.listen.wg.Add(1)
	case http.StateClosed, http.StateHijacked:
		s.listen.wg.Done()
	}
}

// Close ends all connections and waits for all goroutines of the server. It may be called more than once.
func (s *Server) Close() {
	s.listen.mu.Lock()
	if s.listen.closed {
		s.listen.mu.Unlock()
		return
	}
	s.listen.closed = true
	servers := s.listen.servers
	s.listen.mu.Unlock()
	close(s.done)
	for _, srv := range servers {
		_ = srv.Close() // what it reports is that connections are being cut
	}
	s.DropConnections()
	s.listen.wg.Wait()
	s.packer.close()
}

// memoryListener accepts in-memory connections.
type memoryListener struct {
	accept chan net.Conn
	done   chan struct{}
	once   sync.Once
}

func (m *memoryListener) Accept() (net.Conn, error) {
	select {
	case c := <-m.accept:
		return c, nil
	case <-m.done:
		return nil, net.ErrClosed
	}
}

func (m *memoryListener) Close() error {
	m.once.Do(func() { close(m.done) })
	return nil
}

func (m *memoryListener) Addr() net.Addr { return textAddr(memoryHost + ":80") }

type textAddr string

func (a textAddr) Network() string { return "tcp" }
func (a textAddr) String() string  { return string(a) }
