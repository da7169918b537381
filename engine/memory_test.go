package engine

import (
	"testing"
	"time"
)

func TestStageByShareOfBudget(t *testing.T) {
	for used, want := range map[uint64]string{
		0: stageOK, 699: stageOK, 700: stageSoft, 849: stageSoft, 850: stageHard, 949: stageHard, 950: stageCritical, 5000: stageCritical,
	} {
		if got := stageOf(used, 1000); got != want {
			t.Errorf("%d of 1000: %s, want %s", used, got, want)
		}
	}
	if got := stageOf(1, 0); got != stageCritical {
		t.Errorf("a byte of no budget: %s", got)
	}
}

// TestStageIsLeftOnlyWhenCalm: a stage rises at once and falls after 30 s below 60%, so that it does not flap.
func TestStageIsLeftOnlyWhenCalm(t *testing.T) {
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	p := pressure{stage: stageOK}
	for _, step := range []struct {
		second int
		used   uint64
		want   string
	}{
		{0, 500, stageOK}, {1, 720, stageSoft}, {2, 650, stageSoft}, {3, 960, stageCritical}, {4, 860, stageCritical},
		{5, 590, stageCritical}, {30, 600, stageCritical}, // above 60% again: the calm starts anew
		{31, 100, stageCritical}, {60, 100, stageCritical}, {61, 100, stageOK}, {62, 700, stageSoft},
	} {
		if got := p.next(step.used, 1000, start.Add(time.Duration(step.second)*time.Second)); got != step.want {
			t.Errorf("second %d, %d of 1000: %s, want %s", step.second, step.used, got, step.want)
		}
	}
}
