//go:build unix

package history

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// childDie writes one settled intent, then one more, and is killed at the fault point that its argument names. It prints
// what it got from the history, so that the test knows what it may rely on.
func childDie(path string, args []string) error {
	armed := false
	opts := Options{Retention: Retention{Entries: 1}, FaultPoint: func(name string) {
		if armed && name == args[0] {
			syscall.Kill(os.Getpid(), syscall.SIGKILL)
			<-context.Background().Done() // until the signal arrives
		}
	}}
	armed = args[0] == "mid-create" || args[0] == "mid-key"
	s, err := Open(path, opts)
	if err != nil {
		return err
	}
	first, err := s.Begin(context.Background(), deployment("first"))
	if err != nil {
		return err
	}
	if err := s.Finish(context.Background(), first, Outcome{State: Applied, Object: object(1)}); err != nil {
		return err
	}
	armed = true
	if strings.HasSuffix(args[0], "set-aside") {
		if err := os.WriteFile(path, []byte(strings.Repeat("damage", 2000)), 0o600); err != nil {
			return err
		}
	}
	in := deployment("second")
	in.Secret = args[0] == "mid-key"
	id, err := s.Begin(context.Background(), in)
	if err != nil {
		return err
	}
	return s.Finish(context.Background(), id, Outcome{State: Refused})
}

func TestKilled(t *testing.T) {
	type entries = map[string]State
	for _, tt := range []struct {
		point string
		want  entries
		aside bool
	}{
		{"before-begin", entries{"first": Applied}, false},
		{"mid-begin", entries{"first": Applied}, false},
		{"mid-prune", entries{"first": Applied}, false}, // Entries is 1: the second Begin removes the first intent
		{"after-begin", entries{"second": Unknown}, false},
		{"before-finish", entries{"second": Unknown}, false},
		{"mid-finish", entries{"second": Unknown}, false},
		{"after-finish", entries{"second": Refused}, false},
		{"mid-create", entries{}, false},
		{"mid-key", entries{"first": Applied}, false},
		{"mid-set-aside", entries{}, true},
		{"after-set-aside", entries{}, true},
	} {
		t.Run(tt.point, func(t *testing.T) {
			path := dbPath(t)
			if !startChild(t, "die", path, tt.point).killed(t) {
				t.Fatal("the child lived past the fault point")
			}
			s := mustOpen(t, path, Options{})
			got := make(entries)
			for _, e := range mustFind(t, s, Query{}) {
				got[e.Intent.Name] = e.Outcome.State
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if asides := asides(t, path); (len(asides) > 0) != tt.aside {
				t.Errorf("set aside: %v", asides)
			}
			in := deployment("next")
			in.Secret = tt.point == "mid-key"
			mustFinish(t, s, mustBegin(t, s, in), Outcome{State: Applied, Object: object(1)})
			integrity(t, s)
			if tt.aside {
				return // what was damaged has been replaced
			}
			if _, err := os.Stat(s.files.key + ".new"); err == nil {
				t.Error("half a key is left behind")
			}
		})
	}
}

// childChatter writes until it is killed, and says what it was promised.
func childChatter(path string, _ []string) error {
	s, err := Open(path, Options{Retention: Retention{Entries: 1000}})
	if err != nil {
		return err
	}
	for i := 0; ; i++ {
		id, err := s.Begin(context.Background(), deployment(fmt.Sprint(i)))
		if err != nil {
			return err
		}
		fmt.Println("begun", id)
		if err := s.Finish(context.Background(), id, Outcome{State: Applied, Object: object(i)}); err != nil {
			return err
		}
		fmt.Println("applied", id)
	}
}

// TestKilledAnywhere kills a writer at a random moment, again and again in one history: what was promised is there.
func TestKilledAnywhere(t *testing.T) {
	path := dbPath(t)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d (it decides when to kill; the moment itself is the scheduler's)", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	promised := make(map[ID]State)
	for range 8 {
		c := startChild(t, "chatter", path)
		for n := 1 + rnd.IntN(12); n > 0; n-- {
			note(promised, c.line(t))
		}
		c.cmd.Process.Kill()
		for c.out.Scan() { // said before it died
			note(promised, c.out.Text())
		}
		c.cmd.Wait()
		s := mustOpen(t, path, Options{})
		got := make(map[ID]Entry)
		for _, e := range mustFind(t, s, Query{Limit: 1000}) {
			got[e.ID] = e
		}
		for id, state := range promised {
			e, ok := got[id]
			if !ok || state == Applied && e.Outcome.State != Applied {
				t.Errorf("intent %d was promised as %s and reads as %+v", id, state, e)
			}
		}
		if n := len(got); n < len(promised) || n > len(promised)+8 { // one per death may be there without a word
			t.Errorf("%d entries, %d promised", n, len(promised))
		}
		integrity(t, s)
		s.Close()
	}
}

func note(promised map[ID]State, line string) {
	var word string
	var id ID
	if n, _ := fmt.Sscan(line, &word, &id); n != 2 {
		return // cut off
	}
	promised[id] = map[string]State{"begun": Unknown, "applied": Applied}[word]
}

// asides are the names of what was set aside.
func asides(t testing.TB, path string) []string {
	t.Helper()
	names, err := filepath.Glob(path + ".corrupt-*")
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// TestOrphanJournal: a journal whose database was set aside must not be rolled back into the next one.
func TestOrphanJournal(t *testing.T) {
	path := dbPath(t)
	s := mustOpen(t, path, Options{Now: func() time.Time { return at }})
	id := mustBegin(t, s, deployment("web"))
	aside := path + ".corrupt-20260101T000000Z"
	if err := os.Rename(path, aside); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path+"-journal", []byte("left behind"), 0o600); err != nil {
		t.Fatal(err)
	}
	mustFinish(t, s, id, Outcome{State: Applied})
	if got, _ := os.ReadFile(aside + "-journal"); string(got) != "left behind" {
		t.Errorf("the journal did not follow its database: %q", got)
	}
	got := mustFind(t, s, Query{})
	if len(got) != 1 || got[0].Intent.Name != "web" || got[0].Outcome.State != Applied {
		t.Errorf("the intent did not move to the new history: %+v", got)
	}
	integrity(t, s)
}

// childOutlive has an intent open while its history is damaged by another, and finishes it then.
func childOutlive(path string, args []string) error {
	s, err := Open(path, Options{Report: func(text string) { fmt.Println("report:", text) }})
	if err != nil {
		return err
	}
	defer s.Close()
	id, err := s.Begin(context.Background(), deployment(args[0]))
	if err != nil {
		return err
	}
	fmt.Println("begun")
	var word string
	fmt.Scanln(&word)
	return s.Finish(context.Background(), id, Outcome{State: Applied, Object: object(1)})
}

// TestDamageFoundByTwo: two processes meet the same damage; it is set aside once, and the outcomes of both are kept.
func TestDamageFoundByTwo(t *testing.T) {
	path := dbPath(t)
	cs := []*child{startChild(t, "outlive", path, "a"), startChild(t, "outlive", path, "b")}
	for _, c := range cs {
		if got := c.line(t); got != "begun" {
			t.Fatalf("child: %s", got)
		}
	}
	if err := os.WriteFile(path, []byte(strings.Repeat("damage", 2000)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range cs {
		fmt.Fprintln(c.in, "go")
	}
	for _, c := range cs {
		c.end(t)
	}
	databases := 0
	for _, a := range asides(t, path) {
		if !strings.HasSuffix(a, "-journal") {
			databases++
		}
	}
	if databases != 1 {
		t.Errorf("set aside %d times: %v", databases, asides(t, path))
	}
	s := mustOpen(t, path, Options{})
	got := make(map[string]State)
	for _, e := range mustFind(t, s, Query{}) {
		got[e.Intent.Name] = e.Outcome.State
	}
	if diff := cmp.Diff(map[string]State{"a": Applied, "b": Applied}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	integrity(t, s)
}
