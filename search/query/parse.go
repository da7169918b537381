package query

import (
	"slices"
	"strconv"
	"strings"
)

// MaxLength is the longest line Parse takes, in bytes: more than a person types, little enough that no
// query costs noticeable time.
const MaxLength = 4096

// filterName is one way to write a filter.
type filterName struct {
	name   string
	filter Filter
}

// filterNames maps what may be typed before the colon to the filter. The first of each is canonical.
var filterNames = []filterName{
	{"ns", Namespace}, {"namespace", Namespace},
	{"k", Kind}, {"kind", Kind},
	{"g", Group}, {"group", Group},
	{"name", Name},
	{"label", Label}, {"labels", Label},
	{"anno", Anno}, {"annotation", Anno}, {"annotations", Anno},
	{"field", Field}, {"fields", Field},
	{"is", Is},
	{"age", Age},
}

// wants says what is expected after the colon of a filter.
var wants = map[Filter]string{
	Namespace: "a namespace, such as ns:team-a or ns:team-*",
	Kind:      "a kind, such as k:pod or k:deploy,sts",
	Group:     "an API group, such as g:apps or g:core",
	Name:      "a name, such as name:web-*",
	Label:     "a label key, such as label:app or label:app=web",
	Anno:      "an annotation key, such as anno:owner or anno:owner=me",
	Field:     "a field path, such as field:spec.nodeName=node-1",
	Is:        "unhealthy, terminating, stale or marked",
	Age:       "a comparison, such as age:<1h or age:>7d",
}

const (
	wantEitherValue = "another value after the comma"
	wantAge         = "a duration such as 90s, 15m, 1h, 7d, 2w or 1y"
	wantNumber      = "a number or quantity such as 3, 0.5, 500m or 2Gi"
)

// Parse reads a line. The error, if any, is a *SyntaxError. An empty line is the empty query.
func Parse(line string) (Query, error) {
	if len(line) > MaxLength {
		return Query{}, &SyntaxError{
			Span:    spanOf(line, MaxLength, len(line)),
			Problem: "query of " + strconv.Itoa(len(line)) + " bytes",
			Want:    "at most " + strconv.Itoa(MaxLength),
		}
	}
	words, err := split(line)
	if err != nil {
		return Query{}, err
	}
	var q Query
	for _, w := range words {
		t, err := parseTerm(w)
		if err != nil {
			return Query{}, err
		}
		q.Terms = append(q.Terms, t)
	}
	return q, nil
}

// spanOf makes the span of line[start:end].
func spanOf(line string, start, end int) Span {
	from := len([]rune(line[:start]))
	return Span{Start: start, End: end, RuneStart: from, RuneEnd: from + len([]rune(line[start:end]))}
}

// cursor is the part of a word that is still to be read.
type cursor struct {
	word
	term *Term
}

func parseTerm(w word) (Term, error) {
	var t Term
	c := cursor{word: w, term: &t}
	if len(c.chars) > 0 && (c.chars[0].is('-') || c.chars[0].is('!')) {
		t.Negated = true
		c.chars = c.chars[1:]
		if len(c.chars) == 0 {
			return t, c.missing("nothing to leave out", "a term after the "+string(w.start.r))
		}
	}
	var err error
	if name, n, ok := filterPrefix(c.chars); ok {
		err = c.filter(name, n)
	} else {
		t.Filter = Text
		if t.Text = text(c.chars); t.Text == "" {
			err = c.fail(c.chars, "empty text", "something to look for between the quotes", nil)
		}
	}
	t.Span = Span{Start: w.start.pos, End: w.end.pos, RuneStart: w.start.runes, RuneEnd: w.end.runes}
	return t, err
}

// filter reads what follows a filter's name, which takes n characters with its colon.
func (c *cursor) filter(name string, n int) error {
	i := slices.IndexFunc(filterNames, func(f filterName) bool { return f.name == name })
	if i < 0 {
		return c.unknownFilter(name, n)
	}
	t := c.term
	t.Filter = filterNames[i].filter
	c.chars = c.chars[n:]
	if len(c.chars) == 0 {
		return c.missing(t.Filter.String()+": without a value", wants[t.Filter])
	}
	var err error
	switch t.Filter {
	case Label, Anno, Field:
		err = c.keyed()
	case Is:
		err = c.states()
	case Age:
		err = c.age()
	default:
		if strings.ContainsRune("=!<>", c.chars[0].r) && !c.chars[0].quoted {
			return c.fail(c.chars[:1], t.Filter.String()+": takes no "+string(c.chars[0].r), wants[t.Filter], nil)
		}
		t.Values, err = c.patterns(c.chars, wants[t.Filter])
	}
	return err
}

func (c *cursor) unknownFilter(name string, n int) error {
	var known []string
	for _, f := range filterNames {
		known = append(known, f.name)
	}
	var suggestions []string
	for _, n := range Nearest(name, known) {
		// Of two ways to write one filter the nearer will do.
		if len(suggestions) == 0 || !strings.HasPrefix(n, strings.TrimSuffix(suggestions[0], ":")) {
			suggestions = append(suggestions, n+":")
		}
	}
	quoted := quote(text(c.chars))
	return c.fail(c.chars[:n], "unknown filter "+strconv.Quote(name+":"),
		"ns: k: g: name: label: anno: field: is: age: or, to look for it as text, "+quoted, suggestions)
}

// patterns reads alternatives parted by commas.
func (c *cursor) patterns(chars []char, want string) ([]Pattern, error) {
	var out []Pattern
	for {
		i := index(chars, ',')
		part := chars
		if i >= 0 {
			part = chars[:i]
		}
		if len(part) == 0 {
			if len(out) > 0 {
				want = wantEitherValue
			}
			if i >= 0 {
				return nil, c.fail(chars[:0:0], "nothing before the comma", want, nil).at(chars[0])
			}
			return nil, c.missing("nothing after the comma", want)
		}
		out = append(out, newPattern(part))
		if i < 0 {
			return out, nil
		}
		chars = chars[i+1:]
	}
}

// keyed reads label:, anno: and field:.
func (c *cursor) keyed() error {
	t := c.term
	at, length := -1, 0
	for i := range c.chars {
		if t.Op, length = operator(c.chars[i:]); length > 0 {
			at = i
			break
		}
	}
	var err error
	if at < 0 {
		t.Op = Present
		t.Keys, err = c.patterns(c.chars, wants[t.Filter])
		if err == nil {
			err = c.checkKeys(c.chars)
		}
		return err
	}
	key, op, value := c.chars[:at], c.chars[at:at+length], c.chars[at+length:]
	if text(key) == "" && index(key, '*') < 0 {
		return c.fail(nil, "nothing before "+text(op), wants[t.Filter], nil).at(c.chars[0])
	}
	if i := index(key, ','); i >= 0 {
		return c.fail(key[i:i+1], "several keys with one "+text(op), "one key; values may be several, as in "+t.Filter.String()+":key=a,b", nil)
	}
	t.Keys = []Pattern{newPattern(key)}
	if t.Op.Ordered() {
		return c.ordered(op, value)
	}
	if len(value) == 0 {
		return c.missing("nothing after "+text(op), `a value, or "" for an empty one`)
	}
	if i := index(value, '='); i >= 0 {
		return c.fail(value[i:i+1], "a second =", `one key and its values, as in `+t.Filter.String()+`:key=a,b; a value that holds = goes in quotes`, nil)
	}
	if value[0].is('<') || value[0].is('>') {
		return c.fail(value[:1], text(value[:1])+" after "+text(op), "one comparison: = != < <= > >=", nil)
	}
	t.Values, err = c.patterns(value, `a value, or "" for an empty one`)
	return err
}

// checkKeys refuses an empty key among those of a presence test, and kubectl's !key.
func (c *cursor) checkKeys(chars []char) error {
	if i := index(chars, '!'); i >= 0 {
		return c.fail(chars[i:i+1], "! inside a filter", "it before the filter, as in -"+c.term.Filter.String()+":key, or != and a value", nil)
	}
	for _, k := range c.term.Keys {
		if s, ok := k.Literal(); ok && s == "" {
			return c.fail(chars, "empty key", wants[c.term.Filter], nil)
		}
	}
	return nil
}

// operator reads a comparison at the start of chars; length 0 means there is none.
func operator(chars []char) (op Op, length int) {
	two := len(chars) > 1 && chars[1].is('=')
	switch {
	case chars[0].is('=') && two, chars[0].is('!') && two:
		length = 2
	case chars[0].is('='), chars[0].is('<'), chars[0].is('>'):
		length = 1
		if two {
			length = 2
		}
	default:
		return Equal, 0
	}
	switch s := text(chars[:length]); s {
	case "!=":
		op = NotEqual
	case "<":
		op = Less
	case "<=":
		op = LessEqual
	case ">":
		op = Greater
	case ">=":
		op = GreaterEqual
	default: // "=", and "==" as kubectl takes it
		op = Equal
	}
	return op, length
}

// ordered reads the number of field:path>number.
func (c *cursor) ordered(op, value []char) error {
	t := c.term
	if t.Filter != Field {
		return c.fail(op, t.Filter.String()+": can't compare by size", "= or != (only field: compares numbers)", nil)
	}
	if len(value) == 0 {
		return c.missing("nothing after "+text(op), wantNumber)
	}
	n, ok := ParseQuantity(text(value))
	if !ok {
		want := wantNumber
		if index(value, ',') >= 0 {
			want = "one number; write two filters for a range"
		}
		return c.fail(value, strconv.Quote(text(value))+" is not a number", want, nil)
	}
	t.Number = n
	return nil
}

func (c *cursor) states() error {
	chars := c.chars
	for {
		i := index(chars, ',')
		part := chars
		if i >= 0 {
			part = chars[:i]
		}
		name := strings.ToLower(text(part))
		if name == "" {
			if i >= 0 {
				return c.fail(nil, "nothing before the comma", wants[Is], nil).at(chars[0])
			}
			return c.missing("is: without a state", wants[Is])
		}
		s := slices.Index(stateNames[:], name)
		if s < 0 {
			return c.fail(part, "unknown state "+strconv.Quote(text(part)), wants[Is], Nearest(name, stateNames[:]))
		}
		c.term.States = append(c.term.States, State(s)) //nolint:gosec // an index of stateNames
		if i < 0 {
			return nil
		}
		if chars = chars[i+1:]; len(chars) == 0 {
			return c.missing("nothing after the comma", wants[Is])
		}
	}
}

func (c *cursor) age() error {
	op, n := operator(c.chars)
	if n == 0 || !op.Ordered() {
		return c.fail(c.chars, "age: without < or >", wants[Age], nil)
	}
	value := c.chars[n:]
	if len(value) == 0 {
		return c.missing("nothing after "+text(c.chars[:n]), wantAge)
	}
	d, ok := parseAge(text(value))
	if !ok {
		want := wantAge
		if index(value, ',') >= 0 {
			want = "one duration; write two filters for a range"
		}
		return c.fail(value, strconv.Quote(text(value))+" is not a duration", want, nil)
	}
	c.term.Op, c.term.Age = op, d
	return nil
}

// missing is an error at the end of the word.
func (c *cursor) missing(problem, want string) error {
	e := c.fail(nil, problem, want, nil)
	e.Incomplete = c.last
	return e
}

// fail is an error that spans the given characters; without any it stands at the end of the word.
func (c *cursor) fail(chars []char, problem, want string, suggestions []string) *SyntaxError {
	e := &SyntaxError{Problem: problem, Want: want, Suggestions: suggestions}
	if len(chars) == 0 {
		return e.at(c.end)
	}
	first, after := chars[0], c.after(chars[len(chars)-1])
	e.Span = Span{Start: first.pos, End: after.pos, RuneStart: first.runes, RuneEnd: after.runes}
	return e
}

// after is the place after ch, a character of the word.
func (c *cursor) after(ch char) char {
	for _, d := range c.word.chars {
		if d.pos > ch.pos {
			return d
		}
	}
	return c.end
}

// at makes the error's span the empty place before ch.
func (e *SyntaxError) at(ch char) *SyntaxError {
	e.Span = Span{Start: ch.pos, End: ch.pos, RuneStart: ch.runes, RuneEnd: ch.runes}
	return e
}
