package shard

import (
	"k8s.io/apimachinery/pkg/util/resourceversion"

	"orka/watch"
)

// verdict is what an applied delta does to the object stored under its key.
type verdict uint8

const (
	ignored  verdict = iota // it is older than what is stored
	remarked                // it is what is stored: only the generation moves
	replaced                // it is newer
)

// judge decides between a stored object, last seen in generation mark, and one that arrives under the same key in
// generation. It is the whole of the ordering rules that watch.Sink states:
//
//   - a lower generation loses;
//   - a higher one wins, whatever the resourceVersions say: the server may have been restored from a backup;
//   - within one generation the resourceVersion never goes back, of one uid or of several; where the versions can't be
//     compared (some aggregated APIs), the order of the stream holds.
func judge(stored *watch.Object, mark uint64, arriving *watch.Object, generation uint64) verdict {
	if generation < mark {
		return ignored
	}
	if same(stored, arriving) {
		return remarked
	}
	if generation == mark && older(arriving, stored) {
		return ignored
	}
	return replaced
}

// same reports whether two objects are one state of one object.
func same(a, b *watch.Object) bool {
	if a.UID != b.UID || a.ResourceVersion != b.ResourceVersion || a.Undecodable != b.Undecodable {
		return false
	}
	if a.ResourceVersion != "" {
		return true
	}
	// Kinds without resourceVersions (metrics.k8s.io) are the same when nothing of them differs.
	return a.Created == b.Created && a.Deleted == b.Deleted && a.Status == b.Status && a.Health == b.Health &&
		a.Cells == b.Cells && a.Fields == b.Fields && a.Labels == b.Labels && a.Annos == b.Annos
}

// older reports whether a's resourceVersion is known to be lower than b's.
func older(a, b *watch.Object) bool {
	c, err := resourceversion.CompareResourceVersion(a.ResourceVersion, b.ResourceVersion)
	return err == nil && c < 0
}
