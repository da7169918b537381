// Package apply changes one object of a cluster the way a careful person would: read it live, say exactly what is meant
// to change, have the server try it, look at the difference, and write it only if nothing has moved underneath.
//
// The flow is Open → Draft → Intent → Preview → Commit, and each step's result is an immutable value that the next one
// takes. The steps that decide (intent, extraction, patch, difference, guard) are pure functions of values; Applier is the
// thin shell that sends requests. Nothing here starts a goroutine that outlives the call.
//
// What is promised:
//   - A write always bears metadata.uid and metadata.resourceVersion of the object that the preview was made of, so the
//     server refuses it within its own transaction when that is no longer what is stored. The guard (Check) only tells
//     sooner and in better words.
//   - A field that others own is changed only with consent for exactly that field.
//   - An intent is recorded durably before the write, its outcome after it; an outcome that is not known is called unknown.
//   - No value of a Secret is in an error, a diff, or anything else that is meant to be shown or kept.
package apply
