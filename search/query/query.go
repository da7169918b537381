// Package query is the language of orka's search box: it parses a line into a [Query], says exactly
// where a malformed one went wrong, and formats a Query back into the line it stands for.
//
// The package knows nothing of objects or indexes; package search evaluates what is parsed here.
// The grammar, as people see it, is docs/query.md:
//
//	query  = { term } ;                              terms are separated by white space, all must match
//	term   = [ "-" | "!" ] ( filter | text ) ;
//	filter = ( "ns" | "k" | "g" | "name" ) ":" patterns
//	       | ( "label" | "anno" ) ":" ( patterns | key ( "=" | "!=" ) patterns )
//	       | "field" ":" ( patterns | path ( "=" | "!=" ) patterns | path ( "<" | "<=" | ">" | ">=" ) quantity )
//	       | "is" ":" state { "," state }
//	       | "age" ":" ( "<" | "<=" | ">" | ">=" ) duration ;
//	patterns = pattern { "," pattern } ;             either of them
//
// A word is a filter when the part before its first colon is made of ASCII letters alone and neither "//"
// nor another colon follows; so "http://x", "10.0.0.1:80" and "::1" are text, "a:b" is an unknown filter
// and thus an error, and "a:b" in quotes is text. Double quotes take the meaning from everything between
// them (spaces, commas, stars, colons, comparisons); inside them \" and \\ stand for " and \.
// Letter case never matters.
//
// Invariants: Parse never panics; for every query q that Parse returns, Parse(q.String()) equals q, unless the
// canonical line (which may need more quotes than the typed one) is longer than MaxLength.
package query

import (
	"slices"
	"time"
)

// Filter says what a term asks about.
type Filter uint8

// The filters. Text is a term without one.
const (
	Text Filter = iota
	Namespace
	Kind
	Group
	Name
	Label
	Anno
	Field
	Is
	Age
)

// String is the canonical name of the filter as it is typed, without the colon; "" for Text.
func (f Filter) String() string {
	return [...]string{"", "ns", "k", "g", "name", "label", "anno", "field", "is", "age"}[f]
}

// Op is how a term compares.
type Op uint8

// The comparisons. Label, Anno and Field use all up to NotEqual; Field also the ordered ones, Age only those.
const (
	Equal        Op = iota // one of Values matches
	Present                // one of Keys is there
	NotEqual               // none of Values matches; also true where the key is missing, as in kubectl's selectors
	Less                   // <
	LessEqual              // <=
	Greater                // >
	GreaterEqual           // >=
)

// String is the operator as it is typed; "" for Present.
func (o Op) String() string {
	return [...]string{"=", "", "!=", "<", "<=", ">", ">="}[o]
}

// Ordered reports whether o compares sizes.
func (o Op) Ordered() bool { return o >= Less }

// Holds reports whether a comparison that came out as c (negative, zero, positive) satisfies o.
func (o Op) Holds(c int) bool {
	switch o {
	case Less:
		return c < 0
	case LessEqual:
		return c <= 0
	case Greater:
		return c > 0
	case GreaterEqual:
		return c >= 0
	case NotEqual:
		return c != 0
	default:
		return c == 0
	}
}

// State is what is: asks for.
type State uint8

// The states.
const (
	Unhealthy State = iota
	Terminating
	Stale
	Marked
)

var stateNames = [...]string{"unhealthy", "terminating", "stale", "marked"}

// String is the state as it is typed.
func (s State) String() string { return stateNames[s] }

// Query is a parsed line. The zero Query has no terms and matches everything.
type Query struct {
	Terms []Term
}

// Term is one condition.
type Term struct {
	Filter  Filter
	Negated bool
	Op      Op

	Text   string        // Text: as typed, never empty
	Keys   []Pattern     // Label, Anno, Field: one, or with Present one or more
	Values []Pattern     // Namespace, Kind, Group, Name; Label, Anno, Field with Equal or NotEqual
	States []State       // Is
	Number Quantity      // Field with an ordered Op
	Age    time.Duration // Age

	// Span is where the term stands in the parsed line; it does not count for equality.
	Span Span
}

// Span is a part of the query line: from Start up to but not including End, in bytes, and the same in runes.
// An empty span is a place where something is missing.
type Span struct {
	Start, End         int
	RuneStart, RuneEnd int
}

// Empty reports whether the query has no terms: it matches everything.
func (q Query) Empty() bool { return len(q.Terms) == 0 }

// Ranked reports whether the query has a positive text term, and so an order of relevance.
func (q Query) Ranked() bool {
	return slices.ContainsFunc(q.Terms, func(t Term) bool { return t.Filter == Text && !t.Negated })
}

// Texts are the positive text terms, in order.
func (q Query) Texts() []string {
	var out []string
	for _, t := range q.Terms {
		if t.Filter == Text && !t.Negated {
			out = append(out, t.Text)
		}
	}
	return out
}

// Equal reports whether two queries have the same terms in the same order; spans don't count.
func (q Query) Equal(r Query) bool { return slices.EqualFunc(q.Terms, r.Terms, Term.Equal) }

// Equal reports whether two terms are the same but for their spans.
func (t Term) Equal(u Term) bool {
	return t.Filter == u.Filter && t.Negated == u.Negated && t.Op == u.Op && t.Text == u.Text &&
		slices.EqualFunc(t.Keys, u.Keys, Pattern.Equal) && slices.EqualFunc(t.Values, u.Values, Pattern.Equal) &&
		slices.Equal(t.States, u.States) && t.Number == u.Number && t.Age == u.Age
}
