package cluster

import (
	"fmt"
	"strconv"
)

// begin draws a new story; nil when what it drew is busy or not fit for it.
func (ch *Churn) begin() *story {
	d := ch.draw.IntN(100)
	switch {
	case d < 26:
		return &story{steps: []step{ch.renewLease()}}
	case d < 30:
		return ch.nodeHeartbeat()
	case d < 36:
		return ch.reconcile()
	}
	if len(ch.c.apps) == 0 {
		return nil
	}
	a := ch.c.apps[ch.draw.IntN(len(ch.c.apps))]
	if a.busy || a.problem != healthy {
		return nil
	}
	s := &story{app: a}
	switch a.comp.role {
	case roleBatch:
		ch.runJob(s)
	case roleAgent:
		ch.restart(s)
	case roleCache, roleQueue, roleDB:
		if d < 60 {
			ch.replaceStateful(s)
		} else {
			ch.restart(s)
		}
	default:
		switch {
		case d < 48:
			ch.rollOut(s)
		case d < 60:
			ch.scale(s)
		case d < 66:
			ch.crash(s)
		case d < 72 && a.ingress:
			ch.renewCertificate(s)
		case d < 78:
			ch.reconfigure(s)
		default:
			ch.restart(s)
		}
	}
	return s
}

// find is the pod of a name, nil once it is gone. Pointers into pods do not outlive a step.
func (a *app) find(name string) *pod {
	for i := range a.pods {
		if a.pods[i].name == name {
			return &a.pods[i]
		}
	}
	return nil
}

// renewLease is the heartbeat every node sends. In a cluster too small for nodes something that has no
// consequence is written again.
func (ch *Churn) renewLease() step {
	return func() (bool, error) {
		if len(ch.c.pooled) == 0 {
			return ch.put(ch.c.renderer.priorityClass("batch-low", ch.c.planner.now-clusterAge+14))
		}
		n := ch.c.pooled[ch.draw.IntN(len(ch.c.pooled))]
		if !n.ready {
			n = ch.c.pooled[0]
		}
		return ch.put(ch.c.renderer.lease(n, ch.now))
	}
}

func (ch *Churn) nodeHeartbeat() *story {
	if len(ch.c.pooled) == 0 {
		return nil
	}
	n := ch.c.pooled[ch.draw.IntN(len(ch.c.pooled))]
	if !n.ready {
		return nil
	}
	return &story{steps: []step{func() (bool, error) {
		n.beat = ch.now
		return ch.put(ch.c.renderer.nodeObject(n))
	}}}
}

// reconcile applies a new revision of a team's repository.
func (ch *Churn) reconcile() *story {
	if len(ch.c.spaces) == 0 {
		return nil
	}
	ns := ch.c.spaces[ch.draw.IntN(len(ch.c.spaces))]
	flip := chance(ch.draw, 3)
	s := &story{}
	if flip {
		s.then(func() (bool, error) { return ch.put(ch.c.renderer.kustomization(ns, false, ns.reconciled)) })
	}
	s.then(func() (bool, error) {
		ns.reconciled = ch.now
		return ch.put(ch.c.renderer.kustomization(ns, ns.reconcilable(), ns.reconciled))
	})
	return s
}

// note writes an event: a new one, or one more of a series about the same object. The oldest of the
// churn's events is deleted when there are enough of them.
func (ch *Churn) note(s *story, make func() (note, bool)) {
	s.then(func() (bool, error) {
		n, ok := make()
		if !ok {
			return false, nil
		}
		key := series{n.about.uid, n.reason}
		if known := ch.series[key]; known != nil {
			known.count++
			known.last = ch.now
			return ch.put(ch.c.renderer.event(known))
		}
		ch.series[key] = &n
		ch.events = append(ch.events, key)
		if len(ch.events) > max(50, ch.c.cfg.Objects*eventsKept/100) {
			s.steps = append([]step{ch.expire}, s.steps...)
		}
		return ch.create(ch.c.renderer.event(&n))
	})
}

// expire deletes the oldest event.
func (ch *Churn) expire() (bool, error) {
	key := ch.events[0]
	e := ch.c.renderer.event(ch.series[key])
	ch.events = ch.events[1:]
	delete(ch.series, key)
	return ch.remove(eventsResource, e.Namespace, e.Name)
}

func (ch *Churn) notePod(s *story, name, reason, message, component string, warning bool) {
	a := s.app
	ch.note(s, func() (note, bool) {
		q := a.find(name)
		if q == nil || q.node < 0 {
			return note{}, false
		}
		n := ch.c.renderer.kubelet(a, q, reason, message, ch.now)
		n.warning = warning
		if component != "kubelet" {
			n.component, n.host = component, ""
		}
		return n, true
	})
}

// setPod changes a pod and writes it.
func (ch *Churn) setPod(s *story, name string, change func(q *pod)) {
	a := s.app
	s.then(func() (bool, error) {
		q := a.find(name)
		if q == nil {
			return false, nil
		}
		change(q)
		return ch.put(ch.c.renderer.anyPod(a, q))
	})
}

// settle writes what controllers derive from an app's pods: endpoints, then counts.
func (ch *Churn) settle(s *story) {
	a, r := s.app, ch.c.renderer
	s.then(func() (bool, error) { a.changed = ch.now; return false, nil })
	write := func(make func() (bool, error)) { s.then(make) }
	switch a.comp.role {
	case roleAgent:
		write(func() (bool, error) { return ch.put(r.daemonSet(a)) })
	case roleCache, roleQueue:
		write(func() (bool, error) { return ch.put(r.endpointSlice(a, a.name, nil)) })
		write(func() (bool, error) { return ch.put(r.endpointSlice(a, a.name+"-headless", nil)) })
		write(func() (bool, error) { return ch.put(r.statefulSet(a)) })
	case roleDB:
		primary := func(q *pod) bool { return q == &a.pods[0] }
		write(func() (bool, error) { return ch.put(r.endpointSlice(a, a.name+"-rw", primary)) })
		write(func() (bool, error) {
			return ch.put(r.endpointSlice(a, a.name+"-ro", func(q *pod) bool { return !primary(q) }))
		})
		write(func() (bool, error) { return ch.put(r.postgres(a)) })
	default:
		if a.port() != 0 {
			write(func() (bool, error) { return ch.put(r.endpointSlice(a, a.name, nil)) })
		}
		write(func() (bool, error) { return ch.put(r.replicaSet(a, a.current())) })
		write(func() (bool, error) { return ch.put(r.deployment(a)) })
	}
}

func (ch *Churn) somePod(a *app) string {
	if len(a.pods) == 0 {
		return ""
	}
	return a.pods[ch.draw.IntN(len(a.pods))].name
}

// restart is a container that fails its liveness probe and comes back.
func (ch *Churn) restart(s *story) {
	name := ch.somePod(s.app)
	if q := s.app.find(name); q == nil || q.state != podRunning {
		return
	}
	ch.notePod(s, name, "Unhealthy", "Liveness probe failed: Get \"http://10.64.0.1:8080/livez\": context deadline exceeded (Client.Timeout exceeded while awaiting headers)", "kubelet", true)
	ch.setPod(s, name, func(q *pod) { q.state, q.changed = podNotReady, ch.now })
	ch.settle(s)
	ch.setPod(s, name, func(q *pod) { q.state, q.changed = podRunning, ch.now; q.restarts++ })
	ch.settle(s)
}

// crash is a pod that crashes a few times and then heals.
func (ch *Churn) crash(s *story) {
	name := ch.somePod(s.app)
	if name == "" {
		return
	}
	for range between(ch.draw, 2, 5) {
		ch.setPod(s, name, func(q *pod) { q.state, q.changed = podCrashLoop, ch.now; q.restarts++ })
		ch.notePod(s, name, "BackOff", "Back-off restarting failed container "+s.app.containerName()+" in pod "+name, "kubelet", true)
	}
	ch.settle(s)
	ch.setPod(s, name, func(q *pod) { q.state, q.changed = podRunning, ch.now })
	ch.settle(s)
}

// addPod creates a pod of a revision and lets it become ready.
func (ch *Churn) addPod(s *story, name, hash string) {
	a := s.app
	s.then(func() (bool, error) {
		q := pod{name: name, hash: hash, created: ch.now, changed: ch.now, state: podStarting}
		ch.c.planner.place(ch.draw, &q)
		a.pods = append(a.pods, q)
		return ch.create(ch.c.renderer.anyPod(a, &q))
	})
	ch.notePod(s, name, "Pulled", "Container image already present on machine", "kubelet", false)
	ch.setPod(s, name, func(q *pod) { q.state, q.changed = podRunning, ch.now })
}

// dropPod lets a pod terminate.
func (ch *Churn) dropPod(s *story, name string) {
	a := s.app
	ch.setPod(s, name, func(q *pod) { q.deleting = ch.now + 30 })
	s.then(func() (bool, error) {
		for i := range a.pods {
			if a.pods[i].name != name {
				continue
			}
			if at := a.pods[i].node; at >= 0 && ch.c.planner.nodes[at].load > 0 {
				ch.c.planner.nodes[at].load--
			}
			a.pods = append(a.pods[:i], a.pods[i+1:]...)
			return ch.remove(podsResource, a.ns.name, name)
		}
		return false, nil
	})
}

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

// replaceStateful deletes a pod of a StatefulSet or database, which comes back under its name and on
// its node, where its volume is.
func (ch *Churn) replaceStateful(s *story) {
	a := s.app
	name := ch.somePod(a)
	if q := a.find(name); q == nil || q.node < 0 {
		return
	}
	ch.setPod(s, name, func(q *pod) { q.deleting = ch.now + 30 })
	s.then(func() (bool, error) { return ch.remove(podsResource, a.ns.name, name) })
	s.then(func() (bool, error) {
		q := a.find(name)
		q.created = max(ch.now, q.created+1) // another uid than its predecessor's
		q.state, q.changed, q.deleting, q.restarts = podStarting, q.created, 0, 0
		ch.c.planner.bind(q, ch.c.planner.nodes[q.node])
		return ch.create(ch.c.renderer.anyPod(a, q))
	})
	ch.settle(s)
	ch.setPod(s, name, func(q *pod) { q.state, q.changed = podRunning, max(ch.now, q.created) })
	ch.settle(s)
}

func (ch *Churn) renewCertificate(s *story) {
	a, r := s.app, ch.c.renderer
	s.then(func() (bool, error) { a.issuing, a.changed = true, ch.now; return ch.put(r.certificate(a)) })
	ch.note(s, func() (note, bool) {
		return note{about: r.certificateRef(a), reason: "Issuing", message: "Renewing certificate as renewal was scheduled", count: 1, first: ch.now, last: ch.now, component: "pki-controller"}, true
	})
	s.then(func() (bool, error) { a.issuing, a.changed = false, ch.now; return ch.put(r.certificate(a)) })
}

// reconfigure changes an app's configuration; its pods read it anew by themselves.
func (ch *Churn) reconfigure(s *story) {
	a := s.app
	s.then(func() (bool, error) { a.configRev++; return ch.put(ch.c.renderer.configMap(a)) })
}

// runJob starts a run of a batch app, ends it, and deletes the runs that its history has no room for.
func (ch *Churn) runJob(s *story) {
	a, r, p := s.app, ch.c.renderer, &ch.c.planner
	if a.suspended {
		return
	}
	failed := chance(ch.draw, 20)
	// The pointer is looked up in every step: jobs move when the slice grows or shrinks.
	last := func() *job { return &a.jobs[len(a.jobs)-1] }
	s.then(func() (bool, error) {
		minute := ch.now / 60
		if len(a.jobs) > 0 { // runs follow each other faster than the schedule says; names stay unique
			if n, err := strconv.ParseInt(last().name[len(a.name)+1:], 10, 64); err == nil {
				minute = max(minute, n+1)
			}
		}
		j := p.newJob(ch.draw, a, minute*60)
		j.created = ch.now
		j.pods[0].created, j.pods[0].changed, j.pods[0].state = ch.now, ch.now, podStarting
		a.jobs = append(a.jobs, j)
		return ch.create(r.job(a, last()))
	})
	s.then(func() (bool, error) { return ch.put(r.cronJob(a)) })
	writePod := func(i int) step {
		return func() (bool, error) {
			if i >= len(last().pods) {
				return false, nil
			}
			return ch.create(r.jobPod(a, last(), &last().pods[i]))
		}
	}
	updatePod := func() (bool, error) { return ch.put(r.jobPod(a, last(), &last().pods[0])) }
	s.then(writePod(0))
	s.then(func() (bool, error) { last().pods[0].state = podRunning; return updatePod() })
	s.then(func() (bool, error) {
		p.finishJob(ch.draw, a, last(), ch.now, failed)
		return updatePod()
	})
	s.then(writePod(1), writePod(2))
	s.then(func() (bool, error) { return ch.put(r.job(a, last())) })
	s.then(func() (bool, error) { a.changed = ch.now; return ch.put(r.cronJob(a)) })
	s.then(ch.trimJobs(s))
}

// trimJobs deletes the oldest run too many: its pods, then the Job.
func (ch *Churn) trimJobs(s *story) step {
	a := s.app
	return func() (bool, error) {
		kept := [2]int{}
		for i := len(a.jobs) - 1; i >= 0; i-- {
			j := a.jobs[i]
			k, limit := 0, jobsKept
			if j.failed {
				k, limit = 1, failedJobsKept
			}
			if kept[k]++; kept[k] <= limit {
				continue
			}
			for _, q := range j.pods {
				s.then(func() (bool, error) { return ch.remove(podsResource, a.ns.name, q.name) })
			}
			s.then(func() (bool, error) {
				a.jobs = append(append([]job(nil), a.jobs[:i]...), a.jobs[i+1:]...)
				return ch.remove(jobsResource, a.ns.name, j.name)
			}, ch.trimJobs(s))
			break
		}
		return false, nil
	}
}
