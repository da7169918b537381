package query

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func quantity(s string) Quantity {
	q, ok := ParseQuantity(s)
	if !ok {
		panic(s)
	}
	return q
}

func lit(s ...string) (out []Pattern) {
	for _, s := range s {
		out = append(out, Literal(s))
	}
	return out
}

func glob(parts ...string) Pattern { return Pattern{Parts: parts} }

func TestParse(t *testing.T) {
	week := 7 * 24 * time.Hour
	for _, c := range []struct {
		line, canonical string // canonical is "" when the same as line
		want            []Term
	}{
		{line: ""},
		{line: "   ", canonical: ""},
		{line: "nginx", want: []Term{{Text: "nginx"}}},
		{line: " nginx\tprod ", canonical: "nginx prod", want: []Term{{Text: "nginx"}, {Text: "prod"}}},
		{line: "-nginx !prod", canonical: "-nginx -prod", want: []Term{{Text: "nginx", Negated: true}, {Text: "prod", Negated: true}}},
		{line: `"two words"`, want: []Term{{Text: "two words"}}},
		{line: `a" "b`, canonical: `"a b"`, want: []Term{{Text: "a b"}}},
		{line: `"say \"hi\" \\ \n"`, canonical: `"say \"hi\" \\ \\n"`, want: []Term{{Text: `say "hi" \ \n`}}},
		{line: `"-x"`, want: []Term{{Text: "-x"}}},
		{line: `-"-x"`, want: []Term{{Text: "-x", Negated: true}}},
		{line: `--x`, canonical: `-"-x"`, want: []Term{{Text: "-x", Negated: true}}},
		{line: `a,b*`, want: []Term{{Text: "a,b*"}}},
		{line: "http://x", want: []Term{{Text: "http://x"}}},
		{line: "10.0.0.1:8080", want: []Term{{Text: "10.0.0.1:8080"}}},
		{line: "fe::1 ::1 :", want: []Term{{Text: "fe::1"}, {Text: "::1"}, {Text: ":"}}},
		{line: "ingress-nginx:v1", want: []Term{{Text: "ingress-nginx:v1"}}},
		{line: `"ns:prod"`, want: []Term{{Text: "ns:prod"}}},
		{line: `ns":"prod`, canonical: `"ns:prod"`, want: []Term{{Text: "ns:prod"}}},
		{line: "grün", want: []Term{{Text: "grün"}}},

		{line: "ns:prod", want: []Term{{Filter: Namespace, Values: lit("prod")}}},
		{line: "Namespace:prod,team-*", canonical: "ns:prod,team-*", want: []Term{{Filter: Namespace, Values: []Pattern{Literal("prod"), glob("team-", "")}}}},
		{line: `ns:""`, want: []Term{{Filter: Namespace, Values: lit("")}}},
		{line: `-k:po,deploy.apps`, want: []Term{{Filter: Kind, Negated: true, Values: lit("po", "deploy.apps")}}},
		{line: "kind:v1/Pod", canonical: "k:v1/Pod", want: []Term{{Filter: Kind, Values: lit("v1/Pod")}}},
		{line: "g:core,*.io", want: []Term{{Filter: Group, Values: []Pattern{Literal("core"), glob("", ".io")}}}},
		{line: "name:**a**b*", canonical: "name:*a*b*", want: []Term{{Filter: Name, Values: []Pattern{glob("", "a", "b", "")}}}},
		{line: `name:"a,*b"*`, want: []Term{{Filter: Name, Values: []Pattern{glob("a,*b", "")}}}},

		{line: "label:app", want: []Term{{Filter: Label, Op: Present, Keys: lit("app")}}},
		{line: "label:app,tier", want: []Term{{Filter: Label, Op: Present, Keys: lit("app", "tier")}}},
		{line: "label:app=web,api", want: []Term{{Filter: Label, Keys: lit("app"), Values: lit("web", "api")}}},
		{line: "label:app==web", canonical: "label:app=web", want: []Term{{Filter: Label, Keys: lit("app"), Values: lit("web")}}},
		{line: "label:app!=web", want: []Term{{Filter: Label, Op: NotEqual, Keys: lit("app"), Values: lit("web")}}},
		{line: `label:app=""`, want: []Term{{Filter: Label, Keys: lit("app"), Values: lit("")}}},
		{line: "label:app.kubernetes.io/name=x", want: []Term{{Filter: Label, Keys: lit("app.kubernetes.io/name"), Values: lit("x")}}},
		{line: `anno:note="a = b, c"`, want: []Term{{Filter: Anno, Keys: lit("note"), Values: lit("a = b, c")}}},
		{line: "annotation:a/*", canonical: "anno:a/*", want: []Term{{Filter: Anno, Op: Present, Keys: []Pattern{glob("a/", "")}}}},
		{line: "field:spec.nodeName=node-1", want: []Term{{Filter: Field, Keys: lit("spec.nodeName"), Values: lit("node-1")}}},
		{line: "field:x>500m", want: []Term{{Filter: Field, Op: Greater, Keys: lit("x"), Number: quantity("500m")}}},
		{line: "field:x<=2Gi", want: []Term{{Filter: Field, Op: LessEqual, Keys: lit("x"), Number: quantity("2Gi")}}},
		{line: "field:x>=-1 field:x<3", want: []Term{
			{Filter: Field, Op: GreaterEqual, Keys: lit("x"), Number: quantity("-1")}, {Filter: Field, Op: Less, Keys: lit("x"), Number: quantity("3")},
		}},
		{line: "is:Unhealthy,stale", canonical: "is:unhealthy,stale", want: []Term{{Filter: Is, States: []State{Unhealthy, Stale}}}},
		{line: "age:<1h", want: []Term{{Filter: Age, Op: Less, Age: time.Hour}}},
		{line: "age:>7d", canonical: "age:>1w", want: []Term{{Filter: Age, Op: Greater, Age: week}}},
		{line: "age:>=1y2w3d4h5m6s", want: []Term{{Filter: Age, Op: GreaterEqual, Age: 365*24*time.Hour + 2*week + 76*time.Hour + 5*time.Minute + 6*time.Second}}},
		{line: "age:<=0s", want: []Term{{Filter: Age, Op: LessEqual}}},
	} {
		q, err := Parse(c.line)
		if err != nil {
			t.Errorf("Parse(%s): %v", c.line, err)
			continue
		}
		if diff := cmp.Diff(c.want, q.Terms, cmpopts.IgnoreFields(Term{}, "Span"), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("Parse(%s) (-want +got):\n%s", c.line, diff)
		}
		want := c.canonical
		if want == "" && strings.TrimSpace(c.line) != "" {
			want = c.line
		}
		if q.String() != want {
			t.Errorf("Parse(%s).String() = %s, want %s", c.line, q.String(), want)
		}
		checkRoundTrip(t, q)
	}
}

func TestSyntaxErrors(t *testing.T) {
	for _, c := range []struct {
		line       string
		mark       string // carets under the offending runes, or | at the place where something is missing
		problem    string
		suggest    string
		incomplete bool
	}{
		{line: "ns:", mark: "   |", problem: "ns: without a value", incomplete: true},
		{line: "nginx ns:", mark: "         |", problem: "ns: without a value", incomplete: true},
		{line: "grün ns:", mark: "        |", problem: "ns: without a value", incomplete: true},
		{line: "ns: prod", mark: "   |", problem: "ns: without a value"},
		{line: "ns:a,", mark: "     |", problem: "nothing after the comma", incomplete: true},
		{line: "ns:,a", mark: "   |", problem: "nothing before the comma"},
		{line: "ns:a,,b", mark: "     |", problem: "nothing before the comma"},
		{line: "ns:!=prod", mark: "   ^", problem: "ns: takes no !"},
		{line: "-", mark: " |", problem: "nothing to leave out", incomplete: true},
		{line: "x !", mark: "   |", problem: "nothing to leave out", incomplete: true},
		{line: `a "b c`, mark: "  ^^^^", problem: "quote without an end", incomplete: true},
		{line: `""`, mark: "^^", problem: "empty text"},
		{line: "lable:app=web", mark: "^^^^^^", problem: `unknown filter "lable:"`, suggest: "label:"},
		{line: "x namespce:a", mark: "  ^^^^^^^^^", problem: `unknown filter "namespce:"`, suggest: "namespace:"},
		{line: "a:b", mark: "^^", problem: `unknown filter "a:"`},
		{line: "-nginx:1.25", mark: " ^^^^^^", problem: `unknown filter "nginx:"`},
		{line: "label:", mark: "      |", problem: "label: without a value", incomplete: true},
		{line: "label:=web", mark: "      |", problem: "nothing before ="},
		{line: "label:app=", mark: "          |", problem: "nothing after =", incomplete: true},
		{line: "label:app!=", mark: "           |", problem: "nothing after !=", incomplete: true},
		{line: "label:!app", mark: "      ^", problem: "! inside a filter"},
		{line: "label:app=a,tier=b", mark: "                ^", problem: "a second ="},
		{line: "label:a,b=c", mark: "       ^", problem: "several keys with one ="},
		{line: "label:n>5", mark: "       ^", problem: "label: can't compare by size"},
		{line: `label:""`, mark: "      ^^", problem: "empty key"},
		{line: "field:x=>5", mark: "        ^", problem: "> after ="},
		{line: "field:x>", mark: "        |", problem: "nothing after >", incomplete: true},
		{line: "field:x>many", mark: "        ^^^^", problem: `"many" is not a number`},
		{line: "field:x>1,2 y", mark: "        ^^^", problem: `"1,2" is not a number`},
		{line: "is:", mark: "   |", problem: "is: without a value", incomplete: true},
		{line: "is:unhealty", mark: "   ^^^^^^^^", problem: `unknown state "unhealty"`, suggest: "unhealthy"},
		{line: "is:stale,markd", mark: "         ^^^^^", problem: `unknown state "markd"`, suggest: "marked"},
		{line: "is:un", mark: "   ^^", problem: `unknown state "un"`, suggest: "unhealthy"},
		{line: "is:stale,", mark: "         |", problem: "nothing after the comma", incomplete: true},
		{line: "age:1h", mark: "    ^^", problem: "age: without < or >"},
		{line: "age:", mark: "    |", problem: "age: without a value", incomplete: true},
		{line: "age:<", mark: "     |", problem: "nothing after <", incomplete: true},
		{line: "age:>1", mark: "     ^", problem: `"1" is not a duration`},
		{line: "age:>1h1d", mark: "     ^^^^", problem: `"1h1d" is not a duration`},
		{line: "age:>999999999999y", mark: "     ^^^^^^^^^^^^^", problem: `"999999999999y" is not a duration`},
	} {
		_, err := Parse(c.line)
		var e *SyntaxError
		if !errors.As(err, &e) {
			t.Errorf("Parse(%s): %v, want a SyntaxError", c.line, err)
			continue
		}
		mark := strings.Repeat(" ", e.Span.RuneStart) + strings.Repeat("^", e.Span.RuneEnd-e.Span.RuneStart)
		if e.Span.RuneStart == e.Span.RuneEnd {
			mark += "|"
		}
		if mark != c.mark {
			t.Errorf("Parse\n%s\n%s\n%s is the mark wanted", c.line, mark, c.mark)
		}
		if prefix := c.line[:e.Span.Start]; len([]rune(prefix)) != e.Span.RuneStart || len([]rune(c.line[:e.Span.End])) != e.Span.RuneEnd {
			t.Errorf("Parse(%s): bytes and runes of %+v disagree", c.line, e.Span)
		}
		if e.Problem != c.problem || strings.Join(e.Suggestions, " ") != c.suggest || e.Incomplete != c.incomplete || e.Want == "" {
			t.Errorf("Parse(%s): %+v, want %+v", c.line, e, c)
		}
	}
}

func TestErrorText(t *testing.T) {
	_, err := Parse("nginx lable:app")
	want := `unknown filter "lable:" at 7: want ns: k: g: name: label: anno: field: is: age: or, to look for it as text, "lable:app" (did you mean label:?)`
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	if _, err := Parse(strings.Repeat("x", MaxLength+1)); err == nil || !strings.Contains(err.Error(), "at most 4096") {
		t.Errorf("a line that is too long: %v", err)
	}
}

func TestSpans(t *testing.T) {
	line := `grün -ns:a "x y" `
	q, err := Parse(line)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, term := range q.Terms {
		got = append(got, line[term.Span.Start:term.Span.End], string([]rune(line)[term.Span.RuneStart:term.Span.RuneEnd]))
	}
	if diff := cmp.Diff([]string{"grün", "grün", "-ns:a", "-ns:a", `"x y"`, `"x y"`}, got); diff != "" {
		t.Error(diff)
	}
}

// checkRoundTrip holds the package's invariant.
func checkRoundTrip(t *testing.T, q Query) {
	t.Helper()
	line := q.String()
	again, err := Parse(line)
	if err != nil {
		t.Fatalf("Parse of the canonical %s: %v", line, err)
	}
	if !again.Equal(q) {
		t.Fatalf("Parse of the canonical %s differs:\n%s", line, cmp.Diff(q.Terms, again.Terms, cmpopts.IgnoreFields(Term{}, "Span"), cmp.AllowUnexported(Quantity{})))
	}
	if again.String() != line {
		t.Fatalf("canonical %s becomes %s", line, again.String())
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		`nginx -"a b" ns:a,b* label:app!=x field:a>=2Gi is:stale age:<1y2w`, `anno:"x=y"="", k:`, `"\"`, "a:b", "label:a==b", "field:*=\"*\"", "\xff\"\xfe", "name:\"\"*", "-!-x",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		q, err := Parse(line)
		if err == nil {
			if len(q.String()) <= MaxLength {
				checkRoundTrip(t, q)
			}
			return
		}
		var e *SyntaxError
		if !errors.As(err, &e) {
			t.Fatalf("Parse(%q): %T", line, err)
		}
		if s := e.Span; s.Start < 0 || s.Start > s.End || s.End > len(line) || s.RuneStart > s.RuneEnd || s.RuneEnd > len([]rune(line)) {
			t.Fatalf("Parse(%q): span %+v", line, s)
		}
	})
}
