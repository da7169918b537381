// Package cluster generates a believable Kubernetes cluster, and believable change in it, from a seed.
//
// A [Cluster] is a plan: compact values (namespaces, nodes, apps with their replica sets and pods) that
// say what there is, a few dozen bytes a pod. Objects are rendered from the plan one at a time, so a
// hundred thousand of them are never held twice, and the same rendering serves [Churn], which changes
// the plan and writes what changed.
//
// # What holds
//
//   - The same [Config] yields the same bytes. Every draw comes from a generator seeded with
//     (seed, what it is for, index), never from iteration order or the clock.
//   - The objects of a smaller cluster are the first ones of a larger: growing Objects only adds.
//     Only the last app of a cluster may be cut short, since it ends at exactly Objects.
//   - Objects come in an order in which they can be created: definitions and namespaces first, owners
//     before what they own.
//   - Names, labels and references are real: owner references name existing uids, selectors select,
//     endpoint slices list the pods that are ready, autoscalers and events point at objects there are.
//     Roughly one workload in fifteen is unhealthy in one of the usual ways.
//   - Every object is its taker's own: nothing in it is written again by this package, and it shares no
//     mutable part with another.
//
// Nothing here starts a goroutine. A Cluster and its Churn belong to one goroutine.
package cluster
