// Package columns says what orka shows and keeps of an object: the columns kubectl prints for its kind,
// the cells of its row, one word of status for lists of several kinds, a verdict on its health, and the
// projected fields that field: and free text ask for.
//
// Built-in kinds are projected from their typed k8s.io/api object by plain functions, one file per
// family. Columns and cells agree with those an API server computes for kubectl
// (kubernetes/pkg/printers/internalversion/printers.go and the table convertors of apiextensions,
// kube-aggregator and apiserver), which an integration test compares cell by cell. Kinds without a Go
// type are projected from their JSON in one pass, along the printer columns of their CRD.
//
// A cell never holds what passes with time: ages and durations are kept as Unix seconds, typed by
// their column, and become text in [Render]. A row is therefore computed once per version of its
// object. Every string that leaves this package is sanitised and owns its memory.
//
// # Status
//
// Workloads show ready/desired ("2/3"), pods what kubectl's STATUS says, custom resources their Ready,
// Available or Synced condition, else their phase; kinds that have neither show what tells them apart
// (the type of a Service, the number of keys of a ConfigMap) or nothing. Whatever is being deleted is
// "Terminating".
//
// # Fields
//
// [Fields] lists the projected paths of a kind. They are the API's own paths with list indices left out,
// so that spec.containers.image holds all images of a pod, joined by commas. Numbers are plain decimals,
// quantities are as the API prints them, a path without a value is left out, and a value longer than
// 512 bytes is cut and ends in "…".
//
// The package starts no goroutines and keeps no state but a bounded cache of compiled printer columns.
package columns
