package ui

import (
	"strings"
	"testing"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"
)

func paste(d *driver, s string) {
	d.send(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune(s), Paste: true})
}

func TestFieldScrollsBack(t *testing.T) {
	drive(t, stage{w: 60, h: 12, view: smallCluster()}, func(d *driver) {
		paste(d, strings.Repeat("abc ", 75))
		d.key("ctrl+u")
		d.text("web")
		d.see(" ❯ web")
	})
	f := newField()
	line := func() string {
		c := newCanvas(plainTheme, 20, 1)
		f.draw(c, 20, true, "", [2]int{})
		return strings.TrimRight(ansi.Strip(c.String()), " ")
	}
	f.set(strings.Repeat("x", 300) + "0123456789")
	if got := line(); !strings.HasSuffix(got, "0123456789") {
		t.Errorf("the end is not shown: %q", got)
	}
	for range 295 {
		f.update(tea.KeyMsg{Type: tea.KeyBackspace})
		line()
	}
	if got, want := line(), strings.Repeat("x", 15); got != want {
		t.Errorf("%q after deleting; want %q", got, want)
	}
}

func TestPasteBeyondTheLimitSaysSo(t *testing.T) {
	drive(t, stage{w: 100, h: 12, view: smallCluster()}, func(d *driver) {
		paste(d, strings.Repeat("a", queryLimit))
		d.miss("the paste was cut")
		paste(d, "bcd")
		d.see("the paste was cut: 1,024 characters is the limit, 3 too many")
	})
}

func TestRowsOfTheLastValidQuery(t *testing.T) {
	drive(t, stage{w: 100, h: 12, view: smallCluster(), opts: Options{Query: "k:pod"}}, func(d *driver) {
		d.miss("last valid")
		d.text(" nss:x")
		d.see("rows of the last valid query")
		d.miss("≈")
		d.key("ctrl+u")
		d.miss("last valid")
	})
}

func TestResumeGivesTheMouseBack(t *testing.T) {
	drive(t, stage{w: 100, h: 12, view: smallCluster()}, func(d *driver) {
		d.send(tea.ResumeMsg{})
		if len(d.system) != 1 || d.system[0] != tea.EnableMouseCellMotion() {
			t.Errorf("after fg the terminal was told %v", d.system)
		}
		d.key("esc", "m")
		d.system = nil
		d.send(tea.ResumeMsg{})
		if len(d.system) != 0 {
			t.Errorf("the mouse was off; the terminal was told %v", d.system)
		}
	})
}

func TestLongNameLeavesRoom(t *testing.T) {
	c := newCluster(1)
	o := c.pod("payments-production-eu-1", strings.Repeat("n", 253), "web")
	o.Status = "CrashLoopBackOff"
	for query, status := range map[string]string{"": "CrashLoopBackOff", "k:pod": "Running"} {
		drive(t, stage{w: 120, h: 12, objects: c.out, opts: Options{Query: query}}, func(d *driver) {
			d.see("payments-production-eu-1")
			d.see(status)
			d.see("39d")
			d.see("nnnnnnnnnn…nnnnnnnnn")
		})
	}
	drive(t, stage{w: 40, h: 12, objects: c.out, opts: Options{Query: "k:pod"}}, func(d *driver) {
		d.see("STATUS")
		d.miss("NAMESPACE")
	})
}

func TestFitGroup(t *testing.T) {
	for _, tt := range []struct {
		s    string
		w    int
		want string
	}{
		{"pods", 10, "pods"},
		{"mutatingadmissionpolicies.admissionregistration.k8s.io", 33, "mutatingadmissionpolicies.admiss…"},
		{"mutatingadmissionpolicybindings.admissionregistration.k8s.io", 33, "mutatingadmissionpolicybindings.…"},
		{"mutatingadmissionpolicybindings.admissionregistration.k8s.io", 20, "mutatingad…ybindings"},
		{"roles.rbac.authorization.k8s.io in team-a", 25, "roles.rbac.aut… in team-a"},
	} {
		if got, n := fitGroup(tt.s, tt.w, "…"); got != tt.want || n != width(got) || n > tt.w {
			t.Errorf("fitGroup(%q, %d) = %q, %d; want %q", tt.s, tt.w, got, n, tt.want)
		}
	}
}
