// Package sim is a simulated Kubernetes API server: one process without etcd, controllers or kubelets, that client-go
// and kubectl talk to over real HTTP.
//
// It exists for three uses: tests of the watch loop and the apply flow, with faults that a real server shows
// once a month ([Server.Inject], [Server.Admit], [Server.Refuse], [Server.StallConnections], [Server.Rewind], [Server.Compact]); the demo
// and the sim command; and load for benchmarks. It implements the API as documented and as k8s.io/apiserver does
// it; nothing in it knows of orka's own client, and its tests use client-go's clients, informers and kubectl.
//
// # Parts
//
// A write takes the way it takes in the real server: decode, defaults, field ownership, mutating hooks, what the endpoint may
// change, validation, validating hooks, store. Field ownership and server-side apply are apimachinery's pkg/util/managedfields, which
// the real server runs as well; every write over HTTP keeps managedFields. Writes of the Go API are attributed when somebody asks (see
// ownership.go), so that loading and churning a hundred thousand objects costs what it costs without.
//
// Tables of requests with the answers of a real server are in testdata/oracle; TestOracle holds this server to them, and
// TestOracleServer (build tag integration) the real one.
//
// Storage is one log of revisions over all resources, as in etcd: every change gets the next global
// resourceVersion. Objects are kept as the bytes that go out: bare protobuf for kinds with a Go type, JSON for the
// others; lists and watch frames are put together around them. Each resource keeps the last events ([Config].History) for
// watches and for paged lists of past revisions; what is older answers 410.
//
// [Server] is an http.Handler. [Server.Start] serves it over TCP, [Server.Dial] over memory: with
// rest.Config{Host: s.Host(), Dial: s.Dial} the whole stack of client-go runs in a testing/synctest bubble, and
// virtual time passes while nothing happens. A server that is used in a bubble must be made in it.
//
// [New] starts no goroutine; Start and the first Dial start one that accepts, net/http starts one or two per
// connection. [Server.Close] ends all of them and waits.
//
// # Differences from the real server
//
// Answers, error texts included, were compared with those of kube-apiserver v1.36.3. What differs:
//
//   - Defaults and validation of built-in kinds are a selection: see defaults.go and rules.go. Names, labels and other metadata are
//     validated by apimachinery, custom kinds by their schema, but for x-kubernetes-validations (CEL) and embedded metadata.
//   - No controllers: deployments make no replica sets, deletes don't cascade, pods go at once, namespaces take their
//     objects with them at once. Finalizers are honoured; the server adds none of its own.
//   - No subresources but status and scale; pods have no log and no exec. No apply as CBOR (415).
//   - Only stable versions of built-in groups, each kind in one version (events in two); APIServices travel as JSON only.
//     managedFields of built-in kinds in other versions are dropped by the next write.
//   - Definitions are served as soon as they are stored; conversion is that of strategy None.
//   - Bookmarks come while the revision stands still as well; the real server's revision never stands still for a minute,
//     because leases are renewed.
//   - A slow watch is not cut: it reads the log at its own pace, and gets 410 when history overtakes it.
//   - OpenAPI v3 has the schemas of definitions; those of built-in kinds are any object's. There is no OpenAPI v2.
//   - Admission is what [Server.Admit] adds; there is none of the real server's own, and webhook configurations are only stored.
//   - No priority and fairness, no audit; quality values of Accept headers are not looked at.
package sim
