package sim

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/internalversion"
	internalscheme "k8s.io/apimachinery/pkg/apis/meta/internalversion/scheme"
	"k8s.io/apimachinery/pkg/apis/meta/internalversion/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// page is one answer to a list.
type page struct {
	items []*object
	rev   uint64
	next  string // continue token
	rest  *int64
}

// listOptions reads and validates the query as the real server does.
func listOptions(q *request) (*internalversion.ListOptions, error) {
	opts := &internalversion.ListOptions{}
	if err := internalscheme.ParameterCodec.DecodeParameters(selectorless(q.query), metav1.SchemeGroupVersion, opts); err != nil {
		return nil, apierrors.NewBadRequest(err.Error())
	}
	opts.Watch = q.verb == "watch"
	internalversion.SetListOptionsDefaults(opts, true)
	if errs := validation.ValidateListOptions(opts, true); len(errs) > 0 {
		return nil, apierrors.NewInvalid(schema.GroupKind{Group: metav1.GroupName, Kind: "ListOptions"}, "", errs)
	}
	return opts, nil
}

// selectorless leaves out what parseSelector reads, with better errors.
func selectorless(in url.Values) url.Values {
	out := make(url.Values, len(in))
	for k, v := range in {
		if k != "labelSelector" && k != "fieldSelector" {
			out[k] = v
		}
	}
	return out
}

// parseRevision reads a resourceVersion; "" and "0" are 0.
func parseRevision(rv string) (uint64, error) {
	if rv == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(rv, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("resourceVersion: Invalid value: %q: %w", rv, err)
	}
	return n, nil
}

// serveList answers a list.
func (s *Server) serveList(w http.ResponseWriter, q *request, sv *served) error {
	e, err := negotiate(q.Header, sv.goType != nil, "Table", "PartialObjectMetadataList")
	if err != nil {
		return err
	}
	opts, err := listOptions(q)
	if err != nil {
		return err
	}
	sel, err := parseSelector(sv, q)
	if err != nil {
		return err
	}
	p, err := s.list(q.Context(), sv, q.namespace, opts, &sel)
	if err != nil {
		return err
	}
	m := metav1.ListMeta{ResourceVersion: strconv.FormatUint(p.rev, 10), Continue: p.next, RemainingItemCount: p.rest}
	if e.table() {
		t, err := s.table(sv, q, p.items, m)
		if err != nil {
			return err
		}
		s.write(w, e, http.StatusOK, t)
		return nil
	}
	if err := s.writeList(w, q, sv, e, p.items, &m); err != nil {
		return err
	}
	s.say(q, SentPage, p.next == "")
	return nil
}

// list finds the objects of one page, at the revision that the options ask for.
func (s *Server) list(ctx context.Context, sv *served, namespace string, opts *internalversion.ListOptions, sel *selector) (*page, error) {
	limit, start := int(opts.Limit), ""
	exact := uint64(0) // 0: whatever is current
	switch {
	case opts.Continue != "":
		c, err := decodeContinue(opts.Continue)
		if err != nil {
			return nil, err
		}
		if opts.ResourceVersion != "" && opts.ResourceVersion != "0" {
			return nil, apierrors.NewBadRequest("specifying resource version is not allowed when using continue")
		}
		start = c.StartKey
		if c.ResourceVersion > 0 {
			exact = uint64(c.ResourceVersion)
		}
	case opts.ResourceVersion == "0":
		limit = 0 // the watch cache of the real server ignores the limit here
	case opts.ResourceVersion != "":
		rev, err := parseRevision(opts.ResourceVersion)
		if err != nil {
			return nil, apierrors.NewBadRequest("invalid resource version: " + err.Error())
		}
		if err := s.reach(ctx, rev); err != nil {
			return nil, err
		}
		if opts.ResourceVersionMatch == metav1.ResourceVersionMatchExact || opts.ResourceVersionMatch == "" && limit > 0 {
			exact = rev
		}
	}
	all := limit
	if !sel.empty() {
		all = 0
	}
	p, err := s.snapshot(sv, namespace, start, exact, all)
	if err != nil {
		if opts.Continue != "" {
			return nil, expiredContinue(start)
		}
		return nil, err
	}
	if !sel.empty() {
		if err := s.filter(sv, sel, p, limit); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// snapshot collects objects at revision exact, or at the current one when exact is 0.
func (s *Server) snapshot(sv *served, namespace, start string, exact uint64, limit int) (*page, error) {
	c := sv.coll
	s.mu.RLock()
	p := &page{rev: s.rev}
	tree := c.objects
	if exact > 0 {
		if exact < c.floor && exact < s.rev {
			s.mu.RUnlock()
			return nil, expired("The resourceVersion for the provided list is too old.")
		}
		p.rev = exact
		if c.after(exact) < len(c.log) {
			s.mu.RUnlock()
			s.mu.Lock()
			if exact < c.floor {
				s.mu.Unlock()
				return nil, expired("The resourceVersion for the provided list is too old.")
			}
			tree = c.at(exact)
			s.mu.Unlock()
			s.mu.RLock()
		}
	}
	items, rest := collect(tree, namespace, start, limit)
	s.mu.RUnlock()
	p.items = items
	if rest > 0 {
		n := int64(rest)
		p.rest = &n
		p.next = encodeContinue(int64(p.rev), items[len(items)-1].key+"\x00")
	}
	return p, nil
}

// filter keeps what the selector selects, up to limit.
func (s *Server) filter(sv *served, sel *selector, p *page, limit int) error {
	rd := s.reader()
	var kept []*object
	for i, o := range p.items {
		ok, err := sel.matches(sv, o, rd)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		kept = append(kept, o)
		if limit > 0 && len(kept) == limit && i+1 < len(p.items) {
			p.next = encodeContinue(int64(p.rev), o.key+"\x00")
			break
		}
	}
	p.items = kept
	return nil
}

// tooLargeWait is how long a request waits for a revision that is not there yet, as in the real server.
const tooLargeWait = 3 * time.Second

// reach waits until the server's revision is at least rev, and gives up with "Too large resource version".
func (s *Server) reach(ctx context.Context, rev uint64) error {
	s.mu.RLock()
	cur := s.rev
	s.mu.RUnlock()
	if rev <= cur {
		return nil
	}
	t := time.NewTimer(tooLargeWait)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
		return ctx.Err()
	case <-s.done:
	}
	s.mu.RLock()
	cur = s.rev
	s.mu.RUnlock()
	if rev <= cur {
		return nil
	}
	return tooLarge(rev, cur)
}

func tooLarge(rev, cur uint64) error {
	err := apierrors.NewTimeoutError(fmt.Sprintf("Too large resource version: %d, current: %d", rev, cur), 1)
	err.ErrStatus.Details.Causes = []metav1.StatusCause{{Type: metav1.CauseTypeResourceVersionTooLarge, Message: "Too large resource version"}}
	return err
}
