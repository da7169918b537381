package recording

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"orka/watch"
)

// Header is what a recording says of itself.
type Header struct {
	Started time.Time `json:"started"`
	Orka    string    `json:"orka"` // version of the recorder
	Context string    `json:"context,omitempty"`
	Cluster string    `json:"cluster,omitempty"`
	// Namespace is the one that was recorded; "" is all.
	Namespace string `json:"namespace,omitempty"`
	// Kinds are the names of those that were asked for; none is all.
	Kinds []string `json:"kinds,omitempty"`
}

// Discovery is what the server served at one time.
type Discovery struct {
	Kinds   []KindInfo    `json:"kinds"`
	Aliases []Alias       `json:"aliases,omitempty"`
	Failed  []FailedGroup `json:"failed,omitempty"`
}

// Alias is a second way to the objects of a kind.
type Alias struct {
	Kind KindInfo `json:"kind"`
	Of   int      `json:"of"` // index in Discovery.Kinds
}

// FailedGroup is a group-version that did not answer.
type FailedGroup struct {
	GroupVersion string `json:"groupVersion"`
	Err          string `json:"error"`
}

// KindInfo is a watch.Kind in the file.
type KindInfo struct {
	Group      string         `json:"group,omitempty"`
	Version    string         `json:"version"`
	Kind       string         `json:"kind"`
	Resource   string         `json:"resource"`
	Singular   string         `json:"singular,omitempty"`
	ShortNames []string       `json:"shortNames,omitempty"`
	Categories []string       `json:"categories,omitempty"`
	Namespaced bool           `json:"namespaced,omitempty"`
	Verbs      []string       `json:"verbs,omitempty"`
	Columns    []watch.Column `json:"columns,omitempty"`
}

// InfoOf writes down a kind.
func InfoOf(k *watch.Kind) KindInfo {
	return KindInfo{
		Group: k.Group, Version: k.Version, Kind: k.Kind, Resource: k.Resource, Singular: k.Singular,
		ShortNames: k.ShortNames, Categories: k.Categories, Namespaced: k.Namespaced, Verbs: k.Verbs.Names(), Columns: k.Columns,
	}
}

// ScopeInfo says what a scope's records are about.
type ScopeInfo struct {
	Group     string `json:"group,omitempty"`
	Version   string `json:"version"`
	Kind      string `json:"kind"`
	Resource  string `json:"resource"`
	Namespace string `json:"namespace,omitempty"`
}

func scopeInfo(s watch.Scope) ScopeInfo {
	return ScopeInfo{Group: s.Kind.Group, Version: s.Kind.Version, Kind: s.Kind.Kind, Resource: s.Kind.Resource, Namespace: s.Namespace}
}

// ListBegin is the request of a page.
type ListBegin struct {
	Limit int `json:"limit,omitempty"`
	// Continued is set on every page but the first.
	Continued bool `json:"continued,omitempty"`
}

// WatchBegin is the request of a stream.
type WatchBegin struct {
	ResourceVersion string `json:"rv,omitempty"`
	Initial         bool   `json:"initial,omitempty"`
}

// Closed is the end of a stream in form.
type Closed struct {
	// Due is set when the server kept to the time it was asked for, so that nothing was missed up to here.
	Due bool `json:"due,omitempty"`
}

// Bookmark is a resourceVersion without an object.
type Bookmark struct {
	ResourceVersion string `json:"rv"`
	InitialEnd      bool   `json:"initialEnd,omitempty"`
}

// ListEnd is watch.ListEnd in the file; what was skipped is among the objects.
type ListEnd struct {
	ResourceVersion string `json:"rv"`
	Continue        string `json:"continue,omitempty"`
	Remaining       int64  `json:"remaining"`
}

// Failure is an error in the file, with what the loop needs to classify it.
type Failure struct {
	Code       int           `json:"code,omitempty"` // of watch.APIError; 0 is another error
	Verb       string        `json:"verb,omitempty"`
	Resource   string        `json:"resource,omitempty"`
	Reason     string        `json:"reason,omitempty"`
	Message    string        `json:"message,omitempty"`
	Causes     []string      `json:"causes,omitempty"`
	RetryAfter time.Duration `json:"retryAfter,omitempty"`
	Frame      bool          `json:"frame,omitempty"` // watch.FrameError
	Text       string        `json:"text,omitempty"`
}

// textLimit bounds the text of an error in the file, in bytes.
const textLimit = 2 << 10

func failureOf(err error) Failure {
	var api *watch.APIError
	var frame *watch.FrameError
	cut := func(s string) string { return watch.Sanitize(s[:min(len(s), textLimit)]) }
	switch {
	case errors.As(err, &api):
		return Failure{
			Code: api.Code, Verb: api.Verb, Resource: api.Resource, Reason: api.Reason, Message: cut(api.Message),
			Causes: api.Causes, RetryAfter: api.RetryAfter,
		}
	case errors.As(err, &frame):
		return Failure{Frame: true, Resource: frame.Resource, Text: cut(frame.Err.Error())}
	default:
		return Failure{Text: cut(err.Error())}
	}
}

// errorOf is the error as the loop classifies it.
func (f *Failure) errorOf() error {
	switch {
	case f.Code != 0:
		return &watch.APIError{
			Code: f.Code, Verb: f.Verb, Resource: watch.Sanitize(f.Resource), Reason: f.Reason, Message: watch.Sanitize(f.Message),
			Causes: f.Causes, RetryAfter: f.RetryAfter,
		}
	case f.Frame:
		return &watch.FrameError{Resource: watch.Sanitize(f.Resource), Err: errors.New(watch.Sanitize(f.Text))}
	default:
		return fmt.Errorf("%w (%s)", io.ErrUnexpectedEOF, watch.Sanitize(f.Text))
	}
}

// unmarshal reads a record's JSON.
func unmarshal[T any](r *Record) (T, error) {
	var v T
	if err := json.Unmarshal(r.Data, &v); err != nil {
		return v, fmt.Errorf("a record can't be read: %w", err)
	}
	return v, nil
}

// BeginsList reports whether a record is the first request of a list, by pages or streamed.
func BeginsList(r *Record) bool {
	if r.Op == OpList {
		b, err := unmarshal[ListBegin](r)
		return err == nil && !b.Continued
	}
	initial, err := initialWatch(r)
	return err == nil && initial
}

// EndsList reports whether a record is the end of a complete list.
func EndsList(r *Record) bool {
	switch r.Op {
	case OpListEnd:
		e, err := unmarshal[ListEnd](r)
		return err == nil && e.Continue == ""
	case OpBookmark:
		b, err := unmarshal[Bookmark](r)
		return err == nil && b.InitialEnd
	default:
		return false
	}
}
