package ui

import (
	"errors"
	"math/rand/v2"
	"os"
	"testing"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/muesli/termenv"

	"orka/apply"
)

// TestEditFramesFit walks through the Apply flow with random keys, sizes and answers.
func TestEditFramesFit(t *testing.T) {
	rnd := rand.New(rand.NewPCG(randomSeed(t), 3)) //nolint:gosec // replays with its seed
	keys := []string{"e", "e", "e", "a", "a", "y", "n", "N", "esc", "q", "d", "f", "t", " ", "w", "s", "c", "x", "r", "tab", "shift+tab", "/", "enter", "up", "down", "pgdown", "pgup", "home", "end", "left", "right", "?", "K", "S", "C", "[", "1"}
	themes := []*theme{plainTheme, newTheme(termenv.Ascii, false, true), newTheme(termenv.ANSI, false, false)}
	for range 6 {
		objects := nastyObjects(rnd)
		drive(t, editing(t, stage{w: 80, h: 24, objects: objects, theme: themes[rnd.IntN(len(themes))]}, func(path string) error {
			if rnd.IntN(8) == 0 {
				return errors.New("exit status 1")
			}
			return os.WriteFile(path, []byte("replicas: "+nastyNames[rnd.IntN(len(nastyNames))]+"\nx\n"), 0o600)
		}), func(d *driver) {
			d.m.opts.suffix = nil
			a := &d.engine.applier
			nasty := func() string { return nastyNames[rnd.IntN(len(nastyNames))] }
			mishap := func(b *apply.Base) error {
				switch t := b.Target; rnd.IntN(14) {
				case 0:
					return &apply.ChangedError{Target: t, Fields: []apply.Versions{{Path: nasty(), Base: nasty(), Yours: nasty() + "\n" + nasty()}}}
				case 1:
					return &apply.RejectedError{Target: t, Code: 422, Reason: nasty(), Message: nasty(), Causes: []apply.Cause{{Path: nasty(), Message: nasty()}}, Webhook: nasty(), NoDryRun: rnd.IntN(2) == 0}
				case 2:
					return &apply.DraftError{Line: 1 + rnd.IntN(3), Column: rnd.IntN(9), Path: nasty(), Message: nasty()}
				case 3:
					return &apply.StaleError{Target: t, Failed: []apply.Check{{Condition: apply.WatchLive, Verdict: apply.Fails, Reason: nasty()}}}
				case 4:
					return &apply.UnknownError{Target: t, Err: errors.New(nasty())}
				case 5:
					return errors.New(nasty())
				}
				return nil
			}
			a.onPreview = func(_ apply.Consent, p *apply.Preview) (*apply.Preview, error) {
				if err := mishap(p.Base); err != nil {
					return nil, err
				}
				for range rnd.IntN(3) {
					p.Conflicts = append(p.Conflicts, apply.Conflict{Path: nasty(), Manager: nasty(), Removes: rnd.IntN(2) == 0})
					p.Warnings = append(p.Warnings, nasty())
				}
				for i := range p.Diff.Hunks[1].Lines {
					l := &p.Diff.Hunks[1].Lines[i]
					l.Text = nasty()
					l.Emphasis = [][2]int{{rnd.IntN(4), 1 + rnd.IntN(30)}}
				}
				return p, nil
			}
			a.onCommit = func(p *apply.Preview, _ apply.Consent) (*apply.Result, error) {
				if err := mishap(p.Base); err != nil {
					return nil, err
				}
				return &apply.Result{Target: p.Base.Target, UID: p.Base.UID, ResourceVersion: p.Base.ResourceVersion, Surprises: p.Diff, Warnings: []string{nasty()}}, nil
			}
			d.key("esc")
			for range 250 {
				if rnd.IntN(8) == 0 {
					d.send(tea.WindowSizeMsg{Width: 1 + rnd.IntN(220), Height: 1 + rnd.IntN(70)})
				} else {
					d.key(keys[rnd.IntN(len(keys))])
				}
				checkFrame(t, d)
				if d.quit {
					d.quit = false
				}
				if d.m.crashed != nil || t.Failed() {
					t.Fatalf("%v\n%s", d.m.crashed, d.screen())
				}
			}
		})
	}
}

// TestMonoHasNoColoursInAnEdit holds the Apply flow to the same.
func TestMonoHasNoColoursInAnEdit(t *testing.T) {
	for _, scene := range editScenes {
		if scene.name == "ascii" {
			continue
		}
		var coloured, mono string
		editScene(t, scene.name, 120, 40, func(d *driver) { coloured = d.screen() })
		editScene(t, scene.name, 120, 40, func(d *driver) {
			d.m.th = newTheme(termenv.Ascii, true, false)
			d.send(tea.WindowSizeMsg{Width: 120, Height: 40})
			mono = d.screen()
			if found := colours.FindString(d.m.View()); found != "" {
				t.Errorf("%s: a colour without colours: %q", scene.name, found)
			}
		})
		if coloured != mono {
			t.Errorf("%s: the screens say different things with and without colours", scene.name)
		}
	}
}
