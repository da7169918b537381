package cli

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"orka/watch/sim"
)

func TestDiffSaysWhatAnApplyChanges(t *testing.T) {
	b := newBench(t, sim.Config{}, "")
	b.configMap("settings", map[string]string{"colour": "blue", "size": "1"})
	changed := b.file("changed.yaml", settings("  colour: red\n"))
	same := b.file("same.yaml", settings("  colour: blue\n"))
	fresh := b.file("fresh.yaml", strings.ReplaceAll(settings("  a: b\n"), "settings", "fresh"))

	a := b.run("", "diff", "-f", changed)
	b.want(a, ExitDiffers, "--- LIVE/v1.ConfigMap.default.settings\n+++ MERGED/v1.ConfigMap.default.settings\n@@ ", "conflict: configmaps default/settings: .data.colour is owned by")
	for _, line := range []string{"-  colour: blue\n", "+  colour: red\n", "   size: \"1\"\n"} {
		if !strings.Contains(a.out, line) {
			t.Errorf("no line %q in\n%s", line, a.out)
		}
	}
	b.want(b.run("", "diff", "-f", same), ExitSame, "", "")
	if a := b.run("", "diff", "-f", same); a.out != "" {
		t.Errorf("nothing differs, but: %s", a.out)
	}
	a = b.run("", "diff", "-f", fresh)
	b.want(a, ExitDiffers, "--- /dev/null\n+++ MERGED/v1.ConfigMap.default.fresh\n@@ -0,0 +1,", "")
	if strings.Contains(a.out, "\n-") || !strings.Contains(a.out, "+  a: b\n") {
		t.Errorf("a new object is all added lines:\n%s", a.out)
	}
	got := b.reports(b.run(settings("  colour: red\n"), "diff", "-f", "-", "-f", same, "-f", fresh, "-o", "json"))
	b.want(b.run(settings("  colour: red\n"), "diff", "-f", "-", "-f", same), ExitUsage, "", "named twice, first at stdin:1")
	if len(got) != 0 {
		t.Errorf("an object named twice is compared: %+v", got)
	}
	got = b.reports(b.run(settings("  colour: red\n"), "diff", "-f", "-", "-f", fresh, "-o", "json"))
	if len(got) != 2 || got[0].File != "stdin" || !*got[0].Exists || *got[1].Exists || got[0].Outcome != outcomeDiffers || !got[1].Changed {
		t.Fatalf("%+v", got)
	}
	if c := got[0].Fields.Conflicts; len(c) != 1 || c[0].Path != ".data.colour" || c[0].Manager == "" {
		t.Errorf("conflicts %+v", c)
	}
	if !strings.Contains(got[0].Diff, "+  colour: red\n") || !strings.HasPrefix(got[1].Diff, "--- /dev/null\n") {
		t.Errorf("diffs %q, %q", got[0].Diff, got[1].Diff)
	}
	if w := b.writes(); len(w) > 0 {
		t.Errorf("diff wrote: %v", w)
	}
}

// TestDiffIsAPatch: what diff prints, patch(1) could apply: the numbers of each hunk are those of its lines.
func TestDiffIsAPatch(t *testing.T) {
	b := newBench(t, sim.Config{}, "")
	data, text := map[string]string{}, "  k00: changed\n  k29: changed\n  zz: new\n"
	for i := range 30 {
		data[fmt.Sprintf("k%02d", i)] = "v"
	}
	b.configMap("settings", data)
	a := b.run("", "diff", "-f", b.file("s.yaml", settings(text)))
	b.want(a, ExitDiffers, "@@ -", "")
	hunks := 0
	var old, added int
	for line := range strings.Lines(a.out + "@@ -0,0 +0,0 @@\n") {
		switch {
		case strings.HasPrefix(line, "@@"):
			if old != 0 || added != 0 {
				t.Errorf("a hunk has %d and %d lines fewer than its header says:\n%s", old, added, a.out)
			}
			var x, y int
			if _, err := fmt.Sscanf(line, "@@ -%d,%d +%d,%d @@", &x, &old, &y, &added); err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			hunks++
		case hunks == 0:
		case line[0] == '-':
			old--
		case line[0] == '+':
			added--
		default:
			old--
			added--
		}
	}
	if hunks != 3 { // two, and the one added above
		t.Errorf("%d hunks:\n%s", hunks-1, a.out)
	}
}

func TestDiffByAnotherProgram(t *testing.T) {
	b := newBench(t, sim.Config{}, "")
	b.configMap("settings", map[string]string{"colour": "blue"})
	b.configMap("other", map[string]string{"x": "y"})
	program := b.file("compare", "#!/bin/sh\necho \"$@\" | sed 's,[^ ]*/,,g'\nls \"$1\" \"$2\" | grep -v :\ncat \"$1\"/*settings\nexit ${STATUS:-1}\n")
	if err := os.Chmod(program, 0o700); err != nil {
		t.Fatal(err)
	}
	files := []string{"-f", b.file("s.yaml", settings("  colour: red\n")), "-f", b.file("n.yaml", strings.ReplaceAll(settings("  a: b\n"), "settings", "fresh"))}
	b.env[externalDiffEnv] = program + " -u --color=always ;rm $(x) x"
	a := b.run("", append([]string{"diff"}, files...)...)
	b.want(a, ExitDiffers, "v1.ConfigMap.default.settings\n", "")
	first, rest, _ := strings.Cut(a.out, "\n")
	words := strings.Fields(first)
	if len(words) != 5 || !strings.HasPrefix(words[0], "LIVE-") || !strings.HasPrefix(words[1], "MERGED-") || !cmp.Equal(words[2:], []string{"-u", "--color=always", "x"}) {
		t.Errorf("the program was called with %v", words)
	}
	if !strings.Contains(rest, "v1.ConfigMap.default.fresh") || !strings.Contains(rest, "colour: blue") {
		t.Errorf("the program saw %s", rest)
	}
	for _, dir := range words[:2] {
		if _, err := os.Stat(filepath.Join(os.TempDir(), dir)); !os.IsNotExist(err) {
			t.Errorf("%s is left behind (%v)", dir, err)
		}
	}
	broken := b.file("broken", "#!/bin/sh\nexit 2\n")
	if err := os.Chmod(broken, 0o700); err != nil {
		t.Fatal(err)
	}
	for program, want := range map[string]int{"true": ExitSame, "false": ExitDiffers, "no-such-program-there": ExitPartial, broken: ExitPartial, " x": ExitPartial} {
		b.env[externalDiffEnv] = program
		if a := b.run("", append([]string{"diff"}, files...)...); a.code != want {
			t.Errorf("%q: exit %d, want %d: %s", program, a.code, want, a.err)
		}
	}
}

// TestDiffErrorsAreNoAnswer: 1 says that something differs, so no error may be 1.
func TestDiffErrorsAreNoAnswer(t *testing.T) {
	b := newBench(t, sim.Config{}, "")
	b.configMap("settings", map[string]string{"colour": "blue"})
	file := b.file("s.yaml", settings("  colour: red\n"))
	b.want(b.run("", "diff", "-f", file, "--context", "nope"), ExitPartial, "", "context")
	b.want(b.run("", "diff"), ExitUsage, "", "want -f FILE")
	b.want(b.run("", "diff", "-f", file, "x"), ExitUsage, "", `unexpected "x"`)
	b.want(b.run("", "diff", "-f", file, "-A"), ExitUsage, "", "-A")
	b.want(b.run("", "diff", "--last-applied", "cm", "settings"), ExitPartial, "", "orka has applied nothing to it")
	var errOut bytes.Buffer
	code := Run(t.Context(), "orka", []string{"--kubeconfig", b.config, "diff", "-f", file}, strings.NewReader(""), full{}, &errOut, isolated(t))
	if code != ExitPartial || !strings.Contains(errOut.String(), "no space left") {
		t.Errorf("a full disk: exit %d, %s", code, &errOut)
	}
	b.server.Inject(sim.Fault{Match: sim.Match{Resource: "configmaps"}, Action: sim.Hang{}})
	b.want(b.run("", "diff", "-f", file, "--request-timeout", "300ms"), ExitPartial, "", "--request-timeout")
}
