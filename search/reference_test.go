package search

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"orka/search/query"
	"orka/shard"
	"orka/watch"
)

// The reference is the package comment put into code as plainly as possible: every object on its own, scores by
// the library, matching by standard-library folding, no masks, no pages.

type refHit struct {
	UID         string
	Tier, Score int
}

func reference(objects []*watch.Object, q query.Query, opts Options) (hits []refHit, total int) {
	type found struct {
		o           *watch.Object
		tier, score int
	}
	var all []found
	for _, o := range objects {
		if len(opts.Namespaces) > 0 && !slices.Contains(opts.Namespaces, o.Namespace) {
			continue
		}
		f := found{o: o}
		pass := true
		worst, worstOfAll, allWhole := 0, 0, true
		for _, t := range q.Terms {
			switch {
			case t.Filter == query.Text && !t.Negated:
				tier, score, ok := refPlace(t.Text, o)
				pass = pass && ok
				f.score += score
				worstOfAll = max(worstOfAll, tier)
				if !refWhole(t.Text, o) {
					worst, allWhole = max(worst, tier), false
				}
			case t.Filter == query.Text:
				tier, _, ok := refPlace(t.Text, o)
				pass = pass && !(ok && tier <= TierField)
			default:
				pass = pass && refFilter(t, o, opts) != t.Negated
			}
		}
		f.tier = worst
		if allWhole {
			f.tier = worstOfAll
		}
		if pass && (!q.Ranked() || opts.MinScore == 0 || f.score >= opts.MinScore) {
			all = append(all, f)
		}
	}
	slices.SortFunc(all, func(a, b found) int {
		return cmp.Or(cmp.Compare(a.tier, b.tier), cmp.Compare(b.score, a.score), a.o.CompareName(b.o),
			a.o.Kind.Compare(b.o.Kind.GVK), cmp.Compare(a.o.UID, b.o.UID))
	})
	total = len(all)
	if opts.Limit > 0 {
		all = all[:min(len(all), opts.Limit)]
	}
	for _, f := range all {
		hits = append(hits, refHit{f.o.UID, f.tier, f.score})
	}
	return hits, total
}

// fold maps all runes that are equal under simple folding to one, so that strings functions ignore case.
func fold(s string) string {
	return strings.Map(func(r rune) rune {
		least := r
		for f := r; ; {
			if f = nextFold(f); f == r {
				return least
			}
			least = min(least, f)
		}
	}, s)
}

// refWhole reports whether the text is the object's kind or namespace.
func refWhole(text string, o *watch.Object) bool {
	for _, n := range append([]string{o.Kind.Kind, o.Kind.Singular, o.Kind.Resource, o.Namespace}, o.Kind.ShortNames...) {
		if fold(n) == fold(text) {
			return true
		}
	}
	return false
}

func refPlace(text string, o *watch.Object) (tier, score int, ok bool) {
	scope := o.Kind.Kind + " " + o.NamespacedName()
	kindName := ""
	for _, n := range append([]string{o.Kind.Kind, o.Kind.Singular, o.Kind.Resource}, o.Kind.ShortNames...) {
		if fold(n) == fold(text) && kindName == "" {
			kindName = n
		}
	}
	values := []string{o.Status}
	for _, v := range o.Fields.All() {
		values = append(values, v)
	}
	at := func(tier int, s string) (int, int, bool) {
		n, ok := libraryScore(text, s)
		return tier, n, ok
	}
	best := func(tier int, match func(string) bool) (int, int, bool) {
		most, any := math.MinInt, false
		for _, v := range values {
			if n, ok := libraryScore(text, v); ok && match(v) {
				most, any = max(most, n), true
			}
		}
		return tier, most, any
	}
	switch name, t := fold(o.Name), fold(text); {
	case name == t:
		return at(TierName, o.Name)
	case strings.HasPrefix(name, t):
		return at(TierNamePrefix, o.Name)
	case strings.Contains(name, t):
		return at(TierNamePart, o.Name)
	case kindName != "":
		return at(TierScope, kindName)
	case strings.Contains(fold(scope), t):
		return at(TierScope, scope)
	}
	if tier, n, ok := best(TierField, func(v string) bool { return strings.Contains(fold(v), fold(text)) }); ok {
		return tier, n, ok
	}
	if tier, n, ok := at(TierNameFuzzy, o.Name); ok {
		return tier, n, ok
	}
	if tier, n, ok := at(TierScopeFuzzy, scope); ok {
		return tier, n, ok
	}
	return best(TierFieldFuzzy, func(string) bool { return true })
}

func refFilter(t query.Term, o *watch.Object, opts Options) bool {
	any := func(s string) bool {
		return slices.ContainsFunc(t.Values, func(p query.Pattern) bool { return refGlob(p.Parts, fold(s)) })
	}
	pairs := func(p watch.Pairs) bool {
		found := false
		for k, v := range p.All() {
			if !slices.ContainsFunc(t.Keys, func(p query.Pattern) bool { return refGlob(p.Parts, fold(k)) }) {
				continue
			}
			switch {
			case t.Op == query.Present:
				found = true
			case t.Op.Ordered():
				n, ok := query.ParseQuantity(v)
				found = found || ok && t.Op.Holds(n.Compare(t.Number))
			default:
				found = found || any(v)
			}
		}
		return found != (t.Op == query.NotEqual)
	}
	switch t.Filter {
	case query.Namespace:
		return any(o.Namespace)
	case query.Name:
		return any(o.Name)
	case query.Kind:
		return slices.ContainsFunc(t.Values, func(p query.Pattern) bool {
			if s, ok := p.Literal(); ok {
				return o.Kind.Answers(s)
			}
			names := append([]string{o.Kind.Kind, o.Kind.Resource, o.Kind.Singular, o.Kind.GVK.String(), o.Kind.ResourceName()}, o.Kind.ShortNames...)
			return slices.ContainsFunc(names, func(n string) bool { return refGlob(p.Parts, fold(n)) })
		})
	case query.Group:
		return any(o.Kind.Group) || o.Kind.Group == "" && any("core")
	case query.Label:
		return pairs(o.Labels)
	case query.Anno:
		return pairs(o.Annos)
	case query.Field:
		return pairs(o.Fields)
	case query.Age:
		return o.Created != 0 && t.Op.Holds(cmp.Compare(max(0, opts.Now.Unix()-o.Created), int64(t.Age.Seconds())))
	case query.Is:
		return slices.ContainsFunc(t.States, func(s query.State) bool {
			switch s {
			case query.Unhealthy:
				return o.Health == watch.HealthBad
			case query.Terminating:
				return o.Deleted != 0
			case query.Stale:
				return opts.Stale != nil && opts.Stale(o)
			default:
				return opts.Marked != nil && opts.Marked(o.UID)
			}
		})
	}
	return false
}

// refGlob matches folded s against parts with stars between, by trying everything.
func refGlob(parts []string, s string) bool {
	if len(parts) == 1 {
		return s == fold(parts[0])
	}
	rest, ok := strings.CutPrefix(s, fold(parts[0]))
	if !ok {
		return false
	}
	for i := range len(rest) + 1 {
		if refGlob(parts[1:], rest[i:]) {
			return true
		}
	}
	return false
}

func hitsOf(res *Result) (out []refHit) {
	for _, h := range res.Hits {
		out = append(out, refHit{h.Object.UID, h.Tier, h.Score})
	}
	return out
}

func randomOptions(r interface{ IntN(int) int }) Options {
	opts := Options{Now: now, Limit: []int{0, 1, 5, 50}[r.IntN(4)]}
	if r.IntN(4) == 0 {
		opts.MinScore = []int{-20, 1, 30}[r.IntN(3)]
	}
	if r.IntN(5) == 0 {
		opts.Namespaces = [][]string{{"prod"}, {"", "team-a"}}[r.IntN(2)]
	}
	if r.IntN(2) == 0 {
		opts.Stale = func(o *watch.Object) bool { return o.Kind == pods }
		opts.Marked = func(uid string) bool { return strings.HasSuffix(uid, "7") }
	}
	return opts
}

func TestSearchEqualsReference(t *testing.T) {
	rnd := newRand(t)
	for range 6 {
		objects := randomObjects(rnd, 1+rnd.IntN(1200))
		indexes := map[string]*Index{}
		for name, p := range planners {
			indexes[name] = Build(shard.BuildWorld(p, objects...))
		}
		for range 50 {
			line := randomQuery(rnd, objects)
			q, err := query.Parse(line)
			if err != nil {
				t.Fatalf("Parse(%s): %v", line, err)
			}
			opts := randomOptions(rnd)
			want, total := reference(objects, q, opts)
			for name, ix := range indexes {
				res, err := ix.Search(context.Background(), q, opts)
				if err != nil {
					t.Fatal(err)
				}
				if diff := gocmp.Diff(want, hitsOf(res)); diff != "" || total != res.Total {
					t.Fatalf("%s, query %s, limit %d, min %d, of %d: total %d, want %d (-want +got):\n%s",
						name, line, opts.Limit, opts.MinScore, len(objects), res.Total, total, diff)
				}
				if res.Candidates < res.Total {
					t.Fatalf("query %s: %d candidates for %d hits", line, res.Candidates, res.Total)
				}
			}
		}
	}
}
