package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"orka/apply"
	"orka/search"
	"orka/shard"
	"orka/watch"
	"orka/watch/kube"
)

// Engine explores one cluster.
type Engine struct {
	// immutable
	cfg     Config
	client  *kube.Client
	store   *shard.Store
	slots   *watch.Slots
	metrics *metrics

	// wall reads the wall clock, without the monotonic one; tests let it jump.
	wall func() time.Time

	journal journal // guards itself

	// set once, at the first use of what applies
	applyOnce sync.Once
	apply     *apply.Applier
	applyErr  error

	// atomic
	view   atomic.Pointer[View]
	memory atomic.Pointer[Memory]
	ran    atomic.Bool

	// owned by restrictLoop
	retried map[*watch.Kind]time.Time // when a refused kind was found to be allowed

	// mailboxes of capacity 1: a token says that something is newer
	dirty      chan struct{} // a status, the server state or a gauge changed
	rediscover chan struct{}
	restrict   chan struct{} // permissions may have changed: look at the fall-back again

	// guarded by mu
	mu       sync.Mutex
	next     chan struct{} // closed and replaced at each publication
	served   Served
	failures []DiscoveryFailure
	server   Server
	watchers map[watch.Scope]*running
	wanted   map[*watch.Kind]bool
	reviewed map[*watch.Kind]bool // forbidden kinds whose permitted namespaces are known
	group    *errgroup.Group      // of Run; watchers are started in it
	runCtx   context.Context      //nolint:containedctx // owned by Run, for watchers started while it runs
	ended    bool                 // Run is over; no read starts any more
	reads    sync.WaitGroup       // reads whose goroutine outlives its caller; Add only while not ended
}

// New checks the configuration and wires the stages; it starts nothing.
func New(cfg Config, client *kube.Client) (*Engine, error) {
	if player := client.Player(); player != nil {
		cfg = replaying(cfg, player)
	}
	if cfg.Planner == nil {
		cfg.Planner = shard.Modulo(cfg.Shards)
	}
	e := &Engine{
		cfg:        cfg,
		client:     client,
		slots:      watch.NewSlots(watch.MaxLists),
		metrics:    newMetrics(),
		dirty:      make(chan struct{}, 1),
		rediscover: make(chan struct{}, 1),
		restrict:   make(chan struct{}, 1),
		next:       make(chan struct{}),
		watchers:   map[watch.Scope]*running{},
		wanted:     map[*watch.Kind]bool{},
		retried:    map[*watch.Kind]time.Time{},
		wall:       func() time.Time { return time.Now().Round(0) },
	}
	e.journal = journal{path: cfg.DBPath, logger: cfg.Logger, observe: e.metrics.applied.history}
	store, err := shard.NewStore(shard.Config{
		Planner:     cfg.Planner,
		QueueCap:    cfg.QueueCap,
		KeepBodies:  cfg.KeepBodies,
		MaxRawBytes: cfg.MaxRawBytes,
		OnBuild:     e.metrics.onBuild,
		OnPublish:   e.metrics.onPublish,
	})
	if err != nil {
		return nil, fmt.Errorf("engine: %w", err)
	}
	e.store = store
	e.memory.Store(&Memory{Budget: cfg.MaxRSS, Stage: stageOK})
	world := store.World()
	e.view.Store(&View{World: world, Index: search.Build(world), At: time.Now()})
	e.metrics.registry.MustRegister(viewCollector{e})
	return e, nil
}

// Config returns the configuration in force.
func (e *Engine) Config() Config { return e.cfg }

// View returns the newest View; never nil.
func (e *Engine) View() *View { return e.view.Load() }

// Changed returns a channel that is closed when a View newer than the present one is published: take the
// channel, then the View, then wait.
func (e *Engine) Changed() <-chan struct{} {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.next
}

// Await returns the first View for which ok holds, or the context's error with the last View seen.
func (e *Engine) Await(ctx context.Context, ok func(*View) bool) (*View, error) {
	for {
		ch := e.Changed()
		v := e.View()
		if ok(v) {
			return v, nil
		}
		select {
		case <-ch:
		case <-ctx.Done():
			return v, context.Cause(ctx)
		}
	}
}

// errRunTwice is what the second Run of an Engine returns.
var errRunTwice = errors.New("engine: Run was called a second time; an Engine runs once, make another with New")

// Run works until ctx ends, then waits for all it started. A lost connection never ends it; an address for metrics
// that can't be used does so at once, since a person asked for it. Run may be called once.
func (e *Engine) Run(ctx context.Context) error {
	if !e.ran.CompareAndSwap(false, true) {
		return errRunTwice
	}
	listener, err := e.listenMetrics(ctx)
	if err != nil {
		return err
	}
	g, gctx := errgroup.WithContext(ctx)
	e.mu.Lock()
	e.group, e.runCtx = g, gctx
	e.mu.Unlock()
	g.Go(func() error { return e.store.Run(gctx) })
	g.Go(func() error { return e.discoverLoop(gctx) })
	g.Go(func() error { return e.viewLoop(gctx) })
	g.Go(func() error { return e.restrictLoop(gctx) })
	g.Go(func() error { return e.gaugeLoop(gctx) })
	g.Go(func() error { return e.clockLoop(gctx) })
	if listener != nil {
		g.Go(func() error { return e.serveMetrics(gctx, listener) })
	}
	err = g.Wait()
	e.mu.Lock()
	e.ended = true
	e.mu.Unlock()
	e.reads.Wait()
	if cerr := e.journal.close(); cerr != nil {
		e.cfg.Logger.Warn("history was not closed cleanly", "err", cerr)
	}
	if ctx.Err() != nil {
		return nil // asked to end
	}
	return err
}

// post leaves a token in a mailbox of capacity 1.
func post(box chan struct{}) {
	select {
	case box <- struct{}{}:
	default:
	}
}
