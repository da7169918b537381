package search

import "math/bits"

// scan evaluates a plan over pages. It is the scratch memory of one worker; its methods allocate nothing per
// document.
//
// One page at a time: filters leave a set of documents; each text term then narrows it to levels by tier, first over
// the name column, then over the page's distinct values; what remains is counted by population count; and only
// documents that can still enter the top are scored.
type scan struct {
	plan   *plan
	filter *filter
	texts  []*termScan
	not    []*termScan
	top    top

	total      int
	candidates int
	sums       [64]int
}

func newScan(p *plan) *scan {
	s := &scan{plan: p, filter: newFilter(p), top: top{limit: p.opts.Limit}}
	for _, t := range p.texts {
		s.texts = append(s.texts, &termScan{term: t})
	}
	for _, t := range p.without {
		s.not = append(s.not, &termScan{term: t})
	}
	return s
}

// enter prepares for the pages of a shard, and reports whether any can match.
func (s *scan) enter(sh *indexShard) bool {
	if !s.filter.enter(sh.src) {
		return false
	}
	for _, t := range s.texts {
		t.enter(sh)
	}
	for _, t := range s.not {
		t.enter(sh)
	}
	return true
}

// admitted is the subset of docs that pass the filters, negated text included.
func (s *scan) admitted(p *page, docs uint64) uint64 {
	docs = s.filter.docs(p, docs)
	for _, t := range s.not {
		if docs != 0 {
			l := t.match(p, docs, tiers-1, false)
			docs &^= l[TierField]
		}
	}
	return docs
}

// possible narrows docs to those whose characters allow all text terms: the candidates.
func (s *scan) possible(p *page, docs uint64) uint64 {
	for _, t := range s.texts {
		if t.isKind {
			continue
		}
		if t.mask&^p.mask != 0 {
			return 0
		}
		docs &= masked(p.src.Masks, t.mask)
	}
	return docs
}

// masked is the set of documents whose mask covers want. Whether one does is as good as random for short terms, so
// there is no branch on it.
func masked(masks []uint64, want uint64) uint64 {
	var docs uint64
	for i := len(masks) - 1; i >= 0; i-- {
		lacks := want &^ masks[i]
		docs = docs<<1 | (lacks-1)&^lacks>>63 // the last bit is set when lacks is 0
	}
	return docs
}

// levels sorts docs by the tiers of all terms together, and returns those that match. Levels up to need are exact.
func (s *scan) levels(p *page, docs uint64, need Tier) (l levels, matching uint64) {
	if len(s.texts) > 1 {
		// A term that is passed over below is still scored, on the text of its own tier, which is TierScope at worst.
		need = max(need, TierScope)
	}
	// In plain, each term counts; in passing, those that are the kind or the namespace don't.
	plain, passing := all(docs), all(docs)
	every := docs // where that is true of every term
	for _, t := range s.texts {
		if docs == 0 {
			return levels{}, 0
		}
		t.levels = t.match(p, docs, need, true)
		every &= t.whole
		for tier := range tiers {
			plain[tier] &= t.levels[tier]
			passing[tier] &= t.levels[tier] | t.whole
		}
		docs = plain[tiers-1]
	}
	for tier := range tiers {
		l[tier] = plain[tier]&every | passing[tier]&docs&^every
	}
	return l, docs
}

// page takes in one page; docs are its candidates. The shard must have been entered.
func (s *scan) page(p *page, docs uint64) {
	s.candidates += bits.OnesCount64(docs)
	need := s.top.need()
	if s.plan.opts.MinScore != 0 {
		need = tiers - 1 // every score decides over a count
	}
	l, docs := s.levels(p, docs, need)
	s.total += bits.OnesCount64(docs)
	worth := l[need] // what may enter the top
	if len(s.texts) == 1 && s.plan.opts.MinScore == 0 && s.top.full() {
		worth = s.texts[0].hopeful(p, worth, s.top.heap[0].tier, s.top.heap[0].score)
	}
	if worth == 0 {
		return
	}
	for n, t := range s.texts {
		t.scorePage(p, worth)
		if n == 0 {
			s.sums = t.scores
			continue
		}
		for rest := worth; rest != 0; rest &= rest - 1 {
			i := bits.TrailingZeros64(rest)
			s.sums[i] = min(s.sums[i]+t.scores[i], maxScore)
		}
	}
	for rest := worth; rest != 0; rest &= rest - 1 {
		i := bits.TrailingZeros64(rest)
		if s.plan.opts.MinScore != 0 && s.sums[i] < s.plan.opts.MinScore {
			s.total--
			continue
		}
		if tier := l.at(i); s.top.beats(tier, s.sums[i]) {
			s.top.offer(entry{
				tier: tier, score: s.sums[i],
				namespace: s.filter.shard.Namespaces[p.src.Namespaces[i]], name: p.name(i), object: p.src.Objects[i],
			})
		}
	}
}
