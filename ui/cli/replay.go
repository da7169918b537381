package cli

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"k8s.io/client-go/rest"

	"orka/engine"
	"orka/ui"
	"orka/watch"
	"orka/watch/kube"
	"orka/watch/recording"
)

// replayFlags are --replay and --replay-speed.
type replayFlags struct {
	file  fileFlag
	speed speedFlag
}

// fileFlag is the name of a file. Given empty, as by a variable that isn't set, it is an error: without a recording the
// command would answer from the cluster.
type fileFlag string

func (f *fileFlag) String() string { return string(*f) }

func (f *fileFlag) Type() string { return "file" }

func (f *fileFlag) Set(text string) error {
	if text == "" {
		return errors.New("want the FILE of a recording")
	}
	*f = fileFlag(text)
	return nil
}

// speedFlag is a factor of the recorded pace; 0 is without pauses.
type speedFlag struct {
	given bool
	times float64
}

// maxSpeed bounds --replay-speed; faster is 0.
const maxSpeed = 1e6

func (s *speedFlag) String() string {
	if !s.given {
		return ""
	}
	return strconv.FormatFloat(s.times, 'g', -1, 64)
}

func (s *speedFlag) Type() string { return "factor" }

func (s *speedFlag) Set(text string) error {
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(v) || v < 0 || v > maxSpeed {
		return fmt.Errorf("want a factor such as 1 or 10, or 0 for as fast as possible")
	}
	s.given, s.times = true, v
	return nil
}

// openReplay makes a source of a recording.
func (a *app) openReplay() (*source, error) {
	if a.demo.on {
		return nil, usagef("--replay and --demo: one of them")
	}
	file, err := recording.Open(string(a.replay.file))
	if err != nil {
		return nil, err
	}
	h := file.Header
	if ns := *a.kube.Namespace; h.Namespace != "" && ns != "" && ns != h.Namespace {
		_ = file.Close() // read only
		return nil, fmt.Errorf("recording %s: it covers the namespace %s alone", a.replay.file, h.Namespace)
	}
	if file.Cut > 0 {
		fmt.Fprintf(a.errOut, "note: %s is not whole (%s): it replays up to the last whole frame, %d bytes cut off\n", a.replay.file, file.Why, file.Cut)
	}
	if file.Cut == 0 && !file.Ended {
		fmt.Fprintf(a.errOut, "note: %s has no end: its recorder was killed or is still writing. What came in its last second may be missing\n", a.replay.file)
	}
	speed := a.replay.speed.times
	if !a.replay.speed.given && a.onScreen {
		speed = 1
	}
	player := recording.NewPlayer(file, speed)
	client, err := kube.New(&rest.Config{}, kube.Options{
		Limits: kube.Limits{MaxLabels: a.cfg.MaxLabels, MaxAnnos: a.cfg.MaxAnnos},
		Logger: a.cfg.Logger, Player: player,
	})
	if err != nil {
		_ = file.Close() // read only
		return nil, fmt.Errorf("recording %s: %w", a.replay.file, err)
	}
	namespace := h.Namespace
	if namespace == "" {
		namespace = "default"
	}
	return &source{
		client: client,
		info: ui.Info{
			Context: h.Context, Cluster: h.Cluster, Version: buildVersion(), ReadOnly: true,
			Recording: func() time.Time { return file.At(player.Now()) },
		},
		namespace: namespace,
		close:     func() { _ = file.Close() }, // read only
	}, nil
}

// recorded narrows what an engine watches to what the recording holds.
func recorded(c *engine.Config, f *recording.File) {
	chosen := c.Select
	c.Select = func(served engine.Served) []*watch.Kind {
		kinds := served.Kinds
		if chosen != nil {
			kinds = chosen(served)
		}
		return slices.DeleteFunc(slices.Clone(kinds), func(k *watch.Kind) bool { return !f.Covers(k) })
	}
}

// inRecording refuses a kind that a recording does not hold.
func inRecording(s *session, kind *watch.Kind) error {
	p := s.source.client.Player()
	if p == nil || p.File().Covers(kind) {
		return nil
	}
	return fmt.Errorf("the recording holds no %s: the server served them, but they were not recorded", kind.ResourceName())
}

// played waits until a recording is over, and returns the View that has all of it; v where there is a cluster.
func (s *session) played(ctx context.Context, v *engine.View) (*engine.View, error) {
	if s.source.client.Player() == nil || len(v.Health.Watchers) == 0 {
		return v, nil
	}
	return s.Played(ctx)
}
