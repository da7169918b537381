package kube

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path"

	"orka/watch"
)

// versionLimit bounds the answer to /version, in bytes.
const versionLimit = 64 << 10

// Get fetches one object. The Body of a Secret is withheld; see Reveal.
func (c *Client) Get(ctx context.Context, kind *watch.Kind, namespace, name string) (*watch.Object, watch.Body, error) {
	d := c.decoder(kind, new(interners))
	delta, _, err := c.fetch(ctx, d, namespace, name)
	return delta.Object, delta.Body, err
}

// Reveal fetches the body of one object, the values of a Secret included. It is for the moment a person
// asks to see them; the result is not to be kept, logged or recorded.
func (c *Client) Reveal(ctx context.Context, kind *watch.Kind, namespace, name string) (watch.Body, error) {
	d := c.decoder(kind, new(interners))
	_, raw, err := c.fetch(ctx, d, namespace, name)
	return raw, err
}

// fetch requests one object and returns it decoded and as it came, without managedFields.
func (c *Client) fetch(ctx context.Context, d *decoder, namespace, name string) (watch.Delta, watch.Body, error) {
	if c.opts.Player != nil {
		return c.playFetch(d, namespace, name)
	}
	kind := d.kind
	p := c.collection(kind, namespace) + "/" + name // url.URL escapes it
	resp, err := c.get(ctx, "get", kind, p, nil, accept(kind))
	if err != nil {
		return watch.Delta{}, watch.Body{}, err
	}
	defer resp.Body.Close()
	what := fmt.Sprintf("get %s %s", kind.ResourceName(), name)
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxObject+1))
	if err != nil {
		return watch.Delta{}, watch.Body{}, fmt.Errorf("%s: %w", what, err)
	}
	if len(data) > maxObject {
		return watch.Delta{}, watch.Body{}, fmt.Errorf("%s: %w", what, errTooLarge)
	}
	var delta watch.Delta
	var body watch.Body
	if mediaType(resp) == mediaProtobuf {
		u, oerr := openEnvelope(data)
		if oerr != nil {
			return watch.Delta{}, watch.Body{}, fmt.Errorf("%s: %w", what, oerr)
		}
		body.Encoding = watch.EncodingProtobuf
		if body.Data, err = stripProto(u.raw); err == nil {
			delta, err = d.guard(u.raw, d.decodeProto)
		}
	} else {
		body.Encoding = watch.EncodingJSON
		if body.Data, _, err = stripJSON(data); err == nil {
			delta, err = d.guard(data, d.decodeJSON)
		}
	}
	if err != nil {
		return watch.Delta{}, watch.Body{}, fmt.Errorf("%s: the object can't be decoded: %w", what, err)
	}
	return delta, body, nil
}

// Version is the server's version as kubectl prints it, "v1.36.0".
func (c *Client) Version(ctx context.Context) (string, error) {
	if p := c.opts.Player; p != nil {
		return p.File().Version, nil
	}
	resp, err := c.version(ctx)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return "", answerError("get", versionKind, resp)
	}
	var v struct {
		GitVersion string `json:"gitVersion"`
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, versionLimit)).Decode(&v); err != nil {
		return "", fmt.Errorf("version of %s: %w", c.base.Host, err)
	}
	version := watch.Sanitize(v.GitVersion)
	c.opts.Recorder.Version(version)
	return version, nil
}

// Ping implements watch.Source. A recording is always there.
func (c *Client) Ping(ctx context.Context) error {
	if c.opts.Player != nil {
		return nil
	}
	resp, err := c.version(ctx)
	if err != nil {
		return err
	}
	_ = resp.Body.Close() // that there is an answer is all
	return nil
}

var versionKind = &watch.Kind{Resource: "version"}

// version asks for /version; the answer's body must be closed.
func (c *Client) version(ctx context.Context) (*http.Response, error) {
	u := *c.base
	u.Path = path.Join(u.Path, "/version")
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, unreachable("get", versionKind, err)
	}
	return resp, nil
}
