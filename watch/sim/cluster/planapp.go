package cluster

// The plan of one app: revisions, pods, runs.

import (
	"fmt"
	"math/rand/v2"
	"strconv"
)

// planApp draws everything about an app but its replicas.
func (p *planner) planApp(r *rand.Rand, a *app) {
	a.created = a.ns.created + min(int64(between(r, 2, 240))*minute, (p.now-a.ns.created)/3)
	a.changed = a.created
	a.generation = int64(between(r, 1, 14))
	a.helm = a.ns.index < 0 || a.comp.image != ""
	a.sidecar = a.ns.team.mesh && a.ns.prod() && a.comp.image == ""
	a.problem = p.takeProblem(r, a.comp.role, a.replicas)
	switch a.comp.role {
	case roleWeb:
		a.ingress = true
		a.hpa = a.replicas > 2
	case roleAPI:
		a.ingress = a.comp.image == "" && chance(r, 3)
		a.hpa = a.replicas > 2 && !chance(r, 3)
	case roleWorker:
		a.hpa = a.replicas > 5
	}
	if a.problem == certNotReady {
		a.ingress = true
	}
	switch a.comp.role {
	case roleBatch:
		p.planJobs(r, a)
	case roleCache, roleQueue, roleDB:
		p.planStateful(r, a)
	default:
		p.planStateless(r, a)
	}
}

// ageIn draws a time between created and now that is more often near now.
func (p *planner) ageIn(r *rand.Rand, created int64) int64 {
	span := float64(p.now - created)
	f := r.Float64()
	return p.now - int64(span*f*f) - 45
}

func (p *planner) tag(r *rand.Rand, a *app) string {
	if a.comp.tag != "" {
		return a.comp.tag
	}
	return version(r)
}

func (p *planner) planStateless(r *rand.Rand, a *app) {
	revisions := between(r, 1, 3)
	if a.problem == imagePull {
		revisions = max(2, revisions)
	}
	revision := int(a.generation) + revisions
	at := a.created
	for i := range revisions {
		if i > 0 {
			at = p.ageIn(r, at)
		}
		a.sets = append(a.sets, replicaSet{hash: suffix(r, between(r, 9, 10)), tag: p.tag(r, a), revision: revision - revisions + i + 1, created: at})
	}
	cur := a.current()
	cur.want = a.replicas
	serving := cur
	if a.problem == imagePull { // the rollout hangs: one pod of the new revision beside all of the old one
		cur.created = p.now - int64(between(r, 12, 400))*minute
		serving = &a.sets[len(a.sets)-2]
		serving.want = a.replicas
		cur.want = 1
	}
	for range a.replicas {
		a.pods = append(a.pods, p.newPod(r, a, a.name+"-"+serving.hash+"-"+suffix(r, 5), serving.hash, p.ageIn(r, serving.created)))
	}
	p.breakPods(r, a)
	a.changed = max(a.changed, cur.created)
	for i := range a.pods {
		a.changed = max(a.changed, a.pods[i].changed)
	}
}

// newPod plans a running pod.
func (p *planner) newPod(r *rand.Rand, a *app, name, hash string, created int64) pod {
	q := pod{name: name, hash: hash, created: created}
	p.place(r, &q)
	q.changed = created + int64(between(r, 4, 40))
	if chance(r, 14) && p.now-created > day {
		q.restarts = int32(between(r, 1, 3))
	}
	return q
}

// breakPods puts the app's problem into its pods.
func (p *planner) breakPods(r *rand.Rand, a *app) {
	some := max(1, a.replicas/3)
	if a.replicas <= 3 {
		some = a.replicas
	}
	switch a.problem {
	case crashLoop:
		for i := range some {
			q := &a.pods[i]
			q.state, q.restarts = podCrashLoop, int32(between(r, 6, 240))
			q.created = min(q.created, p.now-int64(q.restarts)*5*minute)
			q.changed = p.now - int64(between(r, 10, 290))
		}
	case imagePull:
		cur := a.current()
		q := pod{name: a.name + "-" + cur.hash + "-" + suffix(r, 5), hash: cur.hash, created: cur.created, changed: cur.created + 20, state: podImagePull}
		p.place(r, &q)
		a.pods = append(a.pods, q)
	case oomKilled:
		for i := range max(1, some/2) {
			q := &a.pods[i]
			q.state, q.restarts = podOOM, int32(between(r, 3, 19))
			q.created = min(q.created, p.now-2*day)
			q.changed = p.now - int64(between(r, 2, 300))*minute
		}
	case unschedulable:
		for i := range min(2, len(a.pods)) {
			q := &a.pods[i]
			p.nodes[q.node].load--
			q.node, q.ip, q.state, q.restarts = -1, 0, podPending, 0
			q.created = p.now - int64(between(r, 9, 200))*minute
			q.changed = q.created
		}
	case notReady:
		q := &a.pods[0]
		q.state, q.changed = podNotReady, p.now-int64(between(r, 3, 90))*minute
	case evicted:
		for range 2 {
			q := p.newPod(r, a, a.name+"-"+a.current().hash+"-"+suffix(r, 5), a.current().hash, p.now-int64(between(r, 20, 60))*hour)
			q.state, q.restarts, q.changed = podEvicted, 0, q.created+7*hour
			a.pods = append(a.pods, q)
		}
	case stuckDeleting:
		// Its replacement runs already, so it comes on top of the wanted replicas.
		q := p.newPod(r, a, a.name+"-"+a.current().hash+"-"+suffix(r, 5), a.current().hash, p.now-26*hour)
		q.deleting = p.now - 3*hour
		a.pods = append(a.pods, q)
	}
}

func (p *planner) planStateful(r *rand.Rand, a *app) {
	tag := p.tag(r, a)
	a.sets = []replicaSet{{hash: a.name + "-" + suffix(r, 10), tag: tag, revision: 1, created: a.created, want: a.replicas}}
	first := 0
	if a.comp.role == roleDB {
		first = 1
	}
	for i := range a.replicas {
		q := p.newPod(r, a, a.name+"-"+strconv.Itoa(i+first), a.sets[0].hash, p.ageIn(r, a.created+10*minute))
		if i == a.replicas-1 {
			switch a.problem {
			case volumePending:
				p.nodes[q.node].load--
				q.node, q.ip, q.state, q.restarts = -1, 0, podPending, 0
				q.created = p.now - int64(between(r, 20, 500))*minute
				q.changed = q.created
			case databaseWarning:
				q.state, q.changed = podNotReady, p.now-int64(between(r, 4, 50))*minute
			}
		}
		a.pods = append(a.pods, q)
		a.changed = max(a.changed, q.changed)
	}
}

// schedules of batch apps and the seconds between two runs.
var schedules = []struct {
	cron  string
	every int64
}{
	{"*/10 * * * *", 10 * minute}, {"0 * * * *", hour}, {"15 */6 * * *", 6 * hour}, {"30 2 * * *", day}, {"0 4 * * 0", 7 * day},
}

func (a *app) schedule() (cron string, every int64) {
	s := schedules[a.sched]
	return s.cron, s.every
}

// jobsKept are how many finished runs a CronJob leaves behind.
const (
	jobsKept       = 3
	failedJobsKept = 1
)

func (p *planner) planJobs(r *rand.Rand, a *app) {
	a.sets = []replicaSet{{tag: p.tag(r, a), revision: 1, created: a.created}}
	// The app must be old enough to have started the runs that are kept.
	for a.sched = r.IntN(len(schedules)); a.sched > 0 && a.created > p.now-6*schedules[a.sched].every; {
		a.sched--
	}
	_, every := a.schedule()
	last := p.now - p.now%every
	runs := jobsKept
	if a.problem == jobFailed {
		runs++
	}
	for i := range runs {
		at := last - int64(runs-1-i)*every
		failed := a.problem == jobFailed && i == runs-1
		j := p.newJob(r, a, at)
		took := int64(between(r, 9, 400))
		p.finishJob(r, a, &j, min(at+took, p.now), failed)
		a.jobs = append(a.jobs, j)
		a.changed = max(a.changed, j.finished)
	}
	a.suspended = a.problem == healthy && chance(r, 11)
}

// newJob plans a run that has just started.
func (p *planner) newJob(r *rand.Rand, a *app, at int64) job {
	j := job{name: fmt.Sprintf("%s-%d", a.name, at/60), created: at}
	q := pod{name: j.name + "-" + suffix(r, 5), created: at, state: podRunning, changed: at + 3}
	p.place(r, &q)
	j.pods = append(j.pods, q)
	return j
}

// finishJob ends a run; a failed one has used up its back-off limit and leaves every try behind.
func (p *planner) finishJob(r *rand.Rand, a *app, j *job, at int64, failed bool) {
	j.finished, j.failed = at, failed
	q := &j.pods[0]
	if n := p.nodes[q.node]; n.load > 0 {
		n.load--
	}
	q.state, q.changed = podSucceeded, at-1
	if !failed {
		return
	}
	q.state = podFailed
	for range 2 {
		again := *q
		again.name = j.name + "-" + suffix(r, 5)
		p.bind(&again, p.nodes[q.node])
		j.pods = append(j.pods, again)
	}
}
