package apply_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"orka/apply"
	"orka/apply/history"
)

var (
	cases = flag.Int("apply.cases", 300, "how many random cases TestPropertyApply makes")
	seed  = flag.Uint64("apply.seed", 0, "the one case TestPropertyApply runs again; 0 is new ones")
)

// failedOnce are seeds of cases that failed once, most of them because the model did not know what had been in between.
var failedOnce = []uint64{
	7316463388638239579, 7316463388638239606, 7316463388638239912, 8729754804449518517,
	5244383854647570002, 5244383854647570728, 5244383854647571827, 5244383854647571936, 5244383854647572276,
	1098386871227898456, 1884671202158635080,
	1098386871227902618, 1884671202158638611, // a removal whose answer was lost, and that somebody else made meanwhile, was called applied
}

// TestPropertyApply makes random objects, edits them at random while others write to them at random moments, and holds
// that the server ends with base + edit + theirs, or that nothing of the edit was written; that the history says which;
// and that nobody lost a field without consent.
//
// It runs in virtual time, because finding out what became of a lost write takes seconds.
func TestPropertyApply(t *testing.T) {
	first := rand.Uint64() >> 1
	start := time.Now()
	synctest.Test(t, func(t *testing.T) {
		p := newProperty(t)
		if *seed != 0 {
			p.run(t, *seed)
			return
		}
		for _, s := range failedOnce {
			p.run(t, s)
		}
		for i := range uint64(*cases) {
			p.run(t, first+i)
			if p.failures == maxFailures {
				break
			}
		}
		t.Logf("%d cases from seed %d: %s", *cases, first, p.summary())
	})
	t.Logf("in %s", time.Since(start).Round(time.Millisecond))
}

// ledger is a journal in memory: the disk is history's to test.
type ledger struct {
	mu      sync.Mutex
	entries []history.Entry
}

func (l *ledger) Begin(_ context.Context, i history.Intent) (history.ID, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries = append(l.entries, history.Entry{ID: history.ID(len(l.entries) + 1), Intent: i, Outcome: history.Outcome{State: history.Unknown}})
	return l.entries[len(l.entries)-1].ID, nil
}

func (l *ledger) Finish(_ context.Context, id history.ID, o history.Outcome) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries[id-1].Outcome, l.entries[id-1].Done = o, true
	return nil
}

// property is what the cases share; each has a namespace's name of its own.
type property struct {
	world  *world
	orka   *apply.Applier
	ledger *ledger
	kinds  []propertyKind
	ends   map[string]int // how edits ended

	failures int // cases
}

// maxFailures is after how many failing cases the test gives up: enough to see whether they are of one sort.
const maxFailures = 5

func newProperty(t *testing.T) *property {
	t.Helper()
	p := &property{world: newCorner(t, openSim(t)), ledger: &ledger{}, ends: map[string]int{}}
	p.kinds = propertyKinds(p.world.custom())
	cfg := p.world.cluster.config()
	cfg.UserAgent = userAgent
	orka, err := apply.New(apply.Config{REST: cfg, HTTP: &http.Client{Transport: p.world.tap}, Journal: p.ledger, Look: live})
	if err != nil {
		t.Fatal(err)
	}
	p.orka = orka
	return p
}

func (p *property) summary() string {
	var out []string
	for k, n := range p.ends {
		out = append(out, fmt.Sprintf("%s %d", k, n))
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

// step is where another writer may come.
type step int

const (
	never step = iota
	afterOpen
	beforeDryRun
	afterPreview
	beforePreflight
	beforeWrite
	steps
)

// trial is one case.
type trial struct {
	*property
	t      *testing.T
	seed   uint64
	r      *rand.Rand
	k      propertyKind
	name   string
	failed bool
	said   []string // what was done, for a failure's report
	// theirs is the object after the last write of somebody else; nil when they deleted it.
	theirs *unstructured.Unstructured
	// passed are the states it went through by their writes since the edit began.
	passed []map[string]any
	// opened is the uid that the edit is about.
	opened string
}

func (p *property) run(t *testing.T, seed uint64) {
	t.Helper()
	c := &trial{property: p, t: t, seed: seed, r: rand.New(rand.NewPCG(seed, 0x6f726b61))}
	defer func() {
		if r := recover(); r != nil {
			c.errorf("panic: %v", r)
			panic(r)
		}
	}()
	c.k = pick(c.r, p.kinds)
	c.name = fmt.Sprintf("case-%d", seed)
	c.create(p.world.admin)
	if c.r.IntN(3) == 0 { // another applier owns some of it
		c.apply(p.world.admin.as("gitops"))
	}
	for edits := 1 + c.r.IntN(3); edits > 0 && c.theirs != nil && !c.failed; edits-- {
		c.edit()
	}
	p.world.tap.onBefore(nil)
	p.world.tap.onBreak(nil)
	if c.failed {
		p.failures++
	}
	if p.world.get(p.world.target(c.k.kind, c.name)) != nil {
		p.world.admin.remove(c.k.kind, p.world.ns, c.name)
	}
}

func (c *trial) errorf(format string, args ...any) {
	c.t.Helper()
	c.failed = true
	c.t.Errorf("seed %d (again: go test ./apply -run TestPropertyApply -apply.seed=%d): %s %s:\n%s\n%s", c.seed, c.seed, c.k, c.name, fmt.Sprintf(format, args...), strings.Join(c.said, "\n"))
}

func (c *trial) say(format string, args ...any) {
	c.said = append(c.said, fmt.Sprintf(format, args...))
}

func (c *trial) create(as *client) {
	b, err := json.Marshal(c.k.first(c.r, c.world.ns, c.name))
	if err != nil {
		panic(err)
	}
	c.say("%s creates %s", as.manager, b)
	c.theirs = as.must(http.MethodPost, objectPath(c.k.kind, c.world.ns, ""), as.query(), asJSON, b)
}

// apply is another manager's server-side apply of a part of the object, changed or not.
func (c *trial) apply(as *client) {
	v := c.theirs.Object
	if c.r.IntN(2) == 0 {
		v = c.k.shape.changeBut(c.r, v, nil).(map[string]any)
	}
	part := map[string]any{"apiVersion": v["apiVersion"], "kind": v["kind"], "metadata": map[string]any{"name": c.name, "namespace": c.world.ns}}
	if c.r.IntN(2) == 0 {
		part["metadata"].(map[string]any)["labels"] = asMap(v["metadata"])["labels"]
	} else if data, ok := v["data"]; ok {
		part["data"] = data
	} else if spec, ok := v["spec"]; ok && c.k.kind != deployments { // of which the template can't be applied without all its defaults
		part["spec"] = spec
	}
	b, err := json.Marshal(part)
	if err != nil {
		panic(err)
	}
	c.say("%s applies %s", as.manager, b)
	q := as.query()
	q.Set("force", "true")
	code, answer := as.do(http.MethodPatch, objectPath(c.k.kind, c.world.ns, c.name), q, asApply, b)
	if code == http.StatusUnprocessableEntity { // an apply that leaves out what makes the rest valid changes nothing
		c.say("… which is invalid")
		return
	}
	if code/100 != 2 {
		c.world.t.Fatalf("%s applies: %d: %s", as.manager, code, answer)
	}
	c.theirs = parse(c.world.t, answer)
}

// interfere is one random write of somebody else. disjoint ones keep to a label that no edit touches.
func (c *trial) interfere() {
	if c.theirs == nil {
		return
	}
	as := c.world.admin.as(pick(c.r, []string{"theirs", "controller", "gitops"}))
	path := objectPath(c.k.kind, c.world.ns, c.name)
	switch n := c.r.IntN(20); {
	case n == 0:
		c.say("%s deletes it", as.manager)
		as.remove(c.k.kind, c.world.ns, c.name)
		c.theirs = nil
	case n == 1:
		c.say("%s makes it anew", as.manager)
		as.remove(c.k.kind, c.world.ns, c.name)
		c.create(as)
	case n < 5 && c.k.status != nil:
		b, _ := json.Marshal(map[string]any{"status": pick(c.r, c.k.status)})
		c.say("%s writes %s", as.manager, b)
		c.theirs = as.must(http.MethodPatch, path+"/status", as.query(), asMerge, b)
	case n < 8:
		b := fmt.Appendf(nil, `{"metadata":{"labels":{"theirs":"n%d"}}}`, c.r.IntN(100))
		c.say("%s patches %s", as.manager, b)
		c.theirs = as.must(http.MethodPatch, path, as.query(), asMerge, b)
	case n < 11:
		c.apply(as)
	default:
		o := c.theirs.Object
		for range 1 + c.r.IntN(2) {
			o = c.k.shape.changeBut(c.r, o, nil).(map[string]any)
		}
		b, err := json.Marshal(o)
		if err != nil {
			panic(err)
		}
		c.say("%s updates to %s", as.manager, b)
		c.theirs = as.must(http.MethodPut, path, as.query(), asJSON, b)
	}
}

// edit is one edit from beginning to end.
func (c *trial) edit() {
	p := c.property
	ctx := c.t.Context()
	target := p.world.target(c.k.kind, c.name)
	p.world.tap.reset()
	p.ledger.entries = nil
	when := map[step]int{}
	for range 1 + c.r.IntN(2) {
		when[step(c.r.IntN(int(steps)))]++
	}
	delete(when, never)
	c.passed = nil
	visit := func(s step) {
		for ; when[s] > 0; when[s]-- {
			if c.interfere(); c.theirs != nil {
				c.passed = append(c.passed, c.bare(c.theirs.Object))
			}
		}
	}
	breaks := whole
	if c.r.IntN(10) == 0 {
		breaks = pick(c.r, []cut{beforeServer, afterServer, withinAnswer})
	}
	committing := false
	p.world.tap.onBefore(func(s *seen) {
		switch {
		case s.dryRun() && !committing:
			visit(beforeDryRun)
		case s.Method == http.MethodGet && committing:
			visit(beforePreflight)
		case s.write():
			visit(beforeWrite)
		}
	})
	p.world.tap.onBreak(func(s *seen) cut {
		if s.write() && s.Method == http.MethodPatch {
			b := breaks
			breaks = whole
			if b != whole {
				c.say("the connection is cut: %d", b)
			}
			return b
		}
		return whole
	})
	before := c.theirs
	base, err := p.orka.Open(ctx, target)
	if err != nil {
		c.errorf("open: %v", err)
		return
	}
	c.opened = string(before.GetUID())
	text, err := p.orka.Draft(base)
	if err != nil {
		c.errorf("draft: %v", err)
		return
	}
	draft, edited := c.mutate(text)
	c.say("orka edits to %s", strings.ReplaceAll(string(draft), "\n", "\n    "))
	visit(afterOpen)
	intent, err := p.orka.Intent(ctx, base, draft)
	unchanged := same(c.k.shape, c.bare(before.Object), c.bare(edited))
	if errors.Is(err, apply.ErrNoChange) {
		if !unchanged {
			c.errorf("no change, it says")
		}
		c.end("no change")
		c.nothingWritten()
		return
	}
	if err != nil {
		c.errorf("intent: %v", err)
		return
	}
	consent := pick(c.r, []apply.Consent{{}, {All: true}, {All: true}, {All: true}})
	preview, err := p.orka.Preview(ctx, base, intent, consent)
	if err != nil {
		c.refused("preview", err, before, edited)
		return
	}
	if len(preview.Conflicts) > 0 && !consent.All {
		consent = c.decide(preview.Conflicts)
		if len(consent.Leave) > 0 {
			for _, x := range preview.Conflicts {
				if consent.Leave[x.Path] {
					edited = asMap(c.k.shape.leave(before.Object, edited, x.Path))
				}
			}
			if preview, err = p.orka.Preview(ctx, base, intent, consent); err != nil {
				c.refused("second preview", err, before, edited)
				return
			}
		}
	}
	c.say("route %s, consent %+v, conflicts %+v", preview.Route, consent, preview.Conflicts)
	visit(afterPreview)
	committing = true
	result, err := p.orka.Commit(ctx, preview, consent)
	for range 3 {
		var moved *apply.MovedError
		if !errors.As(err, &moved) || moved.Next == nil || moved.Busy || c.failed {
			break
		}
		c.say("moved: %v", err)
		c.nothingWritten()
		result, err = p.orka.Commit(ctx, moved.Next, consent)
	}
	committing = false
	if err != nil {
		c.refused("commit", err, before, edited)
		return
	}
	c.applied(result, before, edited, consent)
}

// decide says something about every conflict, or about some.
func (c *trial) decide(conflicts []apply.Conflict) apply.Consent {
	consent := apply.Consent{Take: map[string]bool{}, Leave: map[string]bool{}}
	for _, x := range conflicts {
		switch c.r.IntN(5) {
		case 0:
		case 1, 2:
			consent.Take[x.Path] = true
		default:
			consent.Leave[x.Path] = true
		}
	}
	return consent
}

// mutate edits a draft the way a person does: in its text.
func (c *trial) mutate(text []byte) (draft []byte, edited map[string]any) {
	var o map[string]any
	j, err := yaml.YAMLToJSON(text)
	if err == nil {
		u := &unstructured.Unstructured{}
		err = u.UnmarshalJSON(j)
		o = u.Object
	}
	if err != nil {
		panic(fmt.Sprintf("draft: %v\n%s", err, text))
	}
	for range 1 + c.r.IntN(3) {
		o = c.k.shape.changeBut(c.r, o, nil).(map[string]any)
	}
	if draft, err = json.Marshal(o); err != nil {
		panic(err)
	}
	if c.r.IntN(4) > 0 { // JSON is YAML, too
		if draft, err = yaml.JSONToYAML(draft); err != nil {
			panic(err)
		}
	}
	return draft, o
}
