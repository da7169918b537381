package cluster

// The order of the plan: base, platform, awkward objects, then team after team.

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"strconv"
)

const (
	minute = int64(60)
	hour   = 60 * minute
	day    = 24 * hour
)

const (
	clusterAge     = 412 * day // of the first objects
	firstPool      = 12        // worker nodes of a small cluster
	poolSize       = 20        // worker nodes of every later pool
	controlNodes   = 3
	podsPerNode    = 28 // a new pool comes when apps would need more
	problemsPerApp = 0.07
)

// unit is a group of objects that are planned and rendered together; one of its fields is set.
type unit struct {
	base    bool
	pool    *pool
	ns      *namespace
	app     *app
	awkward bool
}

// pool is a group of equal nodes with the agents that run on each.
type pool struct {
	name   string
	nodes  []*node
	agents []*app
}

// planner draws the plan unit by unit. What it draws for a unit depends on the seed and on the units
// before it, never on how many will follow.
type planner struct {
	seed   uint64
	now    int64
	nodes  []*node
	pools  int
	apps   int
	demand int // pods placed or about to be
	credit float64
	owed   []problem
	shown  bool // the first round of problems has been drawn
	kubeNS *namespace
}

func (p *planner) draw(what string, index int) *rand.Rand {
	return newHash(p.seed).str(what).num(uint64(index)).rand()
}

// units yields the plan; it has no end.
func (p *planner) units() iter.Seq[unit] {
	return func(yield func(unit) bool) {
		systemNS := p.systemNamespaces()
		if !yield(unit{base: true}) {
			return
		}
		for _, ns := range systemNS {
			if !yield(unit{ns: ns}) {
				return
			}
		}
		p.kubeNS = systemNS[1]
		if !yield(unit{pool: p.newPool()}) {
			return
		}
		for _, ns := range systemNS {
			for _, pf := range platform {
				if pf.namespace != ns.name {
					continue
				}
				for i := range pf.components {
					if !p.yieldApp(ns, &pf.components[i], yield) {
						return
					}
				}
			}
		}
		if !yield(unit{awkward: true}) {
			return
		}
		for i := 0; ; i++ {
			ns := p.newNamespace(i)
			if !yield(unit{ns: ns}) {
				return
			}
			for c := range ns.team.components {
				if !p.yieldApp(ns, &ns.team.components[c], yield) {
					return
				}
			}
		}
	}
}

// yieldApp plans one app, and a pool of nodes before it if the app would not fit.
func (p *planner) yieldApp(ns *namespace, c *component, yield func(unit) bool) bool {
	id := p.apps
	p.apps++
	r := p.draw("app", id)
	a := &app{id: id, ns: ns, comp: c, name: c.name}
	a.replicas = replicasFor(r, a)
	a.base = a.replicas
	p.demand += a.replicas + 1
	workers := len(p.nodes) - controlNodes
	if p.demand > workers*podsPerNode && !yield(unit{pool: p.newPool()}) {
		return false
	}
	p.planApp(r, a)
	return yield(unit{app: a})
}

func (p *planner) systemNamespaces() (out []*namespace) {
	names := []string{"default", "kube-system", "kube-public", "kube-node-lease", "ingress-nginx", "pki-system", "gitops-system", "monitoring", "release-rehearsal"}
	for i, n := range names {
		ns := &namespace{index: -1, name: n, env: "platform", team: platformTeam, created: p.now - clusterAge + int64(i)*17}
		if i > 3 {
			ns.created += int64(i) * hour
		}
		if n == "release-rehearsal" {
			ns.created, ns.env, ns.terminating = p.now-9*day, "preview", true
		}
		out = append(out, ns)
	}
	return out
}

var platformTeam = &team{name: "platform", costCenter: "cc-1000"}

// newNamespace plans team namespace i: first every team of a group in each named environment, group by
// group, then the later environments, then cells of production and previews of pull requests.
func (p *planner) newNamespace(i int) *namespace {
	r := p.draw("namespace", i)
	ns := &namespace{index: i}
	const group = 6
	named := len(teams) * len(namedEnvs)
	later := len(teams) * len(laterEnvs)
	switch {
	case i < named:
		per := group * len(namedEnvs)
		g, in := i/per, i%per
		size := min(group, len(teams)-g*group)
		ns.team, ns.env = &teams[g*group+in%size], namedEnvs[in/size]
		ns.name = ns.team.name + "-" + ns.env
	case i < named+later:
		k := i - named
		ns.team, ns.env = &teams[k%len(teams)], laterEnvs[k/len(teams)]
		ns.name = ns.team.name + "-" + ns.env
	default:
		k := i - named - later
		ns.team = &teams[k%len(teams)]
		if k%10 < 7 {
			ns.env = "prod"
			ns.name = fmt.Sprintf("%s-prod-c%03d", ns.team.name, k)
		} else {
			ns.env = "preview"
			ns.name = fmt.Sprintf("%s-pr-%d", ns.team.name, 4200+k)
		}
	}
	switch {
	case ns.prod():
		ns.created = p.now - int64(between(r, 120, 390))*day
	case ns.env == "preview":
		ns.created = p.now - int64(between(r, 2, 140))*hour
	default:
		ns.created = p.now - int64(between(r, 30, 300))*day
	}
	ns.created -= int64(r.IntN(86400))
	ns.reconciled = max(ns.created+hour, p.now-int64(r.IntN(int(6*day))))
	return ns
}

func version(r *rand.Rand) string {
	return "v" + strconv.Itoa(between(r, 1, 4)) + "." + strconv.Itoa(r.IntN(32)) + "." + strconv.Itoa(r.IntN(12))
}
