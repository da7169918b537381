package watchtest

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// silence is how long a test waits for what must not come.
const silence = 50 * time.Millisecond

// TestProxy holds what each mode does to a connection that was open before it, and to one that is opened in it.
func TestProxy(t *testing.T) {
	for _, c := range []struct {
		mode                Mode
		before, during      bool // answered while the mode is in force
		beforeAfter, opened bool // answered after healing: the old connection; whether one could be opened at all
		duringAfter         bool // and the one that was opened in the mode
	}{
		{mode: Refuse, before: true, beforeAfter: true},
		{mode: HalfOpen, opened: true},
		{mode: Freeze, beforeAfter: true, opened: true, duringAfter: true},
		{mode: Trickle, before: true, during: true, beforeAfter: true, opened: true, duringAfter: true},
	} {
		t.Run(c.mode.String(), func(t *testing.T) {
			p := proxyTo(t, echo(t))
			old := dial(t, p)
			if !ask(t, old, time.Minute) {
				t.Fatal("no answer through a proxy that does nothing")
			}
			set(t, p, c.mode)
			if got := ask(t, old, patience(c.before)); got != c.before {
				t.Errorf("the open connection is answered: %t, want %t", got, c.before)
			}
			fresh, err := net.Dial("tcp", p.Addr())
			if (err == nil) != c.opened {
				t.Fatalf("a new connection: %v, want it: %t", err, c.opened)
			}
			if err == nil {
				defer fresh.Close()
				if got := ask(t, fresh, patience(c.during)); got != c.during {
					t.Errorf("the new connection is answered: %t, want %t", got, c.during)
				}
			}
			for c.opened && p.Accepted() < 2 { // the kernel has answered for the proxy
				time.Sleep(time.Millisecond)
			}
			set(t, p, Pass)
			if got := ask(t, old, patience(c.beforeAfter)); got != c.beforeAfter {
				t.Errorf("healed, the old connection is answered: %t, want %t", got, c.beforeAfter)
			}
			if err == nil {
				if got := ask(t, fresh, patience(c.duringAfter)); got != c.duringAfter {
					t.Errorf("healed, the connection of the time is answered: %t, want %t", got, c.duringAfter)
				}
			}
			last := dial(t, p)
			if !ask(t, last, time.Minute) || time.Since(p.Delivered()) > time.Minute {
				t.Error("no answer to a new connection after healing")
			}
			p.Cut()
			if _, err := io.ReadAll(last); err != nil && errors.Is(err, os.ErrDeadlineExceeded) {
				t.Error("a connection that was cut is open")
			}
		})
	}
}

// echo is a server that answers each byte with itself.
func echo(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				_, _ = io.Copy(c, c)
			}()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return l.Addr().String()
}

func proxyTo(t *testing.T, target string) *Proxy {
	t.Helper()
	p, err := NewProxy(target)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

func set(t *testing.T, p *Proxy, m Mode) {
	t.Helper()
	if err := p.Set(m); err != nil {
		t.Fatal(err)
	}
}

func dial(t *testing.T, p *Proxy) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func patience(want bool) time.Duration {
	if want {
		return time.Minute
	}
	return silence
}

// ask sends a byte and reports whether one comes back in time.
func ask(t *testing.T, c net.Conn, within time.Duration) bool {
	t.Helper()
	if err := c.SetDeadline(time.Now().Add(within)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write([]byte("x")); err != nil {
		return false
	}
	_, err := io.ReadFull(c, make([]byte, 1))
	return err == nil
}
