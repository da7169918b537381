package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const (
	// oneWithin bounds the run of one test, which takes a second or two.
	oneWithin = time.Minute
	// allWithin bounds that of a whole package, which takes up to ten on a core of its own.
	allWithin = 5 * time.Minute
)

// lineLimit bounds one line of output, in bytes: a failing comparison may be long.
const lineLimit = 16 << 20

// packages are run, all their tests, when the test that is to kill a mutant does not.
var packages = []string{"./watch", "./watch/kube", "./shard"}

// verdict is how a run of tests ended.
type verdict struct {
	test    string // that failed first; "" when none did
	timeout bool   // it did not end
}

// baseline runs the tests that are to kill, on the code as it is.
func baseline(ctx context.Context, root string, mutants []mutant) error {
	byPackage := map[string][]string{}
	for _, m := range mutants {
		byPackage[m.pkg] = append(byPackage[m.pkg], m.test)
	}
	for pkg, tests := range byPackage {
		slices.Sort(tests)
		tests = slices.Compact(tests)
		v, ran, err := goTest(ctx, root, "", pkg, tests...)
		if err != nil {
			return err
		}
		if v.test != "" {
			return fmt.Errorf("%s fails on the code as it is: repair that first", v.test)
		}
		for _, t := range tests {
			if !slices.Contains(ran, t) {
				return fmt.Errorf("there is no test %s in %s", t, pkg)
			}
		}
	}
	return nil
}

// try runs the test that is to kill the mutant and, when it passes, all the others, to say which one does.
func (m mutant) try(ctx context.Context, root string) (verdict, error) {
	overlay, done, err := m.overlay(root)
	if err != nil {
		return verdict{}, fmt.Errorf("%s: %w", m.name, err)
	}
	defer done()
	v, _, err := goTest(ctx, root, overlay, m.pkg, m.test)
	if err != nil {
		return v, fmt.Errorf("%s: %w", m.name, err)
	}
	if v.test != "" {
		return v, nil
	}
	for _, pkg := range packages {
		v, _, err := goTest(ctx, root, overlay, pkg)
		if err != nil {
			return v, fmt.Errorf("%s: %w", m.name, err)
		}
		if v.test != "" {
			return v, fmt.Errorf("%s: %s lets it pass, and %s in %s kills it: name that one", m.name, m.test, v.test, pkg)
		}
	}
	return v, fmt.Errorf("%s survives: no test notices that %s", m.name, m.breaks)
}

// overlay writes the mutant's file and the description of it that the go command takes.
func (m mutant) overlay(root string) (file string, done func(), err error) {
	path := filepath.Join(root, m.file)
	source, err := os.ReadFile(path)
	if err != nil {
		return "", nil, err
	}
	changed, err := m.apply(string(source))
	if err != nil {
		return "", nil, err
	}
	dir, err := os.MkdirTemp("", "orka-mutant")
	if err != nil {
		return "", nil, err
	}
	done = func() { _ = os.RemoveAll(dir) } // a temporary folder more or less
	replacement := filepath.Join(dir, filepath.Base(m.file))
	file = filepath.Join(dir, "overlay.json")
	description, err := json.Marshal(map[string]any{"Replace": map[string]string{path: replacement}})
	if err == nil {
		err = os.WriteFile(replacement, []byte(changed), 0o600) //nolint:gosec // below a temporary folder
	}
	if err == nil {
		err = os.WriteFile(file, description, 0o600)
	}
	if err != nil {
		done()
		return "", nil, err
	}
	return file, done, nil
}

// goTest runs tests of one package, all unless some are named, up to the first that fails. It returns the names of those
// that ran. The error is for what is no verdict: code that does not compile, a package that fails without a test that does.
func goTest(ctx context.Context, root, overlay, pkg string, tests ...string) (verdict, []string, error) {
	within := allWithin
	if len(tests) == 1 {
		within = oneWithin
	}
	// Without symbols, as linking is most of the work.
	args := []string{"test", "-json", "-count=1", "-failfast", "-vet=off", "-ldflags=-s -w", "-timeout", within.String()}
	if overlay != "" {
		args = append(args, "-overlay", overlay)
	}
	if len(tests) > 0 {
		args = append(args, "-run", "^("+strings.Join(tests, "|")+")$")
	}
	cmd := exec.CommandContext(ctx, "go", append(args, pkg)...) //nolint:gosec // what the mutant's own file says
	cmd.Dir = root
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	failed := cmd.Run() != nil
	if ctx.Err() != nil {
		return verdict{}, nil, ctx.Err()
	}
	v, ran, output := judge(&stdout)
	if failed && v.test == "" {
		return v, ran, fmt.Errorf("go %s fails, and no test does (does it compile?):\n%s%s", strings.Join(args, " "), output, stderr.String())
	}
	return v, ran, nil
}

// judge reads what `go test -json` says. Output is what was said outside of tests.
func judge(events *bytes.Buffer) (v verdict, ran []string, output string) {
	in := bufio.NewScanner(events)
	in.Buffer(nil, lineLimit)
	running := map[string]bool{}
	for in.Scan() {
		var e struct{ Action, Test, Output string }
		if json.Unmarshal(in.Bytes(), &e) != nil {
			continue
		}
		top, _, sub := strings.Cut(e.Test, "/")
		switch {
		case e.Action == "run" && !sub:
			ran = append(ran, top)
			running[top] = true
		case e.Action == "fail" && top != "":
			v.first(top)
			delete(running, top)
		case (e.Action == "pass" || e.Action == "skip") && !sub:
			delete(running, top)
		case strings.HasPrefix(e.Output, "panic: test timed out"):
			v.timeout = true
		case strings.HasPrefix(e.Output, "panic: ") && top != "": // in another goroutine than the test's
			v.first(top)
		}
		if top == "" {
			output += e.Output
		}
	}
	if v.timeout { // the one that did not end has no verdict of its own
		for t := range running {
			v.first(t)
		}
	}
	return v, ran, output
}

func (v *verdict) first(test string) {
	if v.test == "" {
		v.test = test
	}
}
