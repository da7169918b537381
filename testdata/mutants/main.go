// Mutants breaks orka's own code in one known way after another and reports which of its tests notices.
//
// Each *.mutant file beside this one describes one: what it breaks, where, and the test that is to fail. It is applied to a
// copy of the one file it changes, by `go test -overlay`; the work tree is not touched. A mutant counts as killed when a test
// fails or does not end in time. One that does not compile, or whose text is no longer in the file, is an error: the code has
// moved on and the mutant has to follow.
//
// Run it as `make mutants`; `go run . -root ../.. -run 'sweep|stale'` for some of them.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"
)

// parallel is how many mutants are tried at once: each is a build and a test, which keep a core busy.
const parallel = 2

func main() {
	root := flag.String("root", "../..", "the repository")
	only := flag.String("run", "", "only mutants whose name matches this regular expression")
	table := flag.Bool("table", false, "print the table for docs/reliability.md instead")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Stdout, *root, *only, *table)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer, root, only string, table bool) error {
	root, err := filepath.Abs(root)
	if err != nil {
		return err
	}
	pattern, err := regexp.Compile(only)
	if err != nil {
		return fmt.Errorf("-run: %w", err)
	}
	all, err := read(filepath.Join(root, "testdata", "mutants"))
	if err != nil {
		return err
	}
	if table {
		fmt.Fprint(out, tableOf(all))
		return nil
	}
	var chosen []mutant
	for _, m := range all {
		if pattern.MatchString(m.name) {
			chosen = append(chosen, m)
		}
	}
	if len(chosen) == 0 {
		return fmt.Errorf("no mutant matches %q", only)
	}
	var errs []error
	if only == "" {
		errs = append(errs, documented(root, all))
	}
	// A test that fails anyway would kill anything.
	if err := baseline(ctx, root, chosen); err != nil {
		return err
	}
	start := time.Now()
	errs = append(errs, tryAll(ctx, out, root, chosen)...)
	if err := errors.Join(errs...); err != nil {
		return err
	}
	fmt.Fprintf(out, "%d mutants, all killed, in %.0f s\n", len(chosen), time.Since(start).Seconds())
	return nil
}

// tryAll tries the mutants and returns what is wrong with each that was not killed as it says.
func tryAll(ctx context.Context, out io.Writer, root string, mutants []mutant) []error {
	errs := make([]error, len(mutants))
	slots := make(chan struct{}, parallel)
	var mu sync.Mutex // of out
	var wg sync.WaitGroup
	for i, m := range mutants {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			start := time.Now()
			v, err := m.try(ctx, root)
			errs[i] = err
			mu.Lock()
			defer mu.Unlock()
			said := "killed by " + v.test
			if v.timeout {
				said += " (which did not end)"
			}
			if err != nil {
				said = "NOT KILLED"
			}
			fmt.Fprintf(out, "%-34s %5.1f s  %s\n", m.name, time.Since(start).Seconds(), said)
		})
	}
	wg.Wait()
	return errs
}

// documented compares the mutants with the table in docs/reliability.md.
func documented(root string, mutants []mutant) error {
	const doc = "docs/reliability.md"
	text, err := os.ReadFile(filepath.Join(root, doc))
	if err != nil {
		return err
	}
	if !strings.Contains(string(text), tableOf(mutants)) {
		return fmt.Errorf("the table of mutants in %s is not this one:\n%s", doc, tableOf(mutants))
	}
	return nil
}
