package cluster

// The churn: one write at a time, by seed.

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

// Writer takes the churn's changes; the simulated API server is one. Errors are those of the API
// (apierrors.IsNotFound and the like are asked about them).
type Writer interface {
	Create(obj runtime.Object) error
	Update(obj runtime.Object) error
	Delete(gvr schema.GroupVersionResource, namespace, name string) error
}

// Churn changes a cluster the way its controllers and people do. It is a set of stories (a rollout, a
// crash loop that heals, a job's run) that advance in a drawn order, one write at a time. What a story
// does to the cluster it undoes or bounds: replicas stay near what was generated, old revisions, runs
// and events are deleted, so the cluster keeps its size.
//
// Owners are created before and deleted after what they own. Counts in status, and endpoint slices,
// follow their pods a few writes later, as they do in a real cluster.
//
// A write that finds its object gone creates it, and one that finds it there already replaces it, so
// that somebody else's edits don't end the churn; they may be overwritten.
type Churn struct {
	c       *Cluster
	w       Writer
	draw    *rand.Rand
	now     int64
	stories []*story
	events  []series // the events the churn created, oldest first
	series  map[series]*note
}

// Limits of a churn.
const (
	// storiesAtOnce is how many stories advance side by side per hundred apps, and at least.
	storiesAtOnce = 6
	// eventsKept is how many of its own events a churn leaves per hundred objects, and at least.
	eventsKept = 5
)

// story is one thing that happens: writes in order. A step may add further steps.
type story struct {
	app   *app // held by the story, or nil
	steps []step
}

// step makes at most one write and reports whether it made one.
type step func() (wrote bool, err error)

func (s *story) then(steps ...step) { s.steps = append(s.steps, steps...) }

// series is what events of one count have in common.
type series struct {
	about  types.UID
	reason string
}

// NewChurn prepares changes to c, whose objects w must hold. If c has not been ranged over, its plan is
// made now, which takes as long as generating it.
func NewChurn(c *Cluster, seed uint64, w Writer) (*Churn, error) {
	for range c.Objects() {
	}
	if !c.complete {
		return nil, fmt.Errorf("simulated cluster: the range over its objects was broken off, so nobody knows what there is to change; range to the end first")
	}
	return &Churn{c: c, w: w, draw: newHash(c.cfg.Seed).str("churn").num(seed).rand(), now: c.planner.now, series: map[series]*note{}}, nil
}

// Step makes exactly one write, dated now. The same seed and the same times make the same writes. An
// error is the Writer's; the churn may go on after it.
func (ch *Churn) Step(now time.Time) error {
	ch.now = max(ch.now, now.Unix())
	for {
		s := ch.next()
		if len(s.steps) == 0 {
			ch.end(s)
			continue
		}
		st := s.steps[0]
		s.steps = s.steps[1:]
		wrote, err := st()
		if len(s.steps) == 0 {
			ch.end(s)
		}
		if err != nil {
			return fmt.Errorf("simulated churn: %w", err)
		}
		if wrote {
			return nil
		}
	}
}

// Run steps at a rate of writes a second until ctx ends, and then returns nil; it returns early with
// the first error of the Writer. Above 100 a second several steps are made per tick.
func (ch *Churn) Run(ctx context.Context, rate float64) error {
	if rate <= 0 {
		return fmt.Errorf("simulated churn: rate %v; it must be above 0 writes a second", rate)
	}
	period := time.Duration(float64(time.Second) / min(rate, 100))
	ticker := time.NewTicker(period)
	defer ticker.Stop()
	start, done := time.Now(), 0
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		now := time.Now()
		due := int(now.Sub(start).Seconds()*rate + 1e-6)
		if due-done > int(rate)+1 { // the machine slept or can't keep up: don't make up for it
			start, done, due = now, 0, 1
		}
		for ; done < due; done++ {
			if err := ch.Step(now); err != nil {
				return err
			}
		}
	}
}

// next draws the story to advance and starts new ones.
func (ch *Churn) next() *story {
	limit := max(storiesAtOnce, len(ch.c.apps)*storiesAtOnce/100)
	if len(ch.stories) == 0 || len(ch.stories) < limit && chance(ch.draw, 3) {
		if s := ch.begin(); s != nil {
			if s.app != nil {
				s.app.busy = true
			}
			ch.stories = append(ch.stories, s)
			return s
		}
	}
	if len(ch.stories) == 0 {
		return &story{steps: []step{ch.renewLease()}}
	}
	return ch.stories[ch.draw.IntN(len(ch.stories))]
}

func (ch *Churn) end(s *story) {
	if s.app != nil {
		s.app.busy = false
	}
	for i, t := range ch.stories {
		if t == s {
			ch.stories = append(ch.stories[:i], ch.stories[i+1:]...)
			return
		}
	}
}

// create, put and remove are the only writes.

func (ch *Churn) create(o runtime.Object) (bool, error) {
	err := ch.w.Create(o)
	if apierrors.IsAlreadyExists(err) {
		err = ch.w.Update(o)
	}
	return true, err
}

func (ch *Churn) put(o runtime.Object) (bool, error) {
	err := ch.w.Update(o)
	if apierrors.IsNotFound(err) {
		err = ch.w.Create(o)
	}
	return true, err
}

func (ch *Churn) remove(gvr schema.GroupVersionResource, namespace, name string) (bool, error) {
	err := ch.w.Delete(gvr, namespace, name)
	if apierrors.IsNotFound(err) {
		err = nil
	}
	return true, err
}

var (
	podsResource        = schema.GroupVersionResource{Version: "v1", Resource: "pods"}
	eventsResource      = schema.GroupVersionResource{Version: "v1", Resource: "events"}
	jobsResource        = schema.GroupVersionResource{Group: "batch", Version: "v1", Resource: "jobs"}
	replicaSetsResource = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "replicasets"}
)
