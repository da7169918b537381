package cluster

// Stories of Deployments: new revisions and other sizes.

import (
	"fmt"
)

func (ch *Churn) noteDeployment(s *story, message string) {
	a := s.app
	ch.note(s, func() (note, bool) {
		return note{about: ch.c.renderer.deploymentRef(a), reason: "ScalingReplicaSet", message: message, count: 1, first: ch.now, last: ch.now, component: "deployment-controller"}, true
	})
}

// rollOut replaces an app's pods by those of a new revision, one by one.
func (ch *Churn) rollOut(s *story) {
	a, r := s.app, ch.c.renderer
	old := *a.current()
	tag := old.tag
	if a.comp.image == "" {
		tag = version(ch.draw)
	}
	hash := suffix(ch.draw, between(ch.draw, 9, 10))
	next := func(step func(cur, old *replicaSet)) {
		s.then(func() (bool, error) { step(a.current(), a.setOf(&pod{hash: old.hash})); return false, nil })
	}
	s.then(func() (bool, error) {
		a.generation++
		a.changed = ch.now
		a.sets = append(a.sets, replicaSet{hash: hash, tag: tag, revision: old.revision + 1, created: ch.now})
		return ch.create(r.replicaSet(a, a.current()))
	})
	s.then(func() (bool, error) { return ch.put(r.deployment(a)) })
	ch.noteDeployment(s, fmt.Sprintf("Scaled up replica set %s-%s from 0 to 1", a.name, hash))
	before := make([]string, len(a.pods))
	for i := range a.pods {
		before[i] = a.pods[i].name
	}
	for i, name := range before {
		next(func(cur, _ *replicaSet) { cur.want++ })
		ch.addPod(s, a.name+"-"+hash+"-"+suffix(ch.draw, 5), hash)
		next(func(_, old *replicaSet) { old.want = max(0, old.want-1) })
		ch.dropPod(s, name)
		if i%3 == 2 {
			ch.settle(s)
		}
	}
	s.then(func() (bool, error) { return ch.put(r.replicaSet(a, a.setOf(&pod{hash: old.hash}))) })
	ch.settle(s)
	s.then(func() (bool, error) {
		if len(a.sets) <= revisionsKept+1 {
			return false, nil
		}
		gone := a.sets[0]
		a.sets = append([]replicaSet(nil), a.sets[1:]...)
		return ch.remove(replicaSetsResource, a.ns.name, a.name+"-"+gone.hash)
	})
}

// scale changes the number of replicas a little.
func (ch *Churn) scale(s *story) {
	a, r := s.app, ch.c.renderer
	to := max(1, a.base+ch.draw.IntN(6)-2)
	if lo, _ := a.scaleBounds(); a.hpa {
		to = max(to, lo)
	}
	if to == a.replicas {
		to++
	}
	from := a.replicas
	s.then(func() (bool, error) {
		a.replicas, a.changed = to, ch.now
		a.generation++
		a.current().want = to
		return ch.put(r.deployment(a))
	})
	direction := "up"
	if to < from {
		direction = "down"
	}
	ch.noteDeployment(s, fmt.Sprintf("Scaled %s replica set %s-%s from %d to %d", direction, a.name, a.current().hash, from, to))
	s.then(func() (bool, error) { return ch.put(r.replicaSet(a, a.current())) })
	for i := from; i < to; i++ {
		ch.addPod(s, a.name+"-"+a.current().hash+"-"+suffix(ch.draw, 5), a.current().hash)
	}
	for i := to; i < from && i < len(a.pods); i++ {
		ch.dropPod(s, a.pods[i].name)
	}
	ch.settle(s)
	if a.hpa {
		s.then(func() (bool, error) { return ch.put(r.autoscaler(a)) })
	}
	if a.base > 1 {
		s.then(func() (bool, error) { return ch.put(r.disruptionBudget(a)) })
	}
}
