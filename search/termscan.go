package search

import (
	"math/bits"
	"strings"
)

// termScan is one text term on its way through the pages of a shard.
type termScan struct {
	*term
	sh *indexShard

	// Of the shard.
	isKind    bool // the term names the kind
	kindScore int
	plainKind bool // the kind's name is ASCII

	// Of the run of documents that share a namespace; runs go on from page to page.
	runNS    uint32
	runOK    bool
	prefix   int    // length of "Kind namespace/" in text
	inPrefix bool   // which holds the term
	taken    int    // how far the term gets in it, one character after the other
	splits   uint64 // bit k: the prefix ends with folded[:k]
	plainRun bool   // kind and namespace are ASCII
	isSpace  bool   // the term is the namespace

	// Of the page.
	levels     levels
	whole      uint64     // documents whose kind or namespace the term is
	valueHits  []valueHit // values that hold the term, in one piece or not
	scores     [64]int    // of the documents that were asked for
	walk, tail walker     // along names: from the term's start, and from taken on
	name       resumable  // scores of names
	first      [64]uint32 // where the term's first character is in the name, for names that hold it
	named      int        // the document scored last on its name, -1 for none
	scope      resumable  // scores of "Kind namespace/name"
	scoped     int        // as named
	text       []byte     // "Kind namespace/name"; the prefix is the run's
}

// valueHit is a distinct value of the page that a term is found in.
type valueHit struct {
	index int
	part  bool // in one piece
}

func (t *termScan) enter(sh *indexShard) {
	if t.sh == sh {
		return
	}
	t.sh, t.runOK = sh, false
	var name string
	kind := sh.src.Kind
	name, t.isKind = t.namesKind(kind)
	if t.isKind {
		t.kindScore, _ = t.score(name, classOf(name))
	}
	t.plainKind = isASCII(kind.Kind)
}

// run prepares for the documents of one namespace of the shard.
func (t *termScan) run(ns uint32) {
	if t.runOK && t.runNS == ns {
		return
	}
	namespace := t.sh.src.Namespaces[ns]
	t.runNS, t.runOK = ns, true
	t.plainRun = t.plainKind && isASCII(namespace)
	t.text = appendScopePrefix(t.text[:0], t.sh.src.Kind.Kind, namespace)
	prefix := t.text
	t.prefix = len(prefix)
	t.scoped = -1
	t.isSpace = strings.EqualFold(namespace, t.term.text)
	if !t.plainRun || !t.fast() {
		return
	}
	t.inPrefix = containsASCII(prefix, t.folded)
	t.taken = consume(t.folded, 0, prefix)
	t.splits = 0
	for k := 1; k < min(len(t.folded), 64); k++ {
		// A piece that goes from the prefix into the name crosses the prefix's last character.
		if t.folded[k-1] == prefix[len(prefix)-1] && k <= len(prefix) &&
			hasPrefixASCII(prefix[len(prefix)-k:], t.folded[:k]) {
			t.splits |= 1 << k
		}
	}
}

// match sorts docs into levels. Only levels up to need must be told apart: all better matches than need are in
// their own tiers, and the last level is always exact. Without fuzzy, only levels up to TierField mean anything.
func (t *termScan) match(p *page, docs uint64, need Tier, fuzzy bool) levels {
	var l levels
	t.whole, t.valueHits = 0, t.valueHits[:0]
	ids := p.src.Namespaces
	t.walk.reset()
	t.named, t.scoped = -1, -1
	for from := 0; from < len(ids); {
		to := len(ids)
		if ids[from] != ids[to-1] {
			for to = from + 1; ids[to] == ids[from]; to++ {
			}
		}
		run := docs & (^uint64(0) >> (64 - to)) &^ (1<<from - 1)
		if run != 0 {
			t.run(ids[from])
			if t.isKind || t.isSpace {
				t.whole |= run
			}
			if t.fast() && t.plainRun && p.nameClass&hasUnicode == 0 {
				t.matchRun(p, run, need, fuzzy, &l)
			} else {
				t.matchRunPlainly(p, run, fuzzy, &l)
			}
		}
		from = to
	}
	if t.isKind {
		l[TierScope] |= docs
	}
	for tier := TierNamePrefix; tier < tiers; tier++ {
		l[tier] |= l[tier-1]
	}
	t.matchValues(p, docs, need, fuzzy, &l)
	return l
}

// matchRun matches the names of one namespace. It sets bits in the very tier; match accumulates them.
func (t *termScan) matchRun(p *page, docs uint64, need Tier, fuzzy bool, l *levels) {
	n := len(t.folded)
	scope := docs
	t.tail.reset() // it starts at taken
	if t.mask&^p.mask == 0 {
		for rest := docs & masked(p.nameMasks, t.mask); rest != 0; rest &= rest - 1 {
			i := bits.TrailingZeros64(rest)
			if !t.walk.to(p, i, t.folded, 0) {
				continue
			}
			t.first[i] = t.walk.at[0]
			// The walk takes the first of each character, so a name that begins with the term shows in it.
			tier := TierNameFuzzy
			switch first, last := t.walk.span(n); {
			case last == n-1:
				tier = TierNamePrefix
				if len(p.name(i)) == n {
					tier = TierName
				}
			case last-first == n-1, need >= TierNamePart && t.within(p.name(i)[first:], p.nameClass):
				tier = TierNamePart
			}
			l[tier] |= 1 << i
			if tier < TierNameFuzzy {
				scope &^= 1 << i
			}
		}
	}
	if scope == 0 {
		return
	}
	switch {
	case t.inPrefix:
		l[TierScope] |= scope
		return
	case t.splits != 0:
		crossing := keep(scope, func(i int) bool { return t.crosses(p.name(i)) })
		l[TierScope] |= crossing
	}
	if !fuzzy || t.taken == 0 {
		return
	}
	if t.taken == n {
		l[TierScopeFuzzy] |= scope
		return
	}
	for rest := scope &^ l[TierNameFuzzy] & masked(p.nameMasks, t.rest[t.taken]); rest != 0; rest &= rest - 1 {
		i := bits.TrailingZeros64(rest)
		if t.tail.to(p, i, t.folded, t.taken) {
			l[TierScopeFuzzy] |= 1 << i
		}
	}
}

// crosses reports whether the term begins at the prefix's end and goes on at the name's start.
func (t *termScan) crosses(name string) bool {
	for splits := t.splits; splits != 0; splits &= splits - 1 {
		if hasPrefixASCII(name, t.folded[bits.TrailingZeros64(splits):]) {
			return true
		}
	}
	return false
}

// matchRunPlainly is matchRun for texts and terms beyond ASCII and for very long terms: object by object.
func (t *termScan) matchRunPlainly(p *page, docs uint64, fuzzy bool, l *levels) {
	for rest := docs; rest != 0; rest &= rest - 1 {
		i := bits.TrailingZeros64(rest)
		tier, found := t.placeByName(p.src.Objects[i])
		if !found || !fuzzy && tier > TierScope {
			continue
		}
		l[tier] |= 1 << i
	}
}

// matchValues matches what the names left open over the distinct values of the page. l is accumulated.
func (t *termScan) matchValues(p *page, docs uint64, need Tier, fuzzy bool, l *levels) {
	var part, loose uint64
	inOnePiece := need >= TierField
	open := docs &^ l[TierScope] // where a piece in a field would be better
	if !inOnePiece {
		open = 0
	}
	openLoosely := docs &^ l[tiers-1] // where nothing was found yet
	scored := need == TierFieldFuzzy  // a score takes all loose findings, a count only one
	if !fuzzy {
		openLoosely = 0
	}
	if open|openLoosely == 0 || t.mask&^p.mask != 0 {
		return
	}
	f := &p.fields
	for _, g := range f.groups {
		if t.mask&^g.mask != 0 {
			continue
		}
		for i := int(g.from); i < int(g.to); i++ {
			if t.mask&^f.masks[i] != 0 {
				continue
			}
			has := f.docs[i]
			if has&(open|openLoosely) == 0 || !scored && has&(open|openLoosely&^loose) == 0 {
				continue
			}
			v, c := f.folded(i)
			if !t.exact && !t.scattered(v, c) {
				continue
			}
			inPart := has&open != 0 && (t.exact || t.within(v, c))
			if inPart {
				part |= has
			} else {
				loose |= has & openLoosely
			}
			t.valueHits = append(t.valueHits, valueHit{i, inPart})
		}
		if !scored && (open|openLoosely&^loose) == 0 {
			break
		}
	}
	part &= docs
	for tier := TierField; tier < tiers; tier++ {
		l[tier] |= part
	}
	l[TierFieldFuzzy] |= loose & docs
}
