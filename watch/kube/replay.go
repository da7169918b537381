package kube

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"k8s.io/client-go/rest"

	"orka/watch"
	"orka/watch/recording"
)

// ErrRecording is the answer to whatever only a server can answer.
var ErrRecording = errors.New("this is a recording: there is no server to ask")

// playConfig is the configuration of a client that plays: what it does not answer itself goes nowhere.
func playConfig() *rest.Config {
	return &rest.Config{Host: "http://recording.invalid", Transport: nowhere{}}
}

type nowhere struct{}

// CloseIdleConnections is there to be found: client-go warns of transports that lack it.
func (nowhere) CloseIdleConnections() {}

func (nowhere) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		_ = req.Body.Close() // a RoundTripper's duty
	}
	return nil, ErrRecording
}

// Player is what plays in place of a server; nil where there is a server.
func (c *Client) Player() *recording.Player { return c.opts.Player }

func (c *Client) playList(ctx context.Context, scope watch.Scope, q watch.ListQuery, emit func([]watch.Delta) error) (watch.ListEnd, error) {
	track, err := c.opts.Player.Track(scope)
	if err != nil {
		return watch.ListEnd{}, err
	}
	in := c.takeInterners(scope)
	defer c.giveInterners(scope, in)
	in.begin(q.Continue == "")
	d := c.decoder(scope.Kind, in)
	skipped := 0
	var chunk []watch.Delta
	flush := func() error {
		if len(chunk) == 0 {
			return nil
		}
		full := chunk
		chunk = nil
		return emit(full)
	}
	end, err := track.List(ctx, q, func(r recording.Record) error {
		delta, ok := d.decode(r.Encoding, r.Data, !r.Partial)
		switch {
		case !ok:
			skipped++
			return nil
		case scope.Namespace != "" && delta.Object.Namespace != scope.Namespace:
			return nil // recorded with all namespaces
		}
		in.count(1)
		if chunk = append(chunk, delta); len(chunk) < listChunk {
			return nil
		}
		return flush()
	})
	if err == nil {
		err = flush()
	}
	end.Skipped = skipped
	return end, err
}

func (c *Client) playWatch(ctx context.Context, scope watch.Scope, q watch.WatchQuery) (watch.Stream, error) {
	track, err := c.opts.Player.Track(scope)
	if err != nil {
		return nil, err
	}
	s, err := track.Watch(ctx, q)
	if err != nil {
		return nil, err
	}
	in := c.takeInterners(scope)
	in.begin(q.Initial)
	return &played{s: s, scope: scope, d: c.decoder(scope.Kind, in), close: func() { c.giveInterners(scope, in) }}, nil
}

// played is a stream out of a recording.
type played struct {
	s     *recording.Stream
	scope watch.Scope
	d     *decoder
	close func()
}

var _ watch.Stream = (*played)(nil)

// Next implements watch.Stream.
func (p *played) Next() ([]watch.Event, error) {
	recorded, err := p.s.Next()
	events := make([]watch.Event, 0, len(recorded))
	for _, r := range recorded {
		if r.Mark {
			events = append(events, watch.Event{Type: watch.EventBookmark, ResourceVersion: r.ResourceVersion, InitialEnd: r.InitialEnd})
			continue
		}
		e, err := p.d.event(changeOf(r.Op), r.Encoding, r.Data, !r.Partial)
		if err != nil {
			return events, err
		}
		if p.scope.Namespace == "" || e.Delta.Object.Namespace == p.scope.Namespace {
			events = append(events, e)
		}
	}
	return events, err
}

// Close implements watch.Stream; the stream itself ends with its context.
func (p *played) Close() error {
	p.close()
	return nil
}

func changeOf(op recording.Op) watch.EventType {
	switch op {
	case recording.OpModified:
		return watch.EventModified
	case recording.OpDeleted:
		return watch.EventDeleted
	default:
		return watch.EventAdded
	}
}

// playFetch is the object as it was at the time that is played.
func (c *Client) playFetch(d *decoder, namespace, name string) (watch.Delta, watch.Body, error) {
	kind := d.kind
	var found *recording.Record
	listed := false // by the list in progress
	err := c.opts.Player.History(watch.Scope{Kind: kind, Namespace: namespace}, func(r recording.Record) error {
		switch r.Op {
		case recording.OpList, recording.OpWatch:
			listed = listed && !recording.BeginsList(&r)
		case recording.OpObject, recording.OpAdded, recording.OpModified, recording.OpDeleted:
			if !identityOf(&r).is(namespace, name) {
				return nil
			}
			found, listed = &r, true
			if r.Op == recording.OpDeleted {
				found = nil
			}
		case recording.OpListEnd, recording.OpBookmark:
			if recording.EndsList(&r) && !listed {
				found = nil
			}
		}
		return nil
	})
	if err != nil {
		return watch.Delta{}, watch.Body{}, err
	}
	if found == nil {
		return watch.Delta{}, watch.Body{}, &watch.APIError{
			Verb: "get", Resource: kind.ResourceName(), Code: http.StatusNotFound, Reason: "NotFound",
			Message: fmt.Sprintf("%s %q is not in the recording at that time", kind.ResourceName(), watch.Sanitize(name)),
		}
	}
	delta, ok := d.decode(found.Encoding, found.Data, !found.Partial)
	if !ok || delta.Object.Undecodable {
		return watch.Delta{}, watch.Body{}, fmt.Errorf("get %s %s: the object can't be decoded", kind.ResourceName(), name)
	}
	body := watch.Body{Encoding: found.Encoding}
	if found.Encoding == watch.EncodingProtobuf {
		body.Data, err = stripProto(found.Data)
	} else {
		body.Data, _, err = stripJSON(found.Data)
	}
	return delta, body, err
}

func identityOf(r *recording.Record) identity {
	var id identity
	if r.Encoding == watch.EncodingProtobuf {
		id, _ = protoIdentity(r.Data)
	} else {
		id, _ = jsonIdentity(r.Data)
	}
	return id
}

func (id identity) is(namespace, name string) bool {
	return id.name == name && id.namespace == namespace
}

// recordDiscovery records what a server serves; c.mu is held.
func (c *Client) recordDiscovery(d Discovery) {
	if c.opts.Recorder == nil {
		return
	}
	out := recording.Discovery{}
	for _, k := range d.Kinds {
		out.Kinds = append(out.Kinds, recording.InfoOf(k))
	}
	for _, a := range d.Aliases {
		out.Aliases = append(out.Aliases, recording.Alias{Kind: recording.InfoOf(a.Kind), Of: slices.Index(d.Kinds, a.Of)})
	}
	for _, f := range d.Failed {
		out.Failed = append(out.Failed, recording.FailedGroup{GroupVersion: f.GroupVersion, Err: watch.Sanitize(f.Err.Error())})
	}
	c.opts.Recorder.Discovery(out)
}

// playDiscovery makes kinds of what was recorded of them. The columns of built-in kinds are those of this orka, which
// fills them; others have the recorded ones.
func (c *Client) playDiscovery(d recording.Discovery) Discovery {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out Discovery
	for _, info := range d.Kinds {
		out.Kinds = append(out.Kinds, c.recordedLocked(&info))
	}
	for _, a := range d.Aliases {
		out.Aliases = append(out.Aliases, Alias{Kind: c.recordedLocked(&a.Kind), Of: out.Kinds[a.Of]})
	}
	for _, f := range d.Failed {
		out.Failed = append(out.Failed, GroupFailure{GroupVersion: watch.Sanitize(f.GroupVersion), Err: errors.New(watch.Sanitize(f.Err))})
	}
	c.forgetLocked(out)
	return out
}

// recordedLocked is the Kind of a recorded one; c.mu is held.
func (c *Client) recordedLocked(i *recording.KindInfo) *watch.Kind {
	clean := watch.Sanitize // a file may come from anywhere
	kind := &watch.Kind{
		GVK:      watch.GVK{Group: clean(i.Group), Version: clean(i.Version), Kind: clean(i.Kind)},
		Resource: clean(i.Resource), Singular: clean(i.Singular), ShortNames: cleanAll(i.ShortNames), Categories: cleanAll(i.Categories),
		Namespaced: i.Namespaced, Verbs: watch.ParseVerbs(i.Verbs),
	}
	for _, col := range i.Columns {
		col.Name = clean(col.Name)
		kind.Columns = append(kind.Columns, col)
	}
	if hasType(kind.GVK) {
		kind.Columns = c.opts.Columns(kind.GVK)
	}
	return c.knownLocked(kind)
}

func cleanAll(names []string) []string {
	var out []string
	for _, n := range names {
		out = append(out, watch.Sanitize(n))
	}
	return out
}
