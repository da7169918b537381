// Package kube is the adapter between the watch loop and an API server: requests over client-go's
// transport (its authentication, exec plugins, TLS and proxies are kubectl's), discovery, and the reading
// of lists and streams.
//
// Objects are read one by one while they arrive. No list is ever held as a whole, so memory is bounded by
// the largest object, and an object that can't be read costs no other. Kinds with a Go type travel as
// protobuf where the server offers it; metadata.managedFields is cut out of the wire form before anything
// is decoded, which makes decoding cheaper and leaves the Body.
//
// Nothing here retries: the loop must see every failure. [Client] may be used from any goroutine and
// starts none.
package kube
