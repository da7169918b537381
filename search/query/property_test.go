package query

import (
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

func newRand(t testing.TB) *rand.Rand {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

func randomString(r *rand.Rand, most int) string {
	var b strings.Builder
	for range r.IntN(most + 1) {
		b.WriteRune(pick(r, []rune(`ab:,*"\=!<>- /é`+"\t\u2028")))
	}
	return b.String()
}

// Any query that can be built by hand survives formatting, whatever its strings hold.
func TestFormatRoundTrip(t *testing.T) {
	r := newRand(t)
	patterns := func() (out []Pattern) {
		for range 1 + r.IntN(3) {
			p := Pattern{Parts: []string{randomString(r, 4)}}
			for range r.IntN(3) {
				part := randomString(r, 3)
				if last := len(p.Parts) - 1; p.Parts[last] == "" && last > 0 {
					p.Parts = p.Parts[:last] // "**" is "*"
				}
				p.Parts = append(p.Parts, part)
			}
			out = append(out, p)
		}
		return out
	}
	key := func() []Pattern { return []Pattern{{Parts: []string{"k" + randomString(r, 4)}}} }
	for range 20_000 {
		var q Query
		for range 1 + r.IntN(3) {
			term := Term{Filter: Filter(r.IntN(int(Age) + 1)), Negated: r.IntN(3) == 0} //nolint:gosec // a filter
			switch term.Filter {
			case Text:
				term.Text = "x" + randomString(r, 6)
				if r.IntN(2) == 0 {
					term.Text = randomString(r, 6) + "x"
				}
			case Label, Anno, Field:
				term.Op = pick(r, []Op{Equal, NotEqual, Present, Less, GreaterEqual})
				switch {
				case term.Op.Ordered() && term.Filter == Field:
					term.Keys, term.Number = key(), quantity(pick(r, []string{"1", "-2.5", "3Gi", "1e3", ".5m"}))
				case term.Op == Present || term.Op.Ordered():
					term.Op, term.Keys = Present, append(key(), key()...)
				default:
					term.Keys, term.Values = key(), patterns()
				}
			case Is:
				term.States = []State{Marked, Stale}[:1+r.IntN(2)]
			case Age:
				term.Op, term.Age = pick(r, []Op{Less, LessEqual, Greater, GreaterEqual}), time.Duration(r.Int64N(1e9))*time.Second
			default:
				term.Values = patterns()
			}
			q.Terms = append(q.Terms, term)
		}
		checkRoundTrip(t, q)
	}
}

// exact reads a quantity with math/big, cut to steps of 10⁻⁹.
func exact(s string) *big.Int {
	shift, exp := uint(0), 0
	body := s
	for _, c := range scales {
		if cut, ok := strings.CutSuffix(s, c.suffix); ok {
			body, shift, exp = cut, c.shift, c.exp
			break
		}
	}
	v, ok := new(big.Rat).SetString(body)
	if !ok {
		panic(s)
	}
	v.Mul(v, new(big.Rat).SetInt(new(big.Int).Lsh(big.NewInt(1), shift)))
	ten := new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(exp, -exp))), nil))
	if exp < 0 {
		ten.Inv(ten)
	}
	v.Mul(v, ten).Mul(v, big.NewRat(1e9, 1))
	return new(big.Int).Quo(v.Num(), v.Denom())
}

func TestQuantityComparesExactly(t *testing.T) {
	r := newRand(t)
	random := func() string {
		s := pick(r, []string{"", "-", "+"}) + pick(r, []string{"0", "1", "1024", "1000", "2147483648", "999999999999", "007"})
		if r.IntN(2) == 0 {
			s += pick(r, []string{".5", ".25", ".000000001", ".0000000009", ".1", ".", ".999999999"})
		}
		return s + pick(r, []string{"", "", "m", "k", "Ki", "Mi", "Gi", "G", "M", "n", "u", "e3", "E2", "e-3", "Ti"})
	}
	for range 50_000 {
		a, b := random(), random()
		qa, okA := ParseQuantity(a)
		qb, okB := ParseQuantity(b)
		if !okA || !okB {
			t.Fatalf("ParseQuantity(%s) %v, ParseQuantity(%s) %v", a, okA, b, okB)
		}
		if got, want := qa.Compare(qb), exact(a).Cmp(exact(b)); got != want {
			t.Fatalf("%s compared with %s: %d, want %d", a, b, got, want)
		}
	}
}

func TestQuantity(t *testing.T) {
	for _, s := range []string{"", "-", ".", "abc", "1x", "1 ", "0x10", "1e", "1e+", "1KiB", "--1", "1.2.3", "1,5", "Ki"} {
		if _, ok := ParseQuantity(s); ok {
			t.Errorf("ParseQuantity(%q) is a number", s)
		}
	}
	for _, order := range [][]string{
		{"-1e99", "-2Gi", "-1", "-1m", "0", "1n", "1u", "0.5m", "1m", "500m", "0.501", "1", "1k", "1Ki", "1M", "1Mi", "2G", "2Gi", "1Ei", "1e29", "1e99"},
	} {
		for i := range order {
			for j := range order {
				if got := quantity(order[i]).Compare(quantity(order[j])); (got < 0) != (i < j) || (got == 0) != (i == j) {
					t.Errorf("%s compared with %s: %d", order[i], order[j], got)
				}
			}
		}
	}
	if quantity("1e98").Compare(quantity("1e99")) != 0 {
		t.Error("numbers out of range differ")
	}
	if quantity("-0").Compare(quantity("0")) != 0 {
		t.Error("-0 is not 0")
	}
	if n := testing.AllocsPerRun(100, func() { ParseQuantity("1.5Gi") }); n != 0 {
		t.Errorf("ParseQuantity: %v allocations", n)
	}
}

func TestPattern(t *testing.T) {
	for _, c := range []struct {
		pattern, text string
		want          bool
	}{
		{"web", "web", true}, {"web", "WEB", true}, {"web", "web1", false}, {"web*", "web", true}, {"web*", "Web-1", true}, {"*web", "myweb", true}, {"*web", "webs", false},
		{"a*b*c", "a--b--c", true}, {"a*b*c", "abc", true}, {"a*b*c", "acb", false}, {"a*a", "a", false}, {"*", "", true}, {"*", "x", true}, {"*a*", "bAb", true}, {"*a*", "bbb", false},
		{"a*é", "ax\u00c9", true}, {"*k", "\u212a", true}, {"\u212a*", "k8s", true}, {`"*"`, "*", true}, {`"*"`, "x", false}, {`""`, "", true}, {`""`, "x", false},
	} {
		q, err := Parse("name:" + c.pattern)
		if err != nil {
			t.Fatal(err)
		}
		if got := q.Terms[0].Values[0].Match(c.text); got != c.want {
			t.Errorf("%s matches %q: %v", c.pattern, c.text, got)
		}
	}
}
