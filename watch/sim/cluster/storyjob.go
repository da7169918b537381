package cluster

// The story of a run of a CronJob.

import (
	"strconv"
)

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
