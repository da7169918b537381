package apply

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"orka/watch/kube"
)

// Drift is what changed from an object as it was applied (JSON, as the history keeps it) to the object as it is: without
// status and without what only the server sets. Of Secrets there is nothing to compare.
func Drift(live *Base, applied []byte) (*Diff, error) {
	if live.Absent || live.Object == nil {
		return nil, fmt.Errorf("%s does not exist", live.Target)
	}
	if kube.IsSecret(live.Kind) || len(applied) == 0 {
		return nil, fmt.Errorf("%s: the values that were applied are not kept", live.Target)
	}
	was := &unstructured.Unstructured{}
	if err := was.UnmarshalJSON(applied); err != nil {
		return nil, fmt.Errorf("%s: the recorded version can't be read: %w", live.Target, err)
	}
	before, after := stripped(live.Kind, was), stripped(live.Kind, live.Object)
	return newDiff(live.Kind, before, after, after)
}

// Unchanged is the difference of an object with itself: nothing, and its text as any other difference has it.
func Unchanged(b *Base) (*Diff, error) { return newDiff(b.Kind, b.Object, b.Object, b.Object) }
