package columns

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

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
