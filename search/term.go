package search

import (
	"strings"

	"orka/search/query"
	"orka/shard"
	"orka/watch"
)

// term is one free-text term, prepared for scanning.
type term struct {
	text   string
	folded string // in lower case, when ASCII
	runes  []rune
	ascii  bool
	mask   uint64
	exact  bool // a text that has the mask holds the term: one character that has a bit to itself
	// mostScore bounds scores on lower-case texts.
	mostScore int
	rest      []uint64 // masks of folded[k:], when the fast path is open to the term
}

// maxFast bounds the terms and names of the fast path: places in a term are kept in bytes.
const maxFast = 250

func newTerm(text string) *term {
	t := &term{text: text, runes: []rune(text), ascii: isASCII(text), mask: shard.MaskText(text)}
	if !t.ascii {
		return t
	}
	t.folded = lowerASCII(text)
	t.mostScore = mostScore(t.folded)
	t.exact = len(text) == 1 && hasOwnBit(text[0])
	if len(text) <= maxFast {
		t.rest = make([]uint64, len(text)+1)
		for k := len(text) - 1; k >= 0; k-- {
			t.rest[k] = t.rest[k+1] | shard.MaskText(t.folded[k:k+1])
		}
	}
	return t
}

// hasOwnBit reports whether no other character of ASCII has the mask of c; classes share bits.
func hasOwnBit(c byte) bool {
	mask := shard.MaskText(string(rune(c)))
	if mask == 0 {
		return false
	}
	for d := range byte(128) {
		if foldByte[d] != foldByte[c] && shard.MaskText(string(rune(d))) == mask {
			return false
		}
	}
	return true
}

// fast reports whether the term is plain enough for the fast path.
func (t *term) fast() bool { return t.rest != nil }

// namesKind returns the name of the kind that the term is, if any: kind, plural, singular or short name.
func (t *term) namesKind(k *watch.Kind) (string, bool) {
	for _, name := range [...]string{k.Kind, k.Singular, k.Resource} {
		if name != "" && strings.EqualFold(name, t.text) {
			return name, true
		}
	}
	for _, name := range k.ShortNames {
		if strings.EqualFold(name, t.text) {
			return name, true
		}
	}
	return "", false
}

// within reports whether a text holds the term in one piece.
func (t *term) within(s string, c class) bool {
	switch {
	case len(t.runes) == 0:
		return false
	case t.ascii && c == 0:
		return strings.Contains(s, t.folded)
	case t.ascii && c == hasUpper:
		return containsASCII(s, t.folded)
	default:
		return query.ContainsFold(s, t.text)
	}
}

// scattered reports whether the term's characters occur in a text, in their order.
func (t *term) scattered(s string, c class) bool {
	switch {
	case t.ascii && c == 0:
		for i := range len(t.folded) {
			at := strings.IndexByte(s, t.folded[i])
			if at < 0 {
				return false
			}
			s = s[at+1:]
		}
		return true
	case t.ascii && c == hasUpper:
		return consume(t.folded, 0, s) == len(t.folded)
	}
	k := 0
	for _, r := range s {
		if equalFold(r, t.runes[k]) {
			if k++; k == len(t.runes) {
				return true
			}
		}
	}
	return false
}

// score is the library's score of the term on a text, and whether it matches.
func (t *term) score(s string, c class) (int, bool) {
	if t.ascii && c&hasUnicode == 0 {
		return scoreASCII(t.folded, s)
	}
	return scoreText(t.runes, s)
}

// consume walks an ASCII text and returns how far it gets in a lower-case pattern, starting at place k.
func consume[T string | []byte](pattern string, k int, text T) int {
	if k == len(pattern) {
		return k
	}
	want := pattern[k]
	for i := range len(text) {
		if foldByte[text[i]] == want {
			if k++; k == len(pattern) {
				return k
			}
			want = pattern[k]
		}
	}
	return k
}

// containsASCII reports whether an ASCII text of any case holds a lower-case part.
func containsASCII[T string | []byte](s T, part string) bool {
	first := part[0]
	for i := 0; i+len(part) <= len(s); i++ {
		if foldByte[s[i]] == first && hasPrefixASCII(s[i:], part) {
			return true
		}
	}
	return false
}

// hasPrefixASCII reports whether an ASCII text of any case begins with a lower-case part.
func hasPrefixASCII[T string | []byte](s T, part string) bool {
	if len(s) < len(part) {
		return false
	}
	for i := range len(part) {
		if foldByte[s[i]] != part[i] {
			return false
		}
	}
	return true
}

// placement says where a term matches an object best. It is the plain definition of tiers and scores, one object at a
// time; the scan finds the same by pages. Explain and Highlight use it, for the hits alone.
type placement struct {
	tier  Tier
	score int
	text  string // what was matched
	path  string // of the field, in the field tiers; "status" for the Status word
}

// placeByName finds the tier of the term by kind, namespace and name, and whether there is one; fields may
// still be better than a fuzzy match.
func (t *term) placeByName(o *watch.Object) (Tier, bool) {
	name := classOf(o.Name)
	switch {
	case strings.EqualFold(o.Name, t.text):
		return TierName, true
	case query.PrefixFold(o.Name, t.text):
		return TierNamePrefix, true
	case t.within(o.Name, name):
		return TierNamePart, true
	}
	if _, ok := t.namesKind(o.Kind); ok {
		return TierScope, true
	}
	scope := string(appendScopePrefix(nil, o.Kind.Kind, o.Namespace)) + o.Name
	class := classOf(scope)
	switch {
	case t.within(scope, class):
		return TierScope, true
	case t.scattered(o.Name, name):
		return TierNameFuzzy, true
	case t.scattered(scope, class):
		return TierScopeFuzzy, true
	}
	return 0, false
}

// place finds the best placement of the term, and whether there is one.
func (t *term) place(o *watch.Object) (placement, bool) {
	tier, found := t.placeByName(o)
	if !found || tier > TierField {
		if p, ok := t.placeField(o, TierField, t.within); ok {
			return p, true
		}
	}
	if !found {
		return t.placeField(o, TierFieldFuzzy, t.scattered)
	}
	text := o.Name
	switch tier {
	case TierScope:
		kind, ok := t.namesKind(o.Kind)
		if ok {
			text = kind
			break
		}
		fallthrough
	case TierScopeFuzzy:
		text = string(appendScopePrefix(nil, o.Kind.Kind, o.Namespace)) + o.Name
	}
	score, _ := t.score(text, classOf(text))
	return placement{tier: tier, score: score, text: text}, true
}

// placeField finds the best scoring of the status and the fields that the term is found in.
func (t *term) placeField(o *watch.Object, tier Tier, found func(string, class) bool) (placement, bool) {
	best, any := placement{}, false
	try := func(path, v string) {
		c := classOf(v)
		if v == "" || !found(v, c) {
			return
		}
		if score, ok := t.score(v, c); ok && (!any || score > best.score) {
			best, any = placement{tier: tier, score: score, text: v, path: path}, true
		}
	}
	try("status", o.Status)
	for path, v := range o.Fields.All() {
		try(path, v)
	}
	return best, any
}
