package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/client-go/rest"

	"orka/search"
	"orka/search/query"
	"orka/shard"
	"orka/watch"
	"orka/watch/kube"
	"orka/watch/recording"
	"orka/watch/sim"
)

// updateRecordings writes the recordings that are made against the simulated server, and what all of them give.
var updateRecordings = flag.Bool("update", false, "write testdata/recordings anew")

const recordingsDir = "../testdata/recordings"

// replayQueries is the fixed list of queries whose first hits a recording must always give.
var replayQueries = []string{"", "web", "k:pod", "ns:team-* config", "is:unhealthy", "k:deploy api", "label:app=web", "-k:event a", "k:secret"}

// replayed is what a recording gives when it has been played.
type replayed struct {
	Digest  string              `json:"digest"`
	Objects int                 `json:"objects"`
	Top     map[string][]string `json:"top"`
}

// variants are the ways to cut a World; no result may depend on them.
var variants = map[string]func(*Config){
	"1 shard":         func(c *Config) { c.Shards = 1 },
	"4 shards":        func(c *Config) { c.Shards = 4 },
	"16 shards":       func(c *Config) { c.Shards = 16 },
	"exact namespace": func(c *Config) { c.Planner = shard.ExactNamespace() },
}

// play plays a recording to its end and says what it gives.
func play(t *testing.T, file *recording.File, speed float64, adjust func(*Config), meanwhile ...func(context.Context, *Engine)) replayed {
	t.Helper()
	client, err := kube.New(&rest.Config{}, kube.Options{Player: recording.NewPlayer(file, speed)})
	if err != nil {
		t.Fatal(err)
	}
	cfg := DefaultConfig()
	cfg.Select = func(s Served) []*watch.Kind {
		return slices.DeleteFunc(slices.Clone(s.Kinds), func(k *watch.Kind) bool { return !file.Covers(k) })
	}
	adjust(&cfg)
	e, err := New(cfg, client)
	if err != nil {
		t.Fatal(err)
	}
	if !e.Config().ReadOnly {
		t.Error("an engine that plays a recording may write")
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	}()
	for _, f := range meanwhile {
		f(ctx, e)
	}
	wait, stop := context.WithTimeout(ctx, time.Hour) // of virtual time, or the test's own limit
	defer stop()
	v, err := e.Played(wait)
	if err != nil {
		for _, s := range v.Health.Watchers {
			t.Logf("%s: %s %s complete=%t %s", s.Scope, s.Phase, s.Reason, s.Complete, s.Err)
		}
		t.Fatalf("playing: %v", err)
	}
	if f := v.Health.Freshness(time.Now()); f.Fresh {
		t.Error("a recording that is over is called fresh")
	}
	return given(t, v)
}

// given is what a View gives.
func given(t *testing.T, v *View) replayed {
	t.Helper()
	if err := v.World.Check(); err != nil {
		t.Error(err)
	}
	out := replayed{Digest: v.World.Digest(), Objects: v.World.Len(), Top: map[string][]string{}}
	index := search.Build(v.World)
	for _, line := range replayQueries {
		q, err := query.Parse(line)
		if err != nil {
			t.Fatal(err)
		}
		res, err := index.Search(t.Context(), q, search.Options{Limit: 8, Now: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)})
		if err != nil {
			t.Fatal(err)
		}
		top := []string{fmt.Sprintf("%d in all", res.Total)}
		for _, h := range res.Hits {
			top = append(top, fmt.Sprintf("%s %s %d", h.Object.Kind.Kind, h.Object.NamespacedName(), h.Score))
		}
		out.Top[line] = top
	}
	return out
}

// TestRecordings plays every recording under testdata through the whole engine: each way to cut a World gives the same
// objects and the same first hits, twice, and they are those that were noted when the recording was made.
func TestRecordings(t *testing.T) {
	if *updateRecordings {
		writeRecordings(t)
	}
	names, err := filepath.Glob(recordingsDir + "/*.orka")
	if err != nil || len(names) < 5 {
		t.Fatalf("recordings %v, %v", names, err)
	}
	golden := recordingsDir + "/golden.json"
	want := map[string]replayed{}
	if text, err := os.ReadFile(golden); err == nil {
		if err := json.Unmarshal(text, &want); err != nil {
			t.Fatal(err)
		}
	}
	all := map[string]replayed{}
	for _, path := range names {
		name := strings.TrimSuffix(filepath.Base(path), ".orka")
		t.Run(name, func(t *testing.T) {
			file, err := recording.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			if file.Cut != 0 || !file.Ended {
				t.Errorf("it is not whole: %d bytes cut off, ended %t", file.Cut, file.Ended)
			}
			if *updateRecordings {
				want[name] = play(t, file, 0, variants["4 shards"])
			}
			all[name] = want[name]
			noValues(t, file)
			for variant, adjust := range variants {
				for range 2 {
					if diff := cmp.Diff(want[name], play(t, file, 0, adjust)); diff != "" {
						t.Errorf("%s: not as in %s (-want +got); go test ./engine -run TestRecordings -update writes it:\n%s", variant, golden, diff)
					}
				}
			}
			synctest.Test(t, func(t *testing.T) {
				if diff := cmp.Diff(want[name], play(t, file, 1, variants["4 shards"])); diff != "" {
					t.Errorf("at the recorded pace (-want +got):\n%s", diff)
				}
			})
		})
	}
	if *updateRecordings && !t.Failed() {
		text, err := json.MarshalIndent(all, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(golden, append(text, '\n'), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestOutageIsDatedAsRecorded plays an outage a day after it was recorded: what it keeps from being fresh is stale since then.
func TestOutageIsDatedAsRecorded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file, err := recording.Open(filepath.Join(recordingsDir, "gaps.orka"))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = file.Close() }()
		ended := file.At(file.Length)
		time.Sleep(24*time.Hour + time.Until(ended))
		seen := 0
		play(t, file, 1, func(*Config) {}, func(ctx context.Context, e *Engine) {
			_, err := e.Await(ctx, func(v *View) bool {
				for _, s := range v.Health.Watchers {
					if s.Phase != watch.Backoff || s.ConfirmedAt.IsZero() {
						continue
					}
					seen++
					if s.ConfirmedAt.After(ended) {
						t.Errorf("%s is stale since %s, and the recording ended at %s", s.Scope, s.ConfirmedAt, ended)
					}
				}
				return seen > 0
			})
			if err != nil {
				t.Errorf("no outage was played: %v", err)
			}
		})
	})
}

// TestReplayIsWhatWasSeen records scenarios of faults drawn anew and compares: what is played gives what the recording
// engine itself had at the end. ORKA_TEST_SEED=n replays a run.
func TestReplayIsWhatWasSeen(t *testing.T) {
	seed := testSeed(t)
	for name, s := range scenarios {
		t.Run(name, func(t *testing.T) {
			text, live := record(t, seed, s)
			file, err := recording.Read(bytes.NewReader(text), int64(len(text)))
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			for variant, adjust := range variants {
				if diff := cmp.Diff(live, play(t, file, 0, adjust)); diff != "" {
					t.Errorf("seed %d, %s: not what the recorded engine had (-live +played):\n%s", seed, variant, diff)
				}
			}
			synctest.Test(t, func(t *testing.T) {
				if diff := cmp.Diff(live, play(t, file, 3, variants["4 shards"])); diff != "" {
					t.Errorf("seed %d, at three times the pace (-live +played):\n%s", seed, diff)
				}
			})
			synctest.Test(t, func(t *testing.T) {
				meddle := func(ctx context.Context, e *Engine) { meddle(ctx, e, rand.New(rand.NewPCG(seed, 0xe))) }
				if diff := cmp.Diff(live, play(t, file, 1, variants["4 shards"], meddle)); diff != "" {
					t.Errorf("seed %d, with lists and streams of its own accord (-live +played):\n%s", seed, diff)
				}
			})
		})
	}
}

// meddle has watchers list and open streams at times of their own, which the recording has no answer for.
func meddle(ctx context.Context, e *Engine, rng *rand.Rand) {
	for range 25 {
		if !sleep(ctx, time.Duration(rng.Int64N(int64(3*time.Second)))) {
			return
		}
		if rng.IntN(2) == 0 {
			e.Retry()
		} else {
			e.suspended(time.Minute)
		}
	}
}

// noValues looks for the value that apiserver.sh plants in Secrets.
func noValues(t *testing.T, file *recording.File) {
	t.Helper()
	p := recording.NewPlayer(file, 0)
	for _, k := range p.Discovery().Kinds {
		kind := &watch.Kind{GVK: watch.GVK{Group: k.Group, Version: k.Version, Kind: k.Kind}, Resource: k.Resource}
		err := p.History(watch.Scope{Kind: kind}, func(r recording.Record) error {
			if bytes.Contains(r.Data, []byte("nobody-may-see")) || bytes.Contains(r.Data, []byte("bm9ib2R5LW1heS1zZW")) {
				t.Errorf("a Secret's value is recorded: %s", r.Data)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
}

// record runs an engine over a simulated server with a recorder and returns the recording, and what the engine had.
func record(t *testing.T, seed uint64, s scenario) (text []byte, live replayed) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		server := sim.New(sim.Config{Seed: seed, Authorize: s.authorize, BookmarkPeriod: 5 * time.Second})
		defer server.Close()
		rng := rand.New(rand.NewPCG(seed, 0x0c))
		run := &story{t: t, server: server, rng: rng}
		run.step = s.prepare(run)
		writer := recording.NewWriter()
		client, err := kube.New(&rest.Config{Host: server.Host(), Dial: server.Dial}, kube.Options{Recorder: writer})
		if err != nil {
			t.Fatal(err)
		}
		cfg := DefaultConfig()
		cfg.HomeNamespaces = []string{"team-a"}
		cfg.Select = func(served Served) []*watch.Kind {
			return slices.DeleteFunc(slices.Clone(served.Kinds), func(k *watch.Kind) bool { return !slices.Contains(s.kinds, k.ResourceName()) })
		}
		e, err := New(cfg, client)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- e.Run(ctx) }()
		wctx, stop := context.WithCancel(t.Context())
		var buf bytes.Buffer
		written := make(chan error, 1)
		go func() {
			written <- writer.Run(wctx, &buf, recording.Header{Orka: "test", Context: "simulated", Cluster: "simulated"})
		}()
		time.Sleep(3 * time.Second) // first lists
		for i := range s.steps {
			run.step(i)
			time.Sleep(s.every)
		}
		server.Heal()
		server.Refuse(false)
		time.Sleep(s.settle)
		if err := e.store.Sync(ctx); err != nil {
			t.Fatal(err)
		}
		last := e.store.World().Epoch
		v := await(t, e, "the last World", func(v *View) bool { return v.World.Epoch >= last })
		live = given(t, v)
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
		stop()
		if err := <-written; err != nil {
			t.Errorf("writer: %v", err)
		}
		client.CloseIdle()
		text = buf.Bytes()
	})
	return text, live
}

func writeRecordings(t *testing.T) {
	t.Helper()
	if err := os.MkdirAll(recordingsDir, 0o755); err != nil { //nolint:gosec // of the repository
		t.Fatal(err)
	}
	for name, s := range scenarios {
		text, _ := record(t, 1, s)
		t.Logf("%s: %d bytes", name, len(text))
		if err := os.WriteFile(filepath.Join(recordingsDir, name+".orka"), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
