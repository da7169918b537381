package apply

import (
	"errors"
	"strings"
	"testing"

	"orka/watch/sim"
)

func TestJournalFailures(t *testing.T) {
	broken := errors.New("the disk is full")
	t.Run("begin", func(t *testing.T) {
		flowing(t, sim.Config{}, func(t *testing.T, f *flow) {
			p := f.scaled()
			f.log.failBegin = broken
			err := errorOf(f.orka.Commit(t.Context(), p, Consent{All: true}))
			asError[*JournalError](t, err)
			if !errors.Is(err, broken) || len(f.wire.sent((*passed).write)) != 0 || f.replicas() != 3 {
				t.Errorf("error %v, %d writes", err, len(f.wire.sent((*passed).write)))
			}
		})
	})
	t.Run("none", func(t *testing.T) {
		flowing(t, sim.Config{}, func(t *testing.T, f *flow) {
			f.orka = f.applier(func(c *Config) { c.Journal = nil })
			p := f.scaled()
			asError[*JournalError](t, errorOf(f.orka.Commit(t.Context(), p, Consent{All: true})))
		})
	})
	t.Run("finish after a write", func(t *testing.T) {
		flowing(t, sim.Config{}, func(t *testing.T, f *flow) {
			p := f.scaled()
			f.log.failEnd = broken
			r, err := f.orka.Commit(t.Context(), p, Consent{All: true})
			if err != nil || len(r.Warnings) != 1 || !strings.Contains(r.Warnings[0], "the disk is full") || f.replicas() != 5 {
				t.Errorf("result %+v, error %v", r, err)
			}
		})
	})
	t.Run("finish after a refusal", func(t *testing.T) {
		flowing(t, sim.Config{}, func(t *testing.T, f *flow) {
			p := f.scaled()
			f.log.failEnd = broken
			f.sim.Inject(sim.Fault{Match: sim.Match{Verb: "patch"}, Action: sim.Forbid{Reason: "quota"}})
			err := errorOf(f.orka.Commit(t.Context(), p, Consent{All: true}))
			asError[*RejectedError](t, err)
			if !errors.Is(err, broken) {
				t.Errorf("error %v", err)
			}
		})
	})
}
