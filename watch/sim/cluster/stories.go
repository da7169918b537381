package cluster

// What can happen: the stories of the churn that touch no pods.

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
