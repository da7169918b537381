package cluster

// Stories about pods: restarts, crashes, replacements, and the steps others are made of.

// find is the pod of a name, nil once it is gone. Pointers into pods do not outlive a step.
func (a *app) find(name string) *pod {
	for i := range a.pods {
		if a.pods[i].name == name {
			return &a.pods[i]
		}
	}
	return nil
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
