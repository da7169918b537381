package cluster

// What is wrong with which app, and how many replicas one has.

import (
	"math/rand/v2"
)

// takeProblem decides whether the next app is unhealthy and how, so that a small cluster already
// shows every way there is.
func (p *planner) takeProblem(r *rand.Rand, role role, replicas int) problem {
	p.credit += problemsPerApp
	if p.credit < 1 {
		return healthy
	}
	if len(p.owed) == 0 {
		p.owed = []problem{crashLoop, imagePull, certNotReady, jobFailed, unschedulable, volumePending, oomKilled}
		if p.shown { // the frequent ones first, so that the smallest demonstration has them
			p.owed = append(p.owed, notReady, databaseWarning, evicted, stuckDeleting, jobFailed, crashLoop)
		}
		p.shown = true
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
