package search

import (
	"math"
	"math/bits"
)

// scorePage scores the term on documents that match it in the tiers that match told apart, each on the text
// that gave the tier. The results are in t.scores.
func (t *termScan) scorePage(p *page, docs uint64) {
	l := &t.levels
	inPart := docs & l[TierField] &^ l[TierField-1]
	loosely := docs & l[TierFieldFuzzy] &^ l[TierFieldFuzzy-1]
	for rest := docs &^ (inPart | loosely); rest != 0; rest &= rest - 1 {
		i := bits.TrailingZeros64(rest)
		t.scores[i] = t.scoreName(p, i, l.at(i))
	}
	if inPart|loosely != 0 {
		t.scoreValues(p, inPart, loosely)
	}
}

// hopeful leaves out of docs those in a given tier of the name that can't reach a score: a name's length and the place of
// the term's first character bound its score from above.
func (t *termScan) hopeful(p *page, docs uint64, tier Tier, score int) uint64 {
	if tier > TierNamePart && tier != TierNameFuzzy || p.nameClass != 0 || !t.fast() || !t.plainKind {
		return docs
	}
	among := docs & t.levels[tier]
	if tier > 0 {
		among &^= t.levels[tier-1]
	}
	return docs &^ keep(among, func(i int) bool {
		first := int(t.first[i])
		if tier <= TierNamePrefix {
			first = 0 // that the name begins with the term was told without looking for it
		}
		return t.mostScore-min(first*leadingPenalty, maxLeading)-(len(p.name(i))-len(t.folded)) < score
	})
}

// scoreName scores on the kind, the name or "Kind namespace/name", as the tier says.
func (t *termScan) scoreName(p *page, i int, tier Tier) int {
	if tier == TierScope && t.isKind {
		return t.kindScore
	}
	name := p.name(i)
	if tier != TierScope && tier != TierScopeFuzzy {
		if !t.fast() || p.nameClass&hasUnicode != 0 {
			n, _ := t.score(name, p.nameClass)
			return n
		}
		n, _ := score(&t.name, t.folded, name, p.sharedSince(t.named, i), p.sharedNext(i))
		t.named = i
		return n
	}
	t.run(p.src.Namespaces[i])
	if !t.fast() || !t.plainRun || p.nameClass&hasUnicode != 0 {
		n, _ := t.score(string(t.text[:t.prefix])+name, hasUnicode)
		return n
	}
	shared := 0
	if t.scoped >= 0 {
		shared = t.prefix + p.sharedSince(t.scoped, i)
	}
	t.text = append(t.text[:t.prefix], name...)
	n, _ := score(&t.scope, t.folded, t.text, shared, t.prefix+p.sharedNext(i))
	t.scoped = i
	return n
}

// scoreValues scores each value that was hit once, and gives each document its best.
func (t *termScan) scoreValues(p *page, inPart, loosely uint64) {
	for rest := inPart | loosely; rest != 0; rest &= rest - 1 {
		t.scores[bits.TrailingZeros64(rest)] = math.MinInt
	}
	for _, hit := range t.valueHits {
		docs := p.fields.docs[hit.index] & loosely
		if hit.part {
			docs = p.fields.docs[hit.index] & inPart
		}
		if docs == 0 {
			continue
		}
		n, _ := t.score(p.fields.value(hit.index), p.fields.refs[hit.index].class)
		for ; docs != 0; docs &= docs - 1 {
			i := bits.TrailingZeros64(docs)
			t.scores[i] = max(t.scores[i], n)
		}
	}
}

// sharedSince is how many bytes the names of documents i and j share at their start; i < j, or -1 for none.
func (p *page) sharedSince(i, j int) int {
	if i < 0 {
		return 0
	}
	n := int(p.shared[i+1])
	for _, s := range p.shared[i+2 : j+1] {
		n = min(n, int(s))
	}
	return n
}

// sharedNext is how many bytes the name of document i shares with the next one.
func (p *page) sharedNext(i int) int {
	if i+1 < len(p.shared) {
		return int(p.shared[i+1])
	}
	return 0
}
