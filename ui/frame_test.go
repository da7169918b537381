package ui

import (
	"flag"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"
	"github.com/muesli/termenv"

	"orka/engine"
	"orka/watch"
)

var seed = flag.Uint64("seed", 0, "seed of the random tests; 0 draws one")

func randomSeed(t *testing.T) uint64 {
	t.Helper()
	s := *seed
	if s == 0 {
		s = rand.Uint64() //nolint:gosec // a seed that is printed
	}
	t.Logf("replay with -seed %d", s)
	return s
}

// nastyNames are names that break careless screens. They come sanitised, as everything from a cluster does.
var nastyNames = []string{
	strings.Repeat("very-long-", 25) + "end",
	"日本語のとても長い名前でセルを二つ使う文字ばかり",
	"é" + strings.Repeat("\u0301", 20) + "-combining",
	"👩‍👩‍👧‍👦-family-🇩🇪-flag-👍🏽",
	"مرحبا-بالعالم-123",
	"שלום-42",
	"\u202egnitteson\u202c",
	"tab\there\nand\x1b[2Jclear",
	"zero\u200bwidth\u200djoiner",
	"\xff\xfe-not-utf8",
	"ＦＵＬＬ－ｗｉｄｔｈ",
	"a",
	"ﷺ-one-wide-cell",
	"𝕸𝖆𝖙𝖍-🏳️‍🌈",
}

func nastyObjects(rnd *rand.Rand) []*watch.Object {
	c := newCluster(rnd.Uint64())
	for _, name := range nastyNames {
		o := c.pod(nastyNames[rnd.IntN(len(nastyNames))], name, "api")
		c.event(o, "BackOff", "message of "+name, time.Minute)
	}
	c.fill(200)
	return c.out
}

var (
	sgr     = regexp.MustCompile("\x1b\\[[0-9;]*m")
	colours = regexp.MustCompile("\x1b\\[[0-9;]*(3[0-8]|4[0-8]|9[0-7]|10[0-7])[0-9;]*m")
)

// checkFrame holds a frame to what every frame owes the terminal.
func checkFrame(t *testing.T, d *driver) {
	t.Helper()
	frame := d.m.View()
	lines := strings.Split(frame, "\n")
	if len(lines) != d.m.h {
		t.Errorf("%dx%d: %d lines", d.m.w, d.m.h, len(lines))
	}
	for i, line := range lines {
		if n := ansi.StringWidth(line); n > d.m.w {
			t.Errorf("%dx%d: line %d is %d cells wide: %q", d.m.w, d.m.h, i, n, line)
		}
		plain := sgr.ReplaceAllString(line, "")
		for _, r := range plain {
			if r < ' ' || (r >= 0x7f && r < 0xa0) || (r >= 0x202a && r <= 0x202e) || r == 0xfffd {
				t.Errorf("%dx%d: line %d has %U: %q", d.m.w, d.m.h, i, r, plain)
			}
		}
		if strings.Contains(line, "\x1b[") && !strings.HasSuffix(line, sgrReset) && lastStyleOpen(line) {
			t.Errorf("line %d leaves its style open: %q", i, line)
		}
	}
}

func lastStyleOpen(line string) bool {
	all := sgr.FindAllString(line, -1)
	return len(all) > 0 && all[len(all)-1] != sgrReset
}

// TestFramesFit walks through all screens with random keys, sizes and names; every frame must fit.
func TestFramesFit(t *testing.T) {
	rnd := rand.New(rand.NewPCG(randomSeed(t), 2)) //nolint:gosec // replays with its seed
	keys := []string{
		"esc", "esc", "enter", "tab", "shift+tab", "up", "down", "pgdown", "pgup", "home", "end", "j", "k", "g", "G", "p", "w", "o", "O", " ", "d", "y", "v",
		"K", "S", "N", "C", "?", "[", "]", "/", "n", "r", "R", "left", "right", "f1", "a", "e", "ctrl+u", "backspace", ":", "ns:", "k:pod", "is:", "世", "\u0301", "x y",
	}
	themes := []*theme{plainTheme, newTheme(termenv.Ascii, false, true), newTheme(termenv.ANSI, false, false)}
	for range 6 {
		edit := []func(*engine.Health){nil, stalePods, loadingPods, forbiddenSecrets, narrowUser(kindPod, kindEvent)}[rnd.IntN(5)]
		objects := nastyObjects(rnd)
		drive(t, stage{w: 80, h: 24, objects: objects, edit: edit, theme: themes[rnd.IntN(len(themes))], opts: Options{
			Contexts: &fakeContexts{}, Info: Info{Context: nastyNames[rnd.IntN(len(nastyNames))], Impersonating: nastyNames[rnd.IntN(len(nastyNames))]},
		}}, func(d *driver) {
			d.engine.yaml = sampleYAML + "note: " + strings.Join(nastyNames, " ") + "\n"
			for range 250 {
				switch rnd.IntN(8) {
				case 0:
					d.send(tea.WindowSizeMsg{Width: 1 + rnd.IntN(220), Height: 1 + rnd.IntN(70)})
				case 1:
					d.send(tea.MouseMsg{X: rnd.IntN(d.m.w), Y: rnd.IntN(d.m.h), Action: tea.MouseActionPress, Button: []tea.MouseButton{tea.MouseButtonLeft, tea.MouseButtonWheelDown, tea.MouseButtonWheelUp}[rnd.IntN(3)]})
				default:
					d.key(keys[rnd.IntN(len(keys))])
				}
				checkFrame(t, d)
				if d.m.crashed != nil || t.Failed() {
					t.Fatalf("%v\n%s", d.m.crashed, d.screen())
				}
			}
		})
	}
}

// TestMonoHasNoColours holds NO_COLOR to its word, and the themes to saying the same.
func TestMonoHasNoColours(t *testing.T) {
	for _, scene := range scenes {
		if scene.name == "ascii" {
			continue
		}
		objects := newCluster(1).fill(300)
		view, err := testView(t.Context(), objects, scene.edit)
		if err != nil {
			t.Fatal(err)
		}
		var coloured, mono string
		drive(t, stage{w: 120, h: 40, view: view, opts: scene.opts}, func(d *driver) {
			scene.do(d)
			coloured = d.screen()
			if !colours.MatchString(d.m.View()) {
				t.Errorf("%s: no colour in full colour", scene.name)
			}
		})
		drive(t, stage{w: 120, h: 40, view: view, opts: scene.opts, theme: newTheme(termenv.Ascii, true, false)}, func(d *driver) {
			scene.do(d)
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

// TestHealthIsNotByColourAlone looks for the marks beside the colours.
func TestHealthIsNotByColourAlone(t *testing.T) {
	drive(t, stage{w: 120, h: 40, view: smallCluster(), theme: newTheme(termenv.Ascii, true, false), opts: Options{Query: "crash k:pod"}}, func(d *driver) {
		rows := 0
		for _, line := range strings.Split(d.screen(), "\n") {
			if strings.Contains(line, "CrashLoopBackOff") {
				rows++
				if !strings.Contains(line[:12], "✗") {
					t.Errorf("no mark: %q", line)
				}
			}
		}
		if rows == 0 {
			t.Error("no unhealthy row on screen")
		}
	})
}

func TestFit(t *testing.T) {
	for _, tt := range []struct {
		s           string
		w           int
		end, middle string
	}{
		{"abcdef", 6, "abcdef", "abcdef"},
		{"abcdefghij", 6, "abcde…", "abc…ij"},
		{"abcdef", 1, "…", "…"},
		{"abcdef", 0, "", ""},
		{"日本語テスト", 7, "日本語…", "日…スト"},
		{"éé", 2, "éé", "éé"},
	} {
		if got, n := fit(tt.s, tt.w, "…"); got != tt.end || n != width(got) {
			t.Errorf("fit(%q, %d) = %q, %d; want %q", tt.s, tt.w, got, n, tt.end)
		}
		if got, n := fitMiddle(tt.s, tt.w, "…"); width(got) > tt.w || n != width(got) || (plainASCII(tt.s) && got != tt.middle) {
			t.Errorf("fitMiddle(%q, %d) = %q, %d; want %q", tt.s, tt.w, got, n, tt.middle)
		}
	}
}

func TestFitColumns(t *testing.T) {
	cols := []column{
		{title: "NAMESPACE", min: 8, max: 40, priority: 90, middle: true},
		{title: "NAME", min: 20, max: 60, priority: 100, middle: true},
		{title: "AGE", priority: 75, right: true},
		{title: "IP", min: 8, max: 40, priority: 10},
	}
	natural := []int{12, 50, 4, 12}
	for room := 1; room < 200; room++ {
		w := fitColumns(cols, natural, room)
		total := -columnGap
		for _, n := range w {
			if n > 0 {
				total += n + columnGap
			}
		}
		if total > room {
			t.Errorf("room %d: %v takes %d", room, w, total)
		}
		if w[1] == 0 {
			t.Errorf("room %d: NAME has left: %v", room, w)
		}
		if w[3] > 0 && (w[2] == 0 || w[0] == 0 || w[1] < natural[1]) {
			t.Errorf("room %d: the least important column stays while others suffer: %v", room, w)
		}
	}
}
