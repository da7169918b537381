package cluster

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"strconv"
	"strings"
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

// poolKinds are the machine types pools cycle through.
var poolKinds = []struct{ name, instance, cpu, memory string }{
	{"general", "m7i.4xlarge", "16", "64Gi"},
	{"general", "m7i.4xlarge", "16", "64Gi"},
	{"compute", "c7i.8xlarge", "32", "64Gi"},
	{"highmem", "r7i.4xlarge", "16", "128Gi"},
	{"spot", "m6i.4xlarge", "16", "64Gi"},
}

// newPool plans the next pool; the first one brings the control plane.
func (p *planner) newPool() *pool {
	index := p.pools
	p.pools++
	r := p.draw("pool", index)
	pl := &pool{name: fmt.Sprintf("%s-%d", poolKinds[index%len(poolKinds)].name, index+1)}
	size := poolSize
	created := p.now - int64(between(r, 20, 200))*day
	if index == 0 {
		size = controlNodes + firstPool
		created = p.now - clusterAge + hour
	}
	for i := range size {
		n := &node{index: len(p.nodes), pool: pl.name, agents: pl.name, ready: true, nextIP: 2, created: created + int64(i)*37 + int64(r.IntN(30)),
			zone: region + string(rune('a'+i%3))}
		n.changed, n.beat = n.created+40, p.now-int64(r.IntN(290))
		n.name = "ip-" + strings.ReplaceAll(n.ip(), ".", "-") + "." + region + ".compute.internal"
		n.control = index == 0 && i < controlNodes
		if n.control {
			n.pool = "control-plane"
		}
		p.nodes = append(p.nodes, n)
		pl.nodes = append(pl.nodes, n)
	}
	if index%4 == 0 {
		n := pl.nodes[controlNodes+4]
		n.ready, n.changed, n.beat = false, p.now-47*minute-int64(index), 0
	}
	if index%3 == 0 {
		pl.nodes[controlNodes+1].cordoned = true
	}
	for i := range agents {
		pl.agents = append(pl.agents, p.planAgent(pl, index, &agents[i]))
	}
	return pl
}

func (p *planner) planAgent(pl *pool, index int, c *component) *app {
	id := p.apps
	p.apps++
	r := p.draw("app", id)
	a := &app{id: id, ns: p.kubeNS, comp: c, name: c.name, pool: pl.name, replicas: len(pl.nodes), helm: true, generation: 3,
		created: pl.nodes[0].created + 5*minute}
	if index > 0 {
		a.name += "-" + pl.name
	}
	a.sets = []replicaSet{{hash: suffix(r, 10), tag: c.tag, revision: 1, created: a.created}}
	a.changed = a.created + hour
	for _, n := range pl.nodes {
		q := pod{name: a.name + "-" + suffix(r, 5), hash: a.sets[0].hash, created: max(n.created, a.created) + 20}
		p.bind(&q, n)
		q.changed = q.created + 31
		if !n.ready {
			q.state, q.changed = podNotReady, n.changed+40
		} else if chance(r, 9) {
			q.restarts = int32(between(r, 1, 3))
		}
		a.pods = append(a.pods, q)
	}
	return a
}

// bind puts a pod on a node and gives it an address there.
func (p *planner) bind(q *pod, n *node) {
	q.node, q.ip = int32(n.index), n.nextIP
	if n.nextIP++; n.nextIP > 250 {
		n.nextIP = 2
	}
}

// place finds a node for a pod: the less loaded of two drawn workers that take pods.
func (p *planner) place(r *rand.Rand, q *pod) {
	var best *node
	for tries := 0; tries < 16; tries++ {
		n := p.nodes[controlNodes+r.IntN(len(p.nodes)-controlNodes)]
		if !n.ready || n.cordoned {
			continue
		}
		if best != nil {
			if n.load < best.load {
				best = n
			}
			break
		}
		best = n
	}
	if best == nil { // sixteen cordoned draws in a row: any node will do
		best = p.nodes[controlNodes]
	}
	best.load++
	p.bind(q, best)
}

// takeProblem decides whether the next app is unhealthy and how, so that a small cluster already
// shows every way there is.
func (p *planner) takeProblem(r *rand.Rand, role role, replicas int) problem {
	p.credit += problemsPerApp
	if p.credit < 1 {
		return healthy
	}
	if len(p.owed) == 0 {
		p.owed = []problem{crashLoop, imagePull, certNotReady, jobFailed, unschedulable, volumePending, oomKilled, notReady, databaseWarning, evicted, stuckDeleting, jobFailed, crashLoop}
		r.Shuffle(len(p.owed), func(i, j int) { p.owed[i], p.owed[j] = p.owed[j], p.owed[i] })
	}
	for i, pr := range p.owed {
		if pr.possible(role, replicas) {
			p.owed = append(p.owed[:i], p.owed[i+1:]...)
			p.credit--
			return pr
		}
	}
	return healthy
}

func (pr problem) possible(r role, replicas int) bool {
	switch pr {
	case jobFailed:
		return r == roleBatch
	case certNotReady:
		return r == roleWeb
	case volumePending:
		return r == roleCache || r == roleQueue
	case databaseWarning:
		return r == roleDB && replicas > 1
	default:
		return r == roleAPI || r == roleWorker || r == roleWeb
	}
}

func replicasFor(r *rand.Rand, a *app) int {
	prod, platform := a.ns.prod(), a.ns.index < 0
	switch a.comp.role {
	case roleBatch:
		return 0
	case roleDB:
		if prod {
			return 3
		}
		return 1
	case roleCache, roleQueue:
		if prod {
			return 3
		}
		if platform {
			return 2
		}
		return 1
	}
	switch {
	case platform:
		return between(r, 1, 3)
	case prod && chance(r, 12):
		return between(r, 18, 32)
	case prod && a.ns.index >= len(teams)*len(namedEnvs): // where the traffic of a large company goes
		return between(r, 6, 24)
	case prod:
		return between(r, 3, 11)
	case a.ns.env == "perf" || a.ns.env == "staging":
		return between(r, 2, 3)
	}
	return between(r, 1, 2)
}

func version(r *rand.Rand) string {
	return "v" + strconv.Itoa(between(r, 1, 4)) + "." + strconv.Itoa(r.IntN(32)) + "." + strconv.Itoa(r.IntN(12))
}
