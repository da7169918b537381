package search

// Tier says how well a term matches an object, best first.
type Tier = int

// The tiers. The package comment defines them.
const (
	TierName       Tier = iota // the term is the name
	TierNamePrefix             // the name begins with it
	TierNamePart               // the name holds it in one piece
	TierScope                  // it names the kind, or "Kind namespace/name" holds it in one piece
	TierField                  // the status or a projected field holds it in one piece
	TierNameFuzzy              // its characters occur in the name, in their order
	TierScopeFuzzy             // … in "Kind namespace/name"
	TierFieldFuzzy             // … in the status or one projected field
)

// tiers counts them.
const tiers = TierFieldFuzzy + 1

var tierNames = [tiers]string{
	"name", "prefix of name", "part of name", "kind or namespace", "field",
	"fuzzy in name", "fuzzy in kind and namespace", "fuzzy in field",
}

// TierString is what Explain calls a tier.
func TierString(t Tier) string {
	if t < 0 || t >= tiers {
		return ""
	}
	return tierNames[t]
}

// levels are sets of documents of one page: bit i of levels[t] is set when document i matches in tier t or a
// better one. So the levels of several terms combine by AND, and the worst term decides.
type levels [tiers]uint64

// all makes the levels of documents that match in any case.
func all(docs uint64) levels {
	var l levels
	for t := range l {
		l[t] = docs
	}
	return l
}

// at is the tier of document i, which must be in the last level.
func (l *levels) at(i int) Tier {
	for t := range l {
		if l[t]>>i&1 != 0 {
			return t
		}
	}
	return tiers
}
