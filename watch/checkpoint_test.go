package watch_test

import (
	"fmt"
	"net/url"
	"testing"
	"time"

	"orka/watch/sim"
)

// TestResumesWhereItWas reads the resourceVersion off the watches that follow clean closes: after a list, after events,
// and after a bookmark while another kind moved the server's version on.
func TestResumesWhereItWas(t *testing.T) {
	inRig(t, sim.Config{}, func(r *rig) {
		r.cfg.RelistEvery = time.Hour
		r.pods(0, 20)
		w := r.startLive(podKind)
		reopen := func(what string, want uint64) {
			t.Helper()
			r.pass(1100 * time.Millisecond)
			r.sim.ResetRequests()
			r.sim.CloseStreams()
			r.pass(10 * time.Millisecond)
			watches := r.requests("watch", podKind)
			if len(watches) != 1 {
				t.Fatalf("%s: %d watches", what, len(watches))
			}
			q, err := url.ParseQuery(watches[0].Query)
			if err != nil {
				t.Fatal(err)
			}
			if got := q.Get("resourceVersion"); got != fmt.Sprint(want) || q.Has("sendInitialEvents") {
				t.Errorf("%s: resumed by %q, want resourceVersion %d", what, watches[0].Query, want)
			}
			if got := w.Status().Checkpoint; got != fmt.Sprint(want) {
				t.Errorf("%s: checkpoint %s, want %d", what, got, want)
			}
		}
		reopen("after the list", r.sim.Revision())
		r.touch(3)
		r.touch(4)
		at := r.sim.Revision()
		r.must(r.sim.Create(configMap(1, 1)))
		reopen("after events", at)
		r.pass(61 * time.Second)
		reopen("after a bookmark", r.sim.Revision())
	})
}
