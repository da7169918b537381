package sim

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Server is one simulated API server with its storage. It is an http.Handler; Start serves it over TCP and
// Dial over memory. All methods may be called from any goroutine.
type Server struct {
	// immutable
	cfg    Config
	packer *packer
	tls    *certificate // nil without TLS
	done   chan struct{}

	requests requestLog
	faults   faults
	hooks    hooks
	listen   listeners

	mu sync.RWMutex
	// guarded by mu
	rev       uint64
	compacted uint64
	uids      uint64 // drawn so far
	rng       *rand.Rand
	resources map[schema.GroupVersionResource]*served
	kinds     map[schema.GroupVersionKind]*served
	groups    []*group // in discovery order
	// restarts is closed, and replaced, when all watches are to end.
	restarts chan struct{}
}

// systemNamespaces are there from the start, as on any cluster.
var systemNamespaces = []string{"default", "kube-node-lease", "kube-public", "kube-system"}

// New makes a server that holds the system namespaces. It starts no goroutine. In a synctest bubble it must be
// called inside the bubble.
func New(cfg Config) *Server {
	cfg = cfg.withDefaults()
	s := &Server{
		cfg:       cfg,
		done:      make(chan struct{}),
		rng:       rand.New(rand.NewPCG(cfg.Seed, 0x6f726b61)),
		resources: map[schema.GroupVersionResource]*served{},
		kinds:     map[schema.GroupVersionKind]*served{},
		restarts:  make(chan struct{}),
		rev:       1,
	}
	s.requests.limit = cfg.RequestLog
	s.faults.changed = make(chan struct{})
	s.listen.conns = map[*conn]struct{}{}
	must := func(err error) {
		if err != nil {
			panic(err) // the built-in tables are wrong: a programming error, seen by every test
		}
	}
	var err error
	s.packer, err = newPacker()
	must(err)
	if cfg.TLS {
		s.tls, err = newCertificate(cfg.Seed)
		must(err)
	}
	list, err := builtins()
	must(err)
	for _, r := range list {
		must(s.AddResource(*r))
	}
	s.aliasEvents()
	for _, ns := range systemNamespaces {
		must(s.Create(&corev1.Namespace{
			ObjectMeta: metav1.ObjectMeta{Name: ns, Labels: map[string]string{corev1.LabelMetadataName: ns}},
			Spec:       corev1.NamespaceSpec{Finalizers: []corev1.FinalizerName{corev1.FinalizerKubernetes}},
			Status:     corev1.NamespaceStatus{Phase: corev1.NamespaceActive},
		}))
	}
	return s
}

// AddResource serves one more resource type, as an aggregated API would. Kinds that client-go has no Go type
// for travel as JSON. A type with get and list alone can't be watched.
func (s *Server) AddResource(r Resource) error {
	if err := r.check(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.resources[r.gvr()]; ok {
		return fmt.Errorf("sim: %s is served already", r.gvr())
	}
	res := r.withDefaults()
	s.serve(&served{Resource: res, coll: newCollection(res)})
	return nil
}

// serve makes sv known to requests and to discovery. The caller holds mu.
func (s *Server) serve(sv *served) {
	s.resources[sv.gvr()] = sv
	s.kinds[sv.gvk()] = sv
	s.addToGroups(sv)
}

// Revision is the current global resourceVersion.
func (s *Server) Revision() uint64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.rev
}

// Compact forgets all history up to rev: watches that start below it, and continue tokens of lists older than
// it, get 410 Expired. Open watches that are behind end with it as well.
func (s *Server) Compact(rev uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if rev > s.rev {
		return fmt.Errorf("sim: compact to %d: the current revision is %d", rev, s.rev)
	}
	s.compacted = max(s.compacted, rev)
	for _, sv := range s.resources {
		sv.coll.compact(rev)
		sv.coll.wake()
	}
	return nil
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handle(w, r) }
