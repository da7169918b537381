// Package recording writes what list and watch delivered into one file, and plays such a file back to the watch loop.
//
// A recording is a header followed by frames (frame.go). A frame has its length and checksum in front and holds the
// records of about a second, compressed together, so that a recorder that was killed leaves a file that reads up to the
// last whole frame. Nothing in the file is ever written twice.
//
// Writer takes records from any goroutine; its Run owns the only one that writes. When the disk is slower than the
// cluster, those who record wait: nothing is left out. A Writer that can't write takes nothing more and says so; what is
// in the file until then is whole.
//
// Open reads a whole file once and checks it, keeping only where the records of each scope are. A Player then serves
// each scope its own records in their order, at the pace they were recorded in or as fast as they are taken. It knows
// no wire format: what a record holds is decoded by watch/kube, with the code that decodes a server's answers.
//
// The package never sees a Secret's values: watch/kube removes them before anything is recorded.
package recording
