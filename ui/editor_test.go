package ui

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"orka/apply"
)

func TestChooseEditor(t *testing.T) {
	there := func(names ...string) func(string) (string, error) {
		return func(name string) (string, error) {
			for _, n := range names {
				if n == name {
					return "/bin/" + n, nil
				}
			}
			return "", fs.ErrNotExist
		}
	}
	for _, tt := range []struct {
		name string
		env  map[string]string
		look func(string) (string, error)
		goos string
		want []string
		err  string
	}{
		{name: "KUBE_EDITOR before EDITOR", env: map[string]string{"KUBE_EDITOR": "code --wait", "EDITOR": "vi"}, look: there("code", "vi"), want: []string{"/bin/code", "--wait"}},
		{name: "EDITOR", env: map[string]string{"EDITOR": "emacsclient -t"}, look: there("emacsclient"), want: []string{"/bin/emacsclient", "-t"}},
		{name: "quotes", env: map[string]string{"EDITOR": `"my editor" --title 'a b' ""`}, look: there("my editor"), want: []string{"/bin/my editor", "--title", "a b", ""}},
		{name: "a path with blanks", env: map[string]string{"EDITOR": "My Editor"}, look: there("My Editor"), want: []string{"/bin/My Editor"}},
		{name: "Windows paths", env: map[string]string{"EDITOR": `C:\bin\ed.exe -x`}, look: there(`C:\bin\ed.exe`), want: []string{`/bin/C:\bin\ed.exe`, "-x"}},
		{name: "vi", look: there("nano", "vi"), want: []string{"/bin/vi"}},
		{name: "nano", look: there("nano"), want: []string{"/bin/nano"}},
		{name: "notepad", look: there("notepad"), goos: "windows", want: []string{"/bin/notepad"}},
		{name: "none", look: there(), err: "no editor: $KUBE_EDITOR and $EDITOR are not set, and there is no vi or nano"},
		{name: "not found", env: map[string]string{"KUBE_EDITOR": "kate --block"}, look: there("vi"), err: `the editor "kate" of $KUBE_EDITOR was not found`},
		{name: "open quote", env: map[string]string{"EDITOR": `vi "`}, look: there("vi"), err: "$EDITOR: a quote is not closed"},
		{name: "only quotes", env: map[string]string{"EDITOR": `""`}, look: there("vi"), err: "$EDITOR: it names no command"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := chooseEditor(func(k string) string { return tt.env[k] }, tt.look, tt.goos)
			if (err == nil) != (tt.err == "") || (err != nil && !strings.Contains(err.Error(), tt.err)) {
				t.Fatalf("error %v, want %q", err, tt.err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func testFolder(t *testing.T) drafts {
	return drafts{dir: filepath.Join(t.TempDir(), "state", draftFolder), suffix: letters()}
}

func TestDraftFiles(t *testing.T) {
	d := testFolder(t)
	of := apply.Target{Kind: kindDeployment, Namespace: "shop", Name: strings.Repeat("web:", 70)}
	base := draftBase{Cluster: "c", Context: "x", Kind: kindDeployment.GVK.String(), Namespace: "shop", Name: of.Name, UID: "u1", ResourceVersion: "7"}
	path, err := d.write(of, base, []byte("replicas: 5"))
	if err != nil {
		t.Fatal(err)
	}
	if name := filepath.Base(path); !strings.HasPrefix(name, "deployments.apps-shop-web_web_") || !strings.HasSuffix(name, "-aaaaaaaa.yaml") || len(name) > 200 {
		t.Errorf("named %q", name)
	}
	if runtime.GOOS != "windows" {
		for p, want := range map[string]fs.FileMode{d.dir: 0o700, path: 0o600, path + baseSuffix: 0o600} {
			if info, err := os.Stat(p); err != nil || info.Mode().Perm() != want {
				t.Errorf("%s: %v, %v; want %v", p, info.Mode(), err, want)
			}
		}
	}
	about, err := os.ReadFile(path + baseSuffix)
	if err != nil || strings.Contains(string(about), "replicas") {
		t.Errorf("beside it: %s, %v", about, err)
	}

	other := base
	other.Name, other.UID = "other", "u2"
	if _, err := d.write(of, other, nil); err != nil {
		t.Fatal(err)
	}
	recreated := base
	recreated.UID = "u3"
	later, err := d.write(of, recreated, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, time.Now(), time.Now().Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, o := range d.find(base) {
		got = append(got, o.path+" "+o.base.UID)
	}
	if diff := cmp.Diff([]string{later + " u3", path + " u1"}, got); diff != "" {
		t.Errorf("drafts of the name: %s", diff)
	}

	// What editors leave beside a draft goes with it; other drafts stay.
	for _, p := range []string{path + "~", filepath.Join(d.dir, "."+filepath.Base(path)+".swp")} {
		if err := os.WriteFile(p, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.remove(path); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(d.dir)
	if err != nil || len(left) != 4 {
		t.Errorf("left: %v, %v", left, err)
	}
}

func TestDraftIsBounded(t *testing.T) {
	d := testFolder(t)
	path, err := d.write(apply.Target{Kind: kindNode, Name: "n"}, draftBase{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, maxDraft+1); err != nil {
		t.Fatal(err)
	}
	if _, err := d.read(path); err == nil || !strings.Contains(err.Error(), "16 MiB") {
		t.Errorf("read: %v", err)
	}
}

func TestUnwritableFolder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	editDrive(t, stage{}, change, func(d *driver) {
		d.m.opts.StateDir = file
		d.key("e")
		d.see("could not write the draft of deployments.apps checkout/web")
		d.key("esc")
		if d.m.screen != screenExplore {
			t.Errorf("screen %d", d.m.screen)
		}
	})
}

// script is an editor of a few lines of shell.
func script(t *testing.T, lines string) string {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("no shell")
	}
	path := filepath.Join(t.TempDir(), "my editor.sh")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+lines+"\n"), 0o700); err != nil { //nolint:gosec // it is run
		t.Fatal(err)
	}
	return path
}

func TestEditorCommand(t *testing.T) {
	draft := filepath.Join(t.TempDir(), "draft.yaml")
	for _, tt := range []struct{ name, lines, text, says string }{
		{"changes", `printf "$1" >> "$2"; echo hello`, "changed", ""},
		{"fails", `exit 3`, "", "ended with exit status 3"},
		{"dies", `kill -9 $$`, "", "ended with signal: killed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := os.WriteFile(draft, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			var away []bool
			c := &editorCommand{argv: []string{script(t, tt.lines), "changed"}, path: draft, away: func(on bool) { away = append(away, on) }}
			c.SetStdin(strings.NewReader(""))
			c.SetStdout(&out)
			err := c.Run()
			if (err == nil) != (tt.says == "") || (err != nil && !strings.Contains(editorFailure(c.argv, err), tt.says)) {
				t.Errorf("%v", err)
			}
			if text, err := os.ReadFile(draft); err != nil || string(text) != tt.text {
				t.Errorf("the draft is %q, %v", text, err)
			}
			if !strings.HasSuffix(out.String(), softReset) {
				t.Errorf("the terminal is not reset: %q", out.String())
			}
			if !slices.Equal(away, []bool{true, false}) {
				t.Errorf("away was told %v", away)
			}
		})
	}
	c := &editorCommand{argv: []string{filepath.Join(t.TempDir(), "none")}, path: draft}
	if err := c.Run(); err == nil || !strings.Contains(editorFailure(c.argv, err), "could not be run") || errors.Is(err, fs.ErrExist) {
		t.Errorf("%v", err)
	}
}
