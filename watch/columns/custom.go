package columns

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"orka/watch"
)

// ProjectJSON makes the projection of an object of a kind without a Go type from its JSON, in one pass over
// it. Cells follow the printer columns (Kind.Columns with a Path). The status is the condition that sums up
// the object ("Ready", "NotReady: reason"), else status.phase or status.state. Fields are the printer columns
// by their paths, status.conditions.<type>, status.phase and status.state. in may be nil.
//
// It fails when raw is not a JSON object.
func ProjectJSON(kind *watch.Kind, raw []byte, in *watch.Interner) (Projection, error) {
	r := rows.Get().(*row)
	defer rows.Put(r)
	r.reset(in)
	p := plans.of(kind)
	spans := make([][]byte, p.spans)
	if err := p.root.read(raw, spans); err != nil {
		return Projection{}, fmt.Errorf("object of kind %s: %w", kind.GVK, err)
	}
	if a, ok := aggregated[kind.GVK]; ok {
		if err := a.project(raw, r); err != nil {
			return Projection{}, fmt.Errorf("object of kind %s: %w", kind.GVK, err)
		}
	} else {
		p.project(spans, r)
	}
	if v := spans[spanDeleted]; v != nil && v[0] == '"' {
		r.terminating()
	}
	return r.projection(), nil
}

// What every custom resource is asked for; the spans of its printer columns come after them.
const (
	spanDeleted = iota
	spanGeneration
	spanObserved
	spanConditions
	spanPhase
	spanState
	fixedSpans
)

var fixedPaths = [fixedSpans][]string{
	spanDeleted:    {"metadata", "deletionTimestamp"},
	spanGeneration: {"metadata", "generation"},
	spanObserved:   {"status", "observedGeneration"},
	spanConditions: {"status", "conditions"},
	spanPhase:      {"status", "phase"},
	spanState:      {"status", "state"},
}

// plan is what to read of the objects of one kind: a trie of the keys that lead to values, and per column
// which value it takes and what steps (filters, indices) are left to find its cell in it.
type plan struct {
	root    trie
	spans   int
	columns []plannedColumn
}

type plannedColumn struct {
	column watch.Column
	span   int // -1: the cell is empty
	rest   path
	field  string // name of the projected field; "" for none
}

// trie holds the keys on the way to values; a node's value is kept as a span of the raw object.
type trie struct {
	key  string
	span int // -1: not asked for
	kids []*trie
}

// planCache keeps the plans of the kinds in use. Kinds are replaced when a CRD changes, so the cache starts
// anew when it is full.
type planCache struct {
	mu    sync.RWMutex
	plans map[*watch.Kind]*plan // guarded by mu
}

const maxPlans = 4096

var plans planCache

func (c *planCache) of(kind *watch.Kind) *plan {
	c.mu.RLock()
	p := c.plans[kind]
	c.mu.RUnlock()
	if p != nil {
		return p
	}
	p = newPlan(kind.Columns)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.plans == nil || len(c.plans) >= maxPlans {
		c.plans = make(map[*watch.Kind]*plan)
	}
	c.plans[kind] = p
	return p
}

func newPlan(columns []watch.Column) *plan {
	p := &plan{root: trie{span: -1}}
	for _, keys := range fixedPaths {
		p.want(keys)
	}
	for _, c := range columns {
		pc := plannedColumn{column: c, span: -1}
		if full, err := parsePath(c.Path); err == nil && len(full) > 0 && c.Type != watch.ColumnName && c.Type != watch.ColumnAge {
			var keys []string
			for len(full) > len(keys) && full[len(keys)].kind == stepKey {
				keys = append(keys, full[len(keys)].key)
			}
			pc.rest = full[len(keys):]
			pc.span = p.want(keys)
			if name := watch.Sanitize(full.String()); !strings.Contains(name, "=") {
				pc.field = name
			}
		}
		p.columns = append(p.columns, pc)
	}
	return p
}

// want is the number of the span of the value at keys.
func (p *plan) want(keys []string) int {
	t := &p.root
	for _, k := range keys {
		i := slices.IndexFunc(t.kids, func(t *trie) bool { return t.key == k })
		if i < 0 {
			i = len(t.kids)
			t.kids = append(t.kids, &trie{key: k, span: -1})
		}
		t = t.kids[i]
	}
	if t.span < 0 {
		t.span = p.spans
		p.spans++
	}
	return t.span
}

// read finds the spans of t in a raw object.
func (t *trie) read(raw []byte, spans [][]byte) error {
	i := skipSpace(raw, 0)
	if i >= len(raw) || raw[i] != '{' {
		return errors.New("not a JSON object")
	}
	end, err := t.object(raw, i, spans)
	if err != nil {
		return fmt.Errorf("%w at byte %d", err, end)
	}
	if t.span >= 0 {
		spans[t.span] = raw[i:end]
	}
	return nil
}

// object reads the object at b[i] and returns the index after it.
func (t *trie) object(b []byte, i int, spans [][]byte) (int, error) {
	i, more := open(b, i, '}')
	if !more {
		if i >= len(b) {
			return i, errJSON
		}
		return i + 1, nil
	}
	for more {
		key, start, err := member(b, i)
		if err != nil {
			return start, err
		}
		kid := t.kid(key)
		end := start
		if kid != nil && len(kid.kids) > 0 && start < len(b) && b[start] == '{' {
			end, err = kid.object(b, start, spans)
		} else {
			end, err = skipValue(b, start)
		}
		if err != nil {
			return end, err
		}
		if kid != nil && kid.span >= 0 {
			spans[kid.span] = b[start:end]
		}
		if i, more, err = next(b, end, '}'); err != nil {
			return i, err
		}
	}
	return i, nil
}

func (t *trie) kid(key []byte) *trie {
	for _, k := range t.kids {
		if is(key, k.key) {
			return k
		}
	}
	return nil
}

// project makes cells, status, health and fields of the spans.
func (p *plan) project(spans [][]byte, r *row) {
	var fields []pair
	for i := range p.columns {
		c := &p.columns[i]
		if c.span < 0 || spans[c.span] == nil {
			r.cell()
			continue
		}
		value := spans[c.span]
		if len(c.rest) > 0 {
			value = c.rest.first(value)
		}
		r.printed(c.column, value)
		if c.field != "" {
			fields = append(fields, pair{c.field, scalar(value)})
		}
	}

	conditions := readConditions(spans[spanConditions])
	outdated := false
	if g, o := spans[spanGeneration], spans[spanObserved]; g != nil && o != nil {
		generation, err1 := strconv.ParseInt(string(g), 10, 64)
		observed, err2 := strconv.ParseInt(string(o), 10, 64)
		outdated = err1 == nil && err2 == nil && observed < generation
	}
	phase, state := unquote(spans[spanPhase]), unquote(spans[spanState])
	if status, health, found := judge(conditions, outdated); found {
		r.setStatus(status)
		r.health = health
	} else if word := firstNonEmpty(phase, state); word != "" {
		r.setStatus(word)
		r.health = phaseHealth(word)
	}

	for _, c := range conditions {
		fields = append(fields, pair{"status.conditions." + watch.Sanitize(c.kind), c.status})
	}
	fields = append(fields, pair{"status.phase", phase}, pair{"status.state", state})
	slices.SortStableFunc(fields, func(a, b pair) int { return strings.Compare(a.key, b.key) })
	last := ""
	for _, f := range fields {
		if f.key != last && !strings.Contains(f.key, "=") {
			r.field(f.key, f.value)
			last = f.key
		}
	}
}

type pair struct{ key, value string }

// maxConditions bounds what is read of status.conditions; kinds have a handful.
const maxConditions = 16

func readConditions(b []byte) []condition {
	var all []condition
	for element := range elements(b) {
		var c condition
		for key, value := range members(element) {
			switch {
			case is(key, "type"):
				c.kind = unquote(value)
			case is(key, "status"):
				c.status = unquote(value)
			case is(key, "reason"):
				c.reason = unquote(value)
			}
		}
		if c.kind != "" {
			all = append(all, c)
		}
		if len(all) == maxConditions {
			break
		}
	}
	return all
}

// printed is the cell of a printer column: what the API server makes of the value (nil: not there), by the
// column's type. A value of another type than the column's is left out, as the server does.
func (r *row) printed(c watch.Column, v []byte) {
	if v == nil {
		r.cell()
		return
	}
	switch c.Type {
	case watch.ColumnNumber:
		r.cell()
		r.cells = append(r.cells, numberText(v)...)
	case watch.ColumnSince:
		if v[0] != '"' {
			r.cell()
			return
		}
		s := unquote(v)
		at, err := time.Parse(time.RFC3339, s)
		switch {
		case s == "" || s == "null":
			r.text(unknown)
		case err != nil:
			r.text("<invalid>")
		default:
			r.since(at, unknown)
		}
	default:
		if bytes.Equal(v, []byte("null")) {
			r.text("<no value>")
			return
		}
		r.text(scalar(v))
	}
}

// scalar is a value as text: strings bare, numbers as Go prints them, objects and arrays as compact JSON.
func scalar(v []byte) string {
	if len(v) == 0 {
		return ""
	}
	switch v[0] {
	case '"':
		return unquote(v)
	case '{', '[':
		var b bytes.Buffer
		if json.Compact(&b, v) != nil {
			return ""
		}
		return b.String()
	case 'n':
		return ""
	case 't', 'f':
		return string(v)
	}
	return numberText(v)
}

// numberText is a JSON number as kubectl shows it, "" for anything else.
func numberText(v []byte) string {
	if _, err := strconv.ParseInt(string(v), 10, 64); err == nil {
		return string(v)
	}
	f, err := strconv.ParseFloat(string(v), 64)
	if err != nil || v[0] != '-' && (v[0] < '0' || v[0] > '9') {
		return ""
	}
	return fmt.Sprint(f)
}
