package columns

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"orka/watch"
)

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
		var end int
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
