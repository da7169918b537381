package cluster

// The plan: compact values that objects are rendered from.

import (
	"k8s.io/apimachinery/pkg/types"
)

// namespace is one namespace and what its objects have in common. Times are Unix seconds everywhere
// in the plan.
type namespace struct {
	index       int // among team namespaces; -1 for those of the platform
	name        string
	team        *team
	env         string
	created     int64
	terminating bool
	reconciled  int64 // last change of its Kustomization
}

// prod reports whether people are woken for this namespace.
func (n *namespace) prod() bool { return len(n.env) >= 4 && n.env[:4] == "prod" }

// node is one machine.
type node struct {
	index    int
	name     string
	pool     string
	agents   string // pool whose agents run on it: the control plane shares those of the first one
	zone     string
	control  bool
	ready    bool
	cordoned bool
	created  int64
	changed  int64 // of the Ready condition
	beat     int64 // last heartbeat, 0 when as old as changed
	load     int   // pods placed on it, agents left out
	nextIP   uint8
}

// problem is what is wrong with an app.
type problem uint8

const (
	healthy         problem = iota
	crashLoop               // the program exits at once
	imagePull               // a rollout hangs on an image that is not there
	oomKilled               // runs, but was killed for memory several times
	unschedulable           // no node has room
	notReady                // readiness probe fails
	evicted                 // left-over Failed pods
	stuckDeleting           // a pod whose deletion does not end
	jobFailed               // the last run failed
	certNotReady            // the Certificate can't be issued
	volumePending           // a claim that nothing binds
	databaseWarning         // the database cluster misses a replica
)

// app is one deployed component with all that belongs to it.
type app struct {
	id       int
	ns       *namespace
	comp     *component
	name     string // of its main object
	created  int64
	replicas int
	problem  problem
	sidecar  bool
	ingress  bool
	hpa      bool
	sets     []replicaSet // oldest first; the last one is current. A StatefulSet or DaemonSet has one
	pods     []pod
	jobs     []job
	changed  int64 // when its status last changed
	pool     string
	helm     bool // installed by Helm, else by the GitOps controller

	generation int64
	suspended  bool
	busy       bool // a story of the churn is under way
	base       int  // replicas it was generated with; the churn stays near
	configRev  int  // how often the churn changed its configuration
	issuing    bool // its certificate is being renewed
	sched      int  // of a batch app: index into schedules
}

func (a *app) current() *replicaSet { return &a.sets[len(a.sets)-1] }

// replicaSet is one revision of an app's pods.
type replicaSet struct {
	hash     string
	tag      string
	revision int
	created  int64
	want     int
}

type podState uint8

const (
	podRunning  podState = iota
	podPending           // no node
	podStarting          // image being pulled
	podCrashLoop
	podImagePull
	podOOM // running after an OOM kill
	podNotReady
	podSucceeded
	podFailed
	podEvicted
)

// active reports whether the pod counts as a replica.
func (s podState) active() bool { return s != podSucceeded && s != podFailed && s != podEvicted }

// ready reports whether the pod's Ready condition is True.
func (s podState) ready() bool { return s == podRunning || s == podOOM }

// pod is one pod of an app or of one of its jobs.
type pod struct {
	name     string
	hash     string // of the replica set or controller revision it is made from
	node     int32  // index of its node, -1 before it is scheduled
	ip       uint8  // host part within the node's pod network
	state    podState
	restarts int32
	created  int64
	changed  int64
	deleting int64 // deletionTimestamp, or 0
}

// serving reports whether an endpoint slice lists the pod as ready.
func (p *pod) serving() bool { return p.state.ready() && p.deleting == 0 }

// job is one run of a batch app.
type job struct {
	name     string
	created  int64
	finished int64 // 0 while it runs
	failed   bool
	pods     []pod
}

// ref names an object for owner references and events.
type ref struct {
	apiVersion, kind, namespace, name string
	uid                               types.UID
}
