//go:build unix

package history

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"go.uber.org/goleak"
)

// childEnv names what a process started by a test does instead of running tests.
const childEnv = "ORKA_HISTORY_TEST_CHILD"

func TestMain(m *testing.M) {
	if name := os.Getenv(childEnv); name != "" {
		flag.Parse()
		if err := children[name](flag.Arg(0), flag.Args()[1:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// children are what processes of their own do. They get the path of the history and further arguments.
var children = map[string]func(path string, args []string) error{
	"write":     childWrite,
	"die":       childDie,
	"chatter":   childChatter,
	"outlive":   childOutlive,
	"filelimit": childFileLimit,
	"readonly":  childReadOnly,
	"fill":      childFill,
}

// child is a process of its own.
type child struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Scanner
}

func startChild(t testing.TB, name, path string, args ...string) *child {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(exe, append([]string{path}, args...)...)
	c.Env = append(os.Environ(), childEnv+"="+name)
	c.Stderr = os.Stderr
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Process.Kill(); c.Wait() })
	return &child{c, in, bufio.NewScanner(out)}
}

// line waits for the next line of output.
func (c *child) line(t testing.TB) string {
	t.Helper()
	if !c.out.Scan() {
		t.Fatalf("the child ended without a word: %v", c.cmd.Wait())
	}
	return c.out.Text()
}

// end waits for the process and fails the test if it failed.
func (c *child) end(t testing.TB) {
	t.Helper()
	c.in.Close()
	for c.out.Scan() {
		t.Logf("child: %s", c.out.Text())
	}
	if err := c.cmd.Wait(); err != nil {
		t.Fatalf("child: %v", err)
	}
}

// killed waits for the process and reports whether SIGKILL ended it.
func (c *child) killed(t testing.TB) bool {
	t.Helper()
	c.in.Close()
	for c.out.Scan() {
		t.Logf("child: %s", c.out.Text())
	}
	c.cmd.Wait()
	status, ok := c.cmd.ProcessState.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL
}

// dbPath is a fresh place for a history.
func dbPath(t testing.TB) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "state", "history.db")
}

func mustOpen(t testing.TB, path string, opts Options) *Store {
	t.Helper()
	s, err := Open(path, opts)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return s
}

func mustBegin(t testing.TB, s *Store, in Intent) ID {
	t.Helper()
	id, err := s.Begin(context.Background(), in)
	if err != nil {
		t.Fatalf("Begin: %v", err)
	}
	return id
}

func mustFinish(t testing.TB, s *Store, id ID, out Outcome) {
	t.Helper()
	if err := s.Finish(context.Background(), id, out); err != nil {
		t.Fatalf("Finish: %v", err)
	}
}

func mustFind(t testing.TB, s *Store, q Query) []Entry {
	t.Helper()
	es, err := s.Find(context.Background(), q)
	if err != nil {
		t.Fatalf("Find: %v", err)
	}
	return es
}

func mustVersions(t testing.TB, s *Store, uid string) []Version {
	t.Helper()
	vs, err := s.Versions(context.Background(), uid)
	if err != nil {
		t.Fatalf("Versions: %v", err)
	}
	return vs
}

// deployment is an intent like most.
func deployment(name string) Intent {
	return Intent{
		Cluster: "10.0.0.1:6443", Context: "prod", User: "jane", Kind: "apps/v1/Deployment", Resource: "deployments.apps",
		Namespace: "web", Name: name, UID: "uid-" + name, BaseVersion: "41", Route: "apply", Force: true,
		Fields: []string{".spec.replicas", `.spec.template.spec.containers[name="web"].image`},
		Body:   []byte(`{"spec":{"replicas":3}}`),
	}
}

// object is a Deployment as the server would return it.
func object(replicas int) []byte {
	return fmt.Appendf(nil, `{"kind":"Deployment","metadata":{"name":"web","resourceVersion":"%d"},"spec":{"replicas":%d}}`, 40+replicas, replicas)
}

func childWrite(path string, args []string) error {
	s, err := Open(path, Options{})
	if err != nil {
		return err
	}
	defer s.Close()
	fmt.Println("ready")
	bufio.NewScanner(os.Stdin).Scan()
	var n int
	fmt.Sscan(args[1], &n)
	for i := range n {
		in := deployment(fmt.Sprintf("%s-%d", args[0], i))
		if i%4 == 0 {
			in.Kind, in.Resource, in.Secret, in.UID = "v1/Secret", "secrets", true, "uid-secret"
		}
		id, err := s.Begin(context.Background(), in)
		if err != nil {
			return fmt.Errorf("intent %d: %w", i, err)
		}
		if i%2 == 1 {
			continue
		}
		if err := s.Finish(context.Background(), id, Outcome{State: Applied, Version: "42", Object: object(i)}); err != nil {
			return fmt.Errorf("outcome %d: %w", i, err)
		}
	}
	return s.Close()
}
