package search

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"orka/search/query"
	"orka/watch"
)

// Options says what beside the query a search is to heed. The zero value asks for everything.
type Options struct {
	// Limit is how many hits to return; 0 is all. The total is exact with any limit.
	Limit int
	// MaxCandidates bounds how many objects are evaluated against the text terms (without text: how many are
	// found): the first ones by namespace, name, kind, uid. 0 is no bound. Result.Partial says when it cut.
	MaxCandidates int
	// MinScore leaves out hits of a ranked query that score less, from the total too. 0 is no minimum.
	MinScore int
	// Explain fills Hit.Explain.
	Explain bool
	// Namespaces restricts to objects in one of these namespaces; none is all. Cluster-scoped objects are in
	// the namespace "".
	Namespaces []string
	// Now is what age: counts from; zero is the present.
	Now time.Time
	// Stale and Marked answer is:stale and is:marked; nil answers no. They are called from several goroutines.
	Stale  func(*watch.Object) bool
	Marked func(uid string) bool
}

// Result is the answer to one query on one World.
type Result struct {
	Hits  []Hit
	Total int    // how many objects match, exactly, unless Partial says otherwise
	Epoch uint64 // of the World
	// Candidates is how many objects passed the filters and hold all characters of each text term; only
	// these were looked at more closely.
	Candidates int
	Elapsed    time.Duration
	// Partial says why objects may be missing from Hits and Total; "" when none are.
	Partial string
}

// Hit is one object found.
type Hit struct {
	Object  *watch.Object
	Tier    Tier   // 0 in unranked results
	Score   int    // the sum over the text terms; 0 in unranked results
	Explain string // with Options.Explain: for each text term where it matched and what that scored
}

// Search evaluates a query. Whatever the shards, and however many processors work on it, the result is the same.
// The error is the context's: its end is noticed within a page.
func (ix *Index) Search(ctx context.Context, q query.Query, opts Options) (*Result, error) {
	begin := time.Now()
	p := newPlan(q, opts)
	res := &Result{Epoch: ix.world.Epoch}
	var err error
	if len(p.texts) > 0 {
		err = ix.ranked(ctx, p, res)
	} else {
		err = ix.unranked(ctx, p, res)
	}
	if err != nil {
		return nil, err
	}
	res.Elapsed = time.Since(begin)
	return res, nil
}

// ranked finds hits in the order of relevance.
func (ix *Index) ranked(ctx context.Context, p *plan, res *Result) error {
	var candidates *docSets
	if p.opts.MaxCandidates > 0 {
		var err error
		if candidates, err = ix.capped(ctx, p, res); err != nil {
			return err
		}
	}
	scans, err := ix.each(ctx, p, func(s *scan, u unit) {
		for n := u.from; n < u.to && ctx.Err() == nil; n++ {
			page := u.shard.pages[n]
			if candidates != nil {
				s.page(page, candidates.of(u.index)[n])
				continue
			}
			if docs := s.possible(page, page.docs()); docs != 0 {
				s.page(page, s.admitted(page, docs))
			}
		}
	})
	if err != nil {
		return err
	}
	best := top{limit: p.opts.Limit}
	for _, s := range scans {
		res.Total += s.total
		res.Candidates += s.candidates
		if len(scans) == 1 {
			best = s.top
			break
		}
		for _, e := range s.top.heap {
			best.offer(e)
		}
	}
	entries := best.sorted()
	res.Hits = make([]Hit, len(entries))
	for i := range entries {
		e := &entries[i]
		res.Hits[i] = Hit{Object: e.object, Tier: e.tier, Score: e.score}
		if p.opts.Explain {
			res.Hits[i].Explain = explain(p.texts, e.object)
		}
	}
	return nil
}

// unranked finds hits in the order of namespace and name.
func (ix *Index) unranked(ctx context.Context, p *plan, res *Result) error {
	docs, err := ix.capped(ctx, p, res)
	if err != nil {
		return err
	}
	res.Total = docs.count()
	res.Candidates = res.Total
	n := res.Total
	if p.opts.Limit > 0 {
		n = min(n, p.opts.Limit)
	}
	res.Hits = make([]Hit, 0, n)
	return docs.merge(ctx, func(c *cursor) bool {
		if len(res.Hits) == n {
			return false
		}
		res.Hits = append(res.Hits, Hit{Object: c.object})
		return true
	})
}

// capped finds the candidates, at most MaxCandidates of them.
func (ix *Index) capped(ctx context.Context, p *plan, res *Result) (*docSets, error) {
	docs := newDocSets(ix)
	_, err := ix.each(ctx, p, func(s *scan, u unit) {
		sets := docs.of(u.index)
		for n := u.from; n < u.to && ctx.Err() == nil; n++ {
			page := u.shard.pages[n]
			if set := s.possible(page, page.docs()); set != 0 {
				sets[n] = s.admitted(page, set)
			}
		}
	})
	if err != nil {
		return nil, err
	}
	found, most := docs.count(), p.opts.MaxCandidates
	if most <= 0 || found <= most {
		return docs, nil
	}
	res.Partial = fmt.Sprintf("only the first %d of %d candidates were evaluated", most, found)
	return docs.firstOnly(ctx, most)
}

// unit is a run of pages of one shard that one worker takes.
type unit struct {
	shard    *indexShard
	index    int // of the shard
	from, to int // pages
}

// unitPages is how many pages a worker takes at once: with about a microsecond a page, enough to make taking
// cheap, few enough to end together.
const unitPages = 32

// parallelUnits is from how many units on another processor is worth its start.
const parallelUnits = 8

// each calls visit for every unit of pages whose shard can match, on as many processors as are of use, and
// returns the workers' scans.
func (ix *Index) each(ctx context.Context, p *plan, visit func(s *scan, u unit)) ([]*scan, error) {
	var units []unit
	kinds := newFilter(p)
	for i, s := range ix.shards {
		if !kinds.kindPasses(s.src.Kind) {
			continue
		}
		for from := 0; from < len(s.pages); from += unitPages {
			units = append(units, unit{s, i, from, min(from+unitPages, len(s.pages))})
		}
	}
	workers := max(1, min(runtime.GOMAXPROCS(0), len(units)/parallelUnits))
	scans := make([]*scan, workers)
	var next atomic.Int64
	work := func(n int) {
		s := newScan(p)
		scans[n] = s
		for {
			at := int(next.Add(1)) - 1
			if at >= len(units) || ctx.Err() != nil {
				return
			}
			if s.enter(units[at].shard) {
				visit(s, units[at])
			}
		}
	}
	var wg sync.WaitGroup
	for n := range workers - 1 {
		wg.Go(func() { work(n + 1) })
	}
	work(0)
	wg.Wait()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return scans, nil
}
