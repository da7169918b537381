package apply

import (
	"k8s.io/apimachinery/pkg/util/resourceversion"

	"orka/watch"
)

// Landed reports whether the watch has delivered a write: the object, in that version or a later one. Where versions can't
// be compared (an aggregated API may have its own), only the very one counts.
func Landed(o *watch.Object, r *Result) bool {
	if o == nil || r == nil || o.UID != r.UID {
		return false
	}
	if o.ResourceVersion == r.ResourceVersion {
		return true
	}
	order, err := resourceversion.CompareResourceVersion(o.ResourceVersion, r.ResourceVersion)
	return err == nil && order > 0
}
