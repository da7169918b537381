package main_test

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"orka/engine"
)

// What the documents name must exist: they are read by people who can't know that it was renamed.

var (
	testName = regexp.MustCompile("`((?:Test|Fuzz|Benchmark)[A-Z][A-Za-z0-9_]*)[^`]*`")
	testFunc = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Benchmark)\w+)\(`)
	link     = regexp.MustCompile(`\]\(([^)#:\s]+)(?:#[^)]*)?\)`)
	makeUse  = regexp.MustCompile("(?m)(?:`|^)make ([a-z-]+)")
	makeRule = regexp.MustCompile(`(?m)^([a-z-]+):`)
	knobRow  = regexp.MustCompile("(?m)^\\| `(ORKA_[A-Z_]+)` \\| ([^|]*) \\|")

	mutantTable = regexp.MustCompile(`(?m)^\| mutant \|.*\n\|[-|]+\|\n((?:\|.*\n)+)`)
	mutantText  = regexp.MustCompile(`(?m)\Abreaks: (.*)\nfile: .*\ntest: \./(\S+) (\w+)$`)
)

// unknown names what a document mentions by pattern and known lacks.
func unknown(doc, text string, pattern *regexp.Regexp, known []string, what string) []string {
	var out []string
	for _, m := range pattern.FindAllStringSubmatch(text, -1) {
		if !slices.Contains(known, m[1]) {
			out = append(out, fmt.Sprintf("%s names the %s %s, which does not exist (renamed?)", doc, what, m[1]))
		}
	}
	return out
}

func TestDocsNameWhatExists(t *testing.T) {
	var tests []string
	for _, f := range goFiles(t) {
		if strings.HasSuffix(f, "_test.go") {
			tests = append(tests, submatches(testFunc, read(t, f))...)
		}
	}
	targets := submatches(makeRule, read(t, "Makefile"))
	for _, doc := range documents(t) {
		text := read(t, doc)
		report(t, unknown(doc, text, testName, tests, "test"))
		report(t, unknown(doc, text, makeUse, targets, "make target"))
		for _, to := range submatches(link, text) {
			if _, err := os.Stat(path.Join(path.Dir(doc), to)); err != nil {
				t.Errorf("%s links to %s, which does not exist", doc, to)
			}
		}
	}
}

// TestDocsKnobs holds the table of knobs against the program: the same knobs in the same order, with the same defaults.
func TestDocsKnobs(t *testing.T) {
	_, settings, err := engine.Load()
	if err != nil {
		t.Fatal(err)
	}
	var want, got []string
	for i, k := range engine.Knobs() {
		want = append(want, k.Env()+" = "+settings[i].Value)
	}
	for _, m := range knobRow.FindAllStringSubmatch(read(t, "docs/operations.md"), -1) {
		got = append(got, m[1]+" = "+m[2])
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the table in docs/operations.md differs from engine.Knobs (-program +document):\n%s", diff)
	}
}

// TestDocsMutants holds the table of mutants against the files that describe them, and the tests they name against those of
// the package: `make mutants`, which compares too, takes long and is run seldom.
func TestDocsMutants(t *testing.T) {
	files, err := fs.Glob(os.DirFS("."), "testdata/mutants/*.mutant")
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, f := range files {
		m := mutantText.FindStringSubmatch(read(t, f))
		if m == nil {
			t.Errorf("%s does not begin with its lines breaks, file and test", f)
			continue
		}
		want = append(want, fmt.Sprintf("| %s | %s | `%s` |", strings.TrimSuffix(path.Base(f), ".mutant"), m[1], m[3]))
		tests, err := fs.Glob(os.DirFS("."), m[2]+"/*_test.go")
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(tests, func(test string) bool { return slices.Contains(submatches(testFunc, read(t, test)), m[3]) }) {
			t.Errorf("%s is to be killed by %s, which is not in %s", f, m[3], m[2])
		}
	}
	table := mutantTable.FindStringSubmatch(read(t, "docs/reliability.md"))
	if table == nil {
		t.Fatal("docs/reliability.md has no table of mutants")
	}
	got := strings.Split(strings.TrimSuffix(table[1], "\n"), "\n")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the table in docs/reliability.md differs from testdata/mutants (-files +document):\n%s", diff)
	}
}

func TestDocsCheckCanFail(t *testing.T) {
	text := "Run `make tets`; see `TestGone/case` and `TestThere`."
	got := unknown("x.md", text, testName, []string{"TestThere"}, "test")
	got = append(got, unknown("x.md", text, makeUse, []string{"test"}, "make target")...)
	if len(got) != 2 || !strings.Contains(got[0], "TestGone") || !strings.Contains(got[1], "tets") {
		t.Errorf("want complaints about TestGone and tets, got %q", got)
	}
}

func submatches(re *regexp.Regexp, text string) []string {
	var out []string
	for _, m := range re.FindAllStringSubmatch(text, -1) {
		out = append(out, m[1])
	}
	return out
}

// documents lists the Markdown files of the root and of docs.
func documents(t *testing.T) []string {
	t.Helper()
	var out []string
	for _, pattern := range []string{"*.md", "docs/*.md"} {
		files, err := fs.Glob(os.DirFS("."), pattern)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, files...)
	}
	if len(out) == 0 {
		t.Fatal("no documents found: the test must run in the module's root")
	}
	return out
}

func read(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
