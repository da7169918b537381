package apply_test

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
)

// seen is one request of orka's, as it passed by.
type seen struct {
	Method, Path, Accept, ContentType string
	Query                             url.Values
	Body                              []byte
	// Code is the server's answer; 0 when it was never asked.
	Code int
}

// dryRun reports whether the request only asks what would happen.
func (s *seen) dryRun() bool { return s.Query.Get("dryRun") != "" }

// write reports whether the request is one that changes the server.
func (s *seen) write() bool {
	return s.Method != http.MethodGet && s.Method != http.MethodHead && !s.dryRun() && !strings.Contains(s.Path, "/apis/authorization.k8s.io/")
}

// cut says where a connection breaks.
type cut int

const (
	whole        cut = iota
	beforeServer     // the request never reaches the server
	afterServer      // the server has answered, and nothing of it arrives
	withinAnswer     // half of the answer arrives
)

// tap stands between orka and the server: it remembers what passes, lets others act at a chosen moment, and cuts.
type tap struct {
	upstream http.RoundTripper
	base     *url.URL

	mu sync.Mutex
	// guarded by mu
	log    []*seen
	before func(*seen)         // called before a request is passed on
	break_ func(*seen) cut     // where the connection of a request breaks
	answer func(*seen) *answer // instead of the server
}

// answer is one given in the server's place, as a load balancer does.
type answer struct {
	code   int
	header map[string]string
	body   string
}

var errCut = errors.New("connection reset by the test")

func (p *tap) hooks() (before func(*seen), breaks func(*seen) cut, instead func(*seen) *answer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.before, p.break_, p.answer
}

// onBefore calls f before each request is passed on; f may write to the server itself.
func (p *tap) onBefore(f func(*seen)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.before = f
}

// once calls f before the first request that matches.
func (p *tap) once(match func(*seen) bool, f func()) {
	var done atomic.Bool
	p.onBefore(func(s *seen) {
		if match(s) && !done.Swap(true) {
			f()
		}
	})
}

func (p *tap) onBreak(f func(*seen) cut) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.break_ = f
}

func (p *tap) instead(f func(*seen) *answer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answer = f
}

// writes are the requests so far that change the server; with reset, counting begins anew.
func (p *tap) writes() []*seen {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []*seen
	for _, s := range p.log {
		if s.write() {
			out = append(out, s)
		}
	}
	return out
}

func (p *tap) reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.log = nil
}

// broken is the rest of an answer that does not arrive.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errCut }

// RoundTrip passes a request on.
func (p *tap) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
		_ = r.Body.Close()
	}
	s := &seen{Method: r.Method, Path: r.URL.Path, Query: r.URL.Query(), Accept: r.Header.Get("Accept"), ContentType: r.Header.Get("Content-Type"), Body: body}
	p.mu.Lock()
	p.log = append(p.log, s)
	p.mu.Unlock()
	before, breaks, instead := p.hooks()
	if before != nil {
		before(s)
	}
	where := whole
	if breaks != nil {
		where = breaks(s)
	}
	if where == beforeServer {
		return nil, errCut
	}
	if instead != nil {
		if a := instead(s); a != nil {
			resp := &http.Response{StatusCode: a.code, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{},
				Body: io.NopCloser(strings.NewReader(a.body)), ContentLength: int64(len(a.body)), Request: r}
			for k, v := range a.header {
				resp.Header.Set(k, v)
			}
			return resp, nil
		}
	}
	out := r.Clone(r.Context())
	out.URL.Scheme, out.URL.Host, out.Host, out.RequestURI = p.base.Scheme, p.base.Host, "", ""
	out.Body, out.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	resp, err := p.upstream.RoundTrip(out)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	s.Code = resp.StatusCode
	p.mu.Unlock()
	if where == whole {
		return resp, nil
	}
	all, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil {
		return nil, err
	}
	if where == withinAnswer {
		resp.Body = io.NopCloser(io.MultiReader(bytes.NewReader(all[:len(all)/2]), broken{}))
		return resp, nil
	}
	return nil, errCut
}

// ServeHTTP is the tap as a proxy of its own, so that a cut is one of a TCP connection.
func (p *tap) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	resp, err := p.RoundTrip(r)
	if err == nil {
		defer resp.Body.Close()
		maps.Copy(w.Header(), resp.Header)
		w.WriteHeader(resp.StatusCode)
		_, err = io.Copy(w, resp.Body)
		_ = http.NewResponseController(w).Flush() // what is buffered goes out before the connection is cut
	}
	if err != nil {
		panic(http.ErrAbortHandler) // net/http's own way to cut a connection
	}
}
