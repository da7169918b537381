package engine

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"orka/watch/sim"
	"orka/watch/sim/cluster"
)

// scenario is what happens to a server while it is recorded.
type scenario struct {
	kinds     []string
	steps     int
	every     time.Duration
	settle    time.Duration // after the last step
	authorize func(user, verb, group, resource, namespace string) (bool, string)
	prepare   func(*story) (step func(i int))
}

// story is a scenario at work.
type story struct {
	t      *testing.T
	server *sim.Server
	rng    *rand.Rand
	step   func(i int)
	made   map[string]int // how often each object was made
}

// testSeed draws a seed and prints it; ORKA_TEST_SEED replays one.
func testSeed(t *testing.T) uint64 {
	t.Helper()
	seed := rand.Uint64()
	if s := os.Getenv("ORKA_TEST_SEED"); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("ORKA_TEST_SEED=%d", seed)
	return seed
}

var scenarios = map[string]scenario{
	// Several kinds of a cluster at work.
	"cluster": {
		kinds: []string{"pods", "deployments.apps", "replicasets.apps", "services", "configmaps", "secrets", "events", "nodes", "namespaces"},
		steps: 20, every: 500 * time.Millisecond, settle: 20 * time.Second,
		prepare: func(s *story) func(int) {
			c, err := cluster.New(cluster.Config{Seed: 1, Objects: 150, Now: time.Now()})
			s.must(err)
			_, err = s.server.Load(c.Objects())
			s.must(err)
			churn, err := cluster.NewChurn(c, s.rng.Uint64(), s.server)
			s.must(err)
			return func(int) {
				for range 10 {
					s.must(churn.Step(time.Now()))
				}
			}
		},
	},
	// Bursts, duplicates and events out of order, deletes and the same names again.
	"disorder": {
		kinds: []string{"pods", "configmaps", "namespaces"},
		steps: 30, every: 300 * time.Millisecond, settle: 20 * time.Second,
		prepare: func(s *story) func(int) {
			s.begin()
			s.server.Inject(sim.Fault{Match: sim.Match{Verb: "watch"}, Skip: 20, Times: 60, Action: sim.DuplicateEvent{}})
			s.server.Inject(sim.Fault{Match: sim.Match{Verb: "watch", Resource: "pods"}, Skip: 30, Times: 60, Action: sim.ReorderEvent{}})
			return func(i int) {
				n := 3
				if i%10 == 9 {
					n = 150
				}
				s.churn(n)
			}
		},
	},
	// Streams that break and expire, a server that is gone for a while, lists that fail.
	"gaps": {
		kinds: []string{"pods", "configmaps", "namespaces"},
		steps: 40, every: time.Second, settle: 2 * time.Minute,
		prepare: func(s *story) func(int) {
			s.begin()
			return func(i int) {
				s.churn(6)
				s.fault(i)
			}
		},
	},
	// A type that is made, removed, and made again in another version.
	"types": {
		kinds: []string{"customresourcedefinitions.apiextensions.k8s.io", "widgets.example.dev", "namespaces"},
		steps: 12, every: 3 * time.Second, settle: 30 * time.Second,
		prepare: func(s *story) func(int) {
			crds := schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}
			return func(i int) {
				switch i {
				case 0:
					s.must(s.server.Create(widgetType("v1")))
				case 6:
					s.must(s.server.Delete(crds, "", "widgets.example.dev"))
				case 8:
					s.must(s.server.Create(widgetType("v2")))
				case 7:
				default:
					version := "v1"
					if i > 6 {
						version = "v2"
					}
					s.must(s.server.Create(widget(version, fmt.Sprintf("w-%d", i))))
				}
			}
		},
	},
	// A user who may see some namespaces.
	"restricted": {
		kinds: []string{"pods", "configmaps", "namespaces"},
		steps: 15, every: time.Second, settle: 20 * time.Second,
		authorize: func(_, verb, _, resource, namespace string) (bool, string) {
			wide := namespace == "" && (verb == "list" || verb == "watch")
			return !(resource == "pods" || resource == "configmaps") || !wide && namespace != "team-c", "not for you"
		},
		prepare: func(s *story) func(int) {
			s.begin()
			return func(int) { s.churn(5) }
		},
	},
}

func (s *story) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

var scriptNamespaces = []string{"team-a", "team-b", "team-c"}

// begin makes what churn changes.
func (s *story) begin() {
	s.made = map[string]int{}
	for _, ns := range scriptNamespaces {
		s.must(s.server.Create(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: ns}}))
	}
	s.churn(40)
}

// churn makes n writes.
func (s *story) churn(n int) {
	for range n {
		ns := scriptNamespaces[s.rng.IntN(len(scriptNamespaces))]
		name := fmt.Sprintf("web-%d", s.rng.IntN(15))
		resource, obj := "pods", runtime.Object(s.pod(ns, name))
		if s.rng.IntN(3) == 0 {
			resource, obj = "configmaps", &corev1.ConfigMap{
				ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "config-" + name},
				Data:       map[string]string{"n": strconv.Itoa(s.rng.IntN(1000))},
			}
			name = "config-" + name
		}
		gvr := schema.GroupVersionResource{Version: "v1", Resource: resource}
		_, err := s.server.Get(gvr, ns, name)
		switch {
		case apierrors.IsNotFound(err):
			s.must(s.server.Create(obj))
		case s.rng.IntN(4) == 0:
			s.must(s.server.Delete(gvr, ns, name))
		default:
			s.must(s.server.Update(obj))
		}
	}
}

func (s *story) pod(ns, name string) *corev1.Pod {
	p := pod(ns, name)
	p.Labels["turn"] = strconv.Itoa(s.rng.IntN(1000))
	p.Status.Phase = []corev1.PodPhase{corev1.PodRunning, corev1.PodPending, corev1.PodFailed}[s.rng.IntN(3)]
	return p
}

// fault has something go wrong, and heals it now and then.
func (s *story) fault(i int) {
	pods := sim.Match{Verb: "watch", Resource: "pods"}
	switch i % 20 {
	case 2:
		s.server.Inject(sim.Fault{Match: pods, Times: 1, Action: sim.StreamError{Code: http.StatusGone}})
	case 4:
		s.server.Inject(sim.Fault{Match: pods, Times: 2, Action: sim.CutStream{After: s.rng.IntN(3)}})
	case 6:
		s.server.Inject(sim.Fault{Match: sim.Match{Verb: "watch"}, Times: 1, Action: sim.TruncateFrame{}})
	case 8: // what is deleted meanwhile is missed
		s.server.Inject(sim.Fault{Match: sim.Match{Verb: "watch"}, Times: 2, Action: sim.StreamError{Code: http.StatusGone, After: 1}})
		s.server.Inject(sim.Fault{Match: sim.Match{Verb: "list"}, Times: 2, Action: sim.Status{Code: http.StatusServiceUnavailable}})
	case 10:
		s.server.Refuse(true)
		s.server.DropConnections()
	case 13:
		s.server.Refuse(false)
	case 15:
		s.server.Inject(sim.Fault{Match: sim.Match{Query: "sendInitialEvents=true"}, Times: 1, Action: sim.DropInitialEnd{}})
		s.server.Inject(sim.Fault{Match: pods, Times: 1, Action: sim.StreamError{Code: http.StatusGone}})
	case 17:
		s.server.Inject(sim.Fault{Match: sim.Match{}, Times: 2, Action: sim.Status{Code: http.StatusTooManyRequests, RetryAfter: 2 * time.Second}})
	case 19:
		s.server.Heal()
	}
}
