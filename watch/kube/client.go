package kube

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"path"
	"runtime"
	"sync"

	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/client-go/rest"

	"orka/watch"
	"orka/watch/columns"
	"orka/watch/recording"
)

// Media types asked for.
const (
	mediaJSON      = "application/json"
	mediaProtobuf  = "application/vnd.kubernetes.protobuf"
	acceptProtobuf = mediaProtobuf + ", " + mediaJSON
)

// Limits bounds what an Object keeps.
type Limits struct {
	MaxLabels int // labels per object; 0 is no limit
	MaxAnnos  int // annotations per object
}

// defaultMaxAnnos is enough for what people put there by hand; controllers put more.
const defaultMaxAnnos = 16

// Options are what New takes beside the connection.
type Options struct {
	Limits    Limits       // zero MaxAnnos is 16; below zero is none
	Logger    *slog.Logger // may be nil
	UserAgent string       // "orka/1.0.0"; platform is added
	// Columns gives a kind's columns; nil is columns.For. It is how printer columns of CRDs come in.
	Columns func(watch.GVK) []watch.Column
	// Recorder is given what lists, watches and discovery deliver; nil records nothing. Values of Secrets don't reach it.
	Recorder *recording.Writer
	// Player answers lists, watches, discovery and reads in place of a server; nothing else is answered then.
	Player *recording.Player
}

// Client talks to one API server.
type Client struct {
	// Immutable.
	config *rest.Config
	http   *http.Client
	base   *url.URL
	opts   Options
	log    *slog.Logger

	// Guarded by mu.
	mu        sync.Mutex
	kinds     map[kindKey]*watch.Kind
	interners map[watch.Scope]*interners
}

var _ watch.Source = (*Client)(nil)

// New makes a client of a configuration, which is copied. Timeout and client-side rate limits in it are
// ignored: a watch is open for minutes, and the loop paces itself by what the server says.
func New(cfg *rest.Config, opts Options) (*Client, error) {
	c := rest.CopyConfig(cfg)
	c.Timeout = 0
	c.QPS = -1
	agent := opts.UserAgent
	if agent == "" {
		agent = "orka"
	}
	c.UserAgent = fmt.Sprintf("%s (%s/%s)", agent, runtime.GOOS, runtime.GOARCH)
	if opts.Player != nil {
		c = playConfig()
	}
	client, err := rest.HTTPClientFor(c)
	if err != nil {
		return nil, fmt.Errorf("connection to %s: %w", c.Host, err)
	}
	if c.ExecProvider != nil {
		client.Transport = newPluginTransport(client.Transport, c.ExecProvider.Command)
	}
	base, _, err := rest.DefaultServerUrlFor(c)
	if err != nil {
		return nil, fmt.Errorf("server address %q: %w", c.Host, err)
	}
	if opts.Limits.MaxAnnos == 0 {
		opts.Limits.MaxAnnos = defaultMaxAnnos
	}
	if opts.Columns == nil {
		opts.Columns = columns.For
	}
	log := opts.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Client{
		config: c, http: client, base: base, opts: opts, log: log,
		kinds:     make(map[kindKey]*watch.Kind),
		interners: make(map[watch.Scope]*interners),
	}, nil
}

// CloseIdle closes connections that no request uses, as after the machine slept.
func (c *Client) CloseIdle() { utilnet.CloseIdleConnectionsFor(c.http.Transport) }

// HTTP is the authenticated client, for requests of other packages to the same server.
func (c *Client) HTTP() *http.Client { return c.http }

// Config is a copy of the configuration in use.
func (c *Client) Config() *rest.Config { return rest.CopyConfig(c.config) }

// collection is the path of a kind, in one namespace or, with "", in all.
func (c *Client) collection(kind *watch.Kind, namespace string) string {
	p := "/api/" + kind.Version
	if kind.Group != "" {
		p = "/apis/" + kind.Group + "/" + kind.Version
	}
	if namespace != "" && kind.Namespaced {
		p += "/namespaces/" + url.PathEscape(namespace)
	}
	return p + "/" + kind.Resource
}

// get sends a GET and returns a 2xx answer, whose body the caller closes. Other answers are *watch.APIError.
func (c *Client) get(ctx context.Context, verb string, kind *watch.Kind, p string, q url.Values, accept string) (*http.Response, error) {
	u := *c.base
	u.Path = path.Join(u.Path, p)
	u.RawQuery = q.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", verb, kind.ResourceName(), err)
	}
	req.Header.Set("Accept", accept)
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, unreachable(verb, kind, err)
	}
	if resp.StatusCode/100 != 2 {
		defer resp.Body.Close()
		return nil, answerError(verb, kind, resp)
	}
	return resp, nil
}

// unreachable names what was tried without the URL, which is long and says little.
func unreachable(verb string, kind *watch.Kind, err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	err = unexpected(err) // a connection closed before the answer
	return fmt.Errorf("%s %s: %w", verb, kind.ResourceName(), err)
}

// accept is what to ask for a kind.
func accept(kind *watch.Kind) string {
	if hasType(kind.GVK) {
		return acceptProtobuf
	}
	return mediaJSON
}

// interners are the strings that objects of one scope share, annotations apart: many of those occur once.
type interners struct {
	strings watch.Interner
	annos   watch.Interner
	objects int // that share them
}

// begin notes that all objects are about to come, if anew.
func (in *interners) begin(anew bool) {
	if anew {
		in.objects = 0
	}
}

// count notes that there are n objects more.
func (in *interners) count(n int) {
	in.objects = max(in.objects+n, 0)
	in.strings.Fit(in.objects)
	in.annos.Fit(in.objects)
}

// takeInterners hands out a scope's interners; they are given back, or lost, without harm.
func (c *Client) takeInterners(scope watch.Scope) *interners {
	c.mu.Lock()
	defer c.mu.Unlock()
	if in := c.interners[scope]; in != nil {
		delete(c.interners, scope)
		return in
	}
	return new(interners)
}

func (c *Client) giveInterners(scope watch.Scope, in *interners) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.interners[scope] = in
}
