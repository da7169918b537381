package cluster

// The package's way in: Config, Cluster, Generate.

import (
	"fmt"
	"iter"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
)

// DefaultObjects is the size of a cluster nobody asked a size for: large enough to look like a company's.
const DefaultObjects = 2000

// MaxObjects bounds Config.Objects: far above what one process is meant to hold, low enough to catch a slip.
const MaxObjects = 5_000_000

// Config says which cluster to generate.
type Config struct {
	// Seed chooses the cluster.
	Seed uint64
	// Objects is the exact number of objects.
	Objects int
	// Now is the time the cluster is generated for: ages and histories end here. Seconds count, what is
	// finer is cut off.
	Now time.Time
}

// DefaultConfig is a cluster of DefaultObjects as of now.
func DefaultConfig(now time.Time) Config { return Config{Seed: 1, Objects: DefaultObjects, Now: now} }

// Validate reports what is wrong with the configuration.
func (c Config) Validate() error {
	switch {
	case c.Objects < 1 || c.Objects > MaxObjects:
		return fmt.Errorf("simulated cluster: %d objects asked for; choose from 1 to %d", c.Objects, MaxObjects)
	case c.Now.IsZero():
		return fmt.Errorf("simulated cluster: no time given; set Config.Now")
	}
	return nil
}

// Cluster is a generated cluster: its plan, as far as it has been rendered.
type Cluster struct {
	cfg      Config
	planner  planner
	renderer *renderer
	started  bool
	complete bool
	apps     []*app // whose objects were all yielded
	spaces   []*namespace
	pooled   []*node // nodes whose objects were all yielded
}

// New prepares a cluster. It fails only as Validate does.
func New(cfg Config) (*Cluster, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg.Now = cfg.Now.UTC().Truncate(time.Second)
	c := &Cluster{cfg: cfg, planner: planner{seed: cfg.Seed, now: cfg.Now.Unix(), credit: 0.9}}
	c.renderer = newRenderer(cfg.Seed, &c.planner.nodes)
	return c, nil
}

// Objects yields the cluster's objects in an order in which they can be created. It may be ranged over
// once; further ranges yield nothing.
func (c *Cluster) Objects() iter.Seq[runtime.Object] {
	return func(yield func(runtime.Object) bool) {
		if c.started {
			return
		}
		c.started = true
		left := c.cfg.Objects
		for u := range c.planner.units() {
			if left == 0 {
				break
			}
			r := c.renderer
			r.out = r.out[:0]
			r.unit(u, c.planner.now)
			if len(r.out) <= left {
				c.remember(u)
			}
			for i := range r.out {
				if left == 0 {
					break
				}
				left--
				o := r.out[i]
				r.out[i] = nil
				if !yield(o) {
					return
				}
			}
		}
		c.complete = true
		c.renderer.out = nil
	}
}

// remember keeps what the churn may change.
func (c *Cluster) remember(u unit) {
	switch {
	case u.app != nil:
		c.apps = append(c.apps, u.app)
	case u.pool != nil:
		c.apps = append(c.apps, u.pool.agents...)
		c.pooled = append(c.pooled, u.pool.nodes...)
	case u.ns != nil && u.ns.index >= 0:
		c.spaces = append(c.spaces, u.ns)
	}
}

// Generate yields the objects of the cluster that cfg describes. An invalid cfg yields nothing: ask
// cfg.Validate first.
func Generate(cfg Config) iter.Seq[runtime.Object] {
	c, err := New(cfg)
	if err != nil {
		return func(func(runtime.Object) bool) {}
	}
	return c.Objects()
}
