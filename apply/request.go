package apply

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	pathvalidation "k8s.io/apimachinery/pkg/api/validation/path"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	utilnet "k8s.io/apimachinery/pkg/util/net"
)

// Bounds of one request.
const (
	// objectLimit is what is read of an answer, in bytes. A server takes requests of 3 MiB
	// (k8s.io/apiserver/pkg/server/config.go, MaxRequestBodyBytes).
	objectLimit = 4 << 20
	// schemaLimit is what is read of an OpenAPI document, in bytes; apps/v1 has about 1 MiB.
	schemaLimit = 32 << 20

	readTimeout  = 10 * time.Second
	patchTimeout = 30 * time.Second
)

// request is one request of the flow.
type request struct {
	method      string
	path        string // below the server's address, decoded
	query       url.Values
	contentType string // of body
	body        []byte
	timeout     time.Duration
	limit       int // of the answer, bytes; 0 is objectLimit
}

// answer is what a server said, whatever the code.
type answer struct {
	code     int
	html     bool // from a proxy, not from an API server
	body     []byte
	warnings []string // as they came
}

// lostError is a request without an answer that can be used. Its text has no URL.
type lostError struct {
	err error
	// sent is set when the server may have got the request.
	sent bool
	// taken is set when the answer began as that of a server that has done it, and broke off.
	taken bool
}

func (e *lostError) Error() string { return e.err.Error() }

func (e *lostError) Unwrap() error { return e.err }

// send sends a request once. It goes by net/http alone: client-go's rest.Request retries a 429 or 5xx that bears
// Retry-After and logs bodies. net/http repeats a request by itself only where the server can't have acted on it: nothing
// was written to a connection found closed, or HTTP/2 said that the stream was not processed.
// An error is a *lostError.
func (a *Applier) send(ctx context.Context, r request) (*answer, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, r.timeout, fmt.Errorf("no answer within %s", r.timeout))
	defer cancel()
	var wanted, connected atomic.Bool // a connection
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { wanted.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { connected.Store(true) },
	})
	u := *a.base
	u.Path, u.RawPath = strings.TrimSuffix(a.base.Path, "/")+r.path, ""
	u.RawQuery = r.query.Encode()
	req, err := http.NewRequestWithContext(ctx, r.method, u.String(), bytes.NewReader(r.body))
	if err != nil {
		return nil, &lostError{err: errors.New("the request can't be made")}
	}
	req.Header.Set("Accept", "application/json")
	if r.contentType != "" {
		req.Header.Set("Content-Type", r.contentType)
	}
	if ctx.Err() != nil {
		return nil, &lostError{err: context.Cause(ctx)}
	}
	resp, err := a.http.Do(req)
	if err != nil {
		unsent := wanted.Load() && !connected.Load() // refused, no such host, no TLS: nothing to send it by
		return nil, &lostError{err: transportError(ctx, err), sent: !unsent}
	}
	defer resp.Body.Close()
	limit := r.limit
	if limit == 0 {
		limit = objectLimit
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, int64(limit)+1))
	if err != nil {
		taken := resp.StatusCode/100 == 2 && strings.Contains(resp.Header.Get("Content-Type"), "json")
		return nil, &lostError{err: transportError(ctx, err), sent: true, taken: taken}
	}
	if len(body) > limit {
		return nil, &lostError{err: fmt.Errorf("the answer is larger than %d MiB", limit>>20), sent: true}
	}
	warnings, _ := utilnet.ParseWarningHeaders(resp.Header["Warning"]) // those that can't be read say nothing
	out := &answer{code: resp.StatusCode, html: strings.Contains(resp.Header.Get("Content-Type"), "html"), body: body}
	for _, w := range warnings {
		out.warnings = append(out.warnings, w.Text)
	}
	return out, nil
}

// transportError is a transport's error without the URL, and with the context's own reason where that ended it.
func transportError(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	var u *url.Error
	for errors.As(err, &u) {
		err = u.Err
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errClosed
	}
	return err
}

var errClosed = errors.New("the connection was closed before the answer")

// objectPath is the path of a target. Names come from files, too: one that would lead elsewhere is an error.
func objectPath(t Target) (string, error) {
	k := t.Kind
	segments := []string{t.Name}
	p := "/api/" + k.Version
	if k.Group != "" {
		p = "/apis/" + k.Group + "/" + k.Version
	}
	if k.Namespaced {
		p += "/namespaces/" + t.Namespace
		segments = append(segments, t.Namespace)
	}
	for _, s := range segments {
		if s == "" {
			return "", &DraftError{Message: fmt.Sprintf("%s: a name or namespace is missing", t)}
		}
		if wrong := pathvalidation.IsValidPathSegmentName(s); len(wrong) > 0 {
			return "", &DraftError{Message: fmt.Sprintf("%q is no name: %s", s, wrong[0])}
		}
	}
	return p + "/" + k.Resource + "/" + t.Name, nil
}

// fetch gets a document of the server by its path, which may have a query: the schemas of its kinds. A refusal is an
// apierrors.APIStatus.
func (a *Applier) fetch(ctx context.Context, path string) ([]byte, error) {
	u, err := url.Parse(path)
	if err != nil || u.Host != "" || !strings.HasPrefix(u.Path, "/") {
		return nil, errors.New("the server named no path of its own")
	}
	ans, err := a.send(ctx, request{method: http.MethodGet, path: u.Path, query: u.Query(), timeout: patchTimeout, limit: schemaLimit})
	if err != nil {
		return nil, err
	}
	if ans.code != http.StatusOK {
		s := ans.status()
		s.Message = fmt.Sprintf("the server answered %d", ans.code)
		return nil, &apierrors.StatusError{ErrStatus: *s}
	}
	return ans.body, nil
}

// object reads an answer's object.
func (ans *answer) object() (*unstructured.Unstructured, error) {
	var o map[string]any
	if err := utiljson.Unmarshal(ans.body, &o); err != nil {
		return nil, errors.New("the answer is not a JSON object") // err may quote it
	}
	u := &unstructured.Unstructured{Object: o}
	if u.GetUID() == "" {
		return nil, errors.New("the answer is not an object of the API")
	}
	return u, nil
}
