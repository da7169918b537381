package shard

import (
	"slices"

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

// same reports whether two objects are one state of one object. One resourceVersion should be enough to say so. It is not
// on a server that was restored from a backup and has given that version out anew, nor for kinds without
// resourceVersions (metrics.k8s.io); so that what is shown of the objects must not differ either.
func same(a, b *watch.Object) bool {
	return a.UID == b.UID && a.ResourceVersion == b.ResourceVersion && a.Undecodable == b.Undecodable &&
		a.Created == b.Created && a.Deleted == b.Deleted && a.Status == b.Status && a.Health == b.Health &&
		a.Cells == b.Cells && a.Fields == b.Fields && a.Labels == b.Labels && a.Annos == b.Annos &&
		slices.Equal(a.Owners, b.Owners)
}

// older reports whether a's resourceVersion is known to be lower than b's.
func older(a, b *watch.Object) bool {
	c, err := resourceversion.CompareResourceVersion(a.ResourceVersion, b.ResourceVersion)
	return err == nil && c < 0
}
