package ui

import (
	"strings"
	"testing"

	tea "github.com/charmbracelet/bubbletea"
)

func TestFastKeysArriveTogether(t *testing.T) {
	drive(t, stage{w: 80, h: 24, view: smallCluster()}, func(d *driver) {
		d.key("esc")
		d.send(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune("jj/web")})
		if got := d.m.explore.input.value(); got != "web" {
			t.Errorf("the query is %q", got)
		}
	})
}

func TestPasteIsText(t *testing.T) {
	drive(t, stage{w: 80, h: 24, view: smallCluster()}, func(d *driver) {
		d.key("esc")
		before := d.m.screen
		d.send(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune("qKy"), Paste: true})
		if d.quit || d.m.screen != before {
			t.Error("pasted text was taken as commands")
		}
		d.see("pasted text is ignored")
		d.key("/")
		d.send(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune("k:pod\nweb\x1b[2J\u202e"), Paste: true})
		for _, line := range strings.Split(d.m.View(), "\n") {
			if strings.Contains(line, "\x1b[2J") || strings.ContainsRune(line, '\u202e') {
				t.Errorf("the paste reached the terminal: %q", line)
			}
		}
	})
}
