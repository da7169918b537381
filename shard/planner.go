package shard

import (
	"cmp"
	"strings"

	"orka/watch"
)

// Key names a shard. Which of Bucket and Namespace is used is the Planner's choice.
type Key struct {
	Kind      *watch.Kind
	Bucket    uint16
	Namespace string
}

// Compare orders shards within a World: by GVK, bucket, namespace.
func (k Key) Compare(l Key) int {
	if k.Kind != l.Kind {
		if c := k.Kind.Compare(l.Kind.GVK); c != 0 {
			return c
		}
	}
	if c := cmp.Compare(k.Bucket, l.Bucket); c != 0 {
		return c
	}
	return strings.Compare(k.Namespace, l.Namespace)
}

// String is for logs, errors and tests: "v1/Pod#3" or "v1/Pod#team-a".
func (k Key) String() string {
	if k.Namespace != "" {
		return k.Kind.GVK.String() + "#" + k.Namespace
	}
	return k.Kind.GVK.String() + "#" + itoa(k.Bucket)
}

// Planner says which shard holds the objects of a namespace. It is a pure function: the same in every run, so
// that a recorded stream falls into the same shards again.
type Planner interface {
	Plan(kind *watch.Kind, namespace string) Key
}

// MaxBuckets is the largest n of Modulo. More shards than that cost more in bookkeeping than building them
// side by side can save.
const MaxBuckets = 1024

// Modulo spreads the namespaces of a kind over n buckets (at least 1, at most MaxBuckets) by their hash.
// Cluster-scoped objects are all in bucket 0.
func Modulo(n int) Planner { return modulo(min(max(n, 1), MaxBuckets)) }

type modulo uint16

func (m modulo) Plan(kind *watch.Kind, namespace string) Key {
	if namespace == "" || m == 1 {
		return Key{Kind: kind}
	}
	h := fnv1a(namespace)
	return Key{Kind: kind, Bucket: uint16((h ^ h>>32) % uint64(m))} //nolint:gosec // below m
}

// ExactNamespace gives every namespace of a kind a shard of its own.
func ExactNamespace() Planner { return exactNamespace{} }

type exactNamespace struct{}

func (exactNamespace) Plan(kind *watch.Kind, namespace string) Key {
	return Key{Kind: kind, Namespace: namespace}
}

// fnv1a is the 64-bit FNV-1a hash; hash/fnv would allocate for each namespace.
func fnv1a(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return h
}
