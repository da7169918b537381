package cluster

// Node pools, their agents, and where pods are placed.

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

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
