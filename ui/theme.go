package ui

import (
	"hash/fnv"
	"strings"

	"github.com/muesli/termenv"
)

// style is a prepared SGR sequence; "" is plain. Frames are written from these: asking lipgloss to render each
// cell costs fifty times as much.
type style string

const sgrReset = "\x1b[0m"

// theme is every style and glyph the screens use, made once for the terminal at hand.
type theme struct {
	dim, bold            style
	accent, accentBold   style
	good, warn, bad      style
	badBold, warnBold    style
	match                style // characters a query matched
	found, foundHere     style // matches of a text search, and the one jumped to
	title                style // column heads, section titles
	key                  style // key caps in hints
	cursor               style // the text cursor
	badgeType, badgeRead style // mode badges
	badgeBad, badgeWarn  style
	contexts             []style

	// Backgrounds of whole lines.
	bar, selected, selectedDim style
	// flatSelection leaves out foreground colours on a selected line, where they could not be read.
	flatSelection bool

	added, removed         style // lines of a difference
	addedPart, removedPart style // what differs within a line

	yamlKey, yamlString, yamlNumber, yamlConst, yamlPunct, yamlComment style

	glyph glyphs
}

// glyphs carry every meaning that colour carries, too.
type glyphs struct {
	cursor, mark, markCursor   string // of the row the cursor is on, of a marked row, of both
	bad, progressing, unread   string // health of a row
	stale, fresh, loading      string
	forbidden, polled          string
	asc, desc                  string
	rule, bar, caret           string
	full, empty                string // of gauges
	prompt, ellipsis, dot, up  string
	arrowUpDown, arrowLeftRght string
	holds, pending, skipped    string // verdicts of the guard; one that fails is bad
	unasked, minus             string // of a difference: what nobody asked for, lines that go
}

var unicodeGlyphs = glyphs{
	cursor: "▸", mark: "◆", markCursor: "◈",
	bad: "✗", progressing: "◐", unread: "?",
	stale: "≈", fresh: "●", loading: "◌",
	forbidden: "⊘", polled: "○",
	asc: "▲", desc: "▼",
	rule: "─", bar: "│", caret: "▴",
	full: "█", empty: "░",
	prompt: "❯", ellipsis: "…", dot: "·", up: "↑",
	arrowUpDown: "↑↓", arrowLeftRght: "←→",
	holds: "✓", pending: "…", skipped: "–",
	unasked: "◇", minus: "−",
}

var asciiGlyphs = glyphs{
	cursor: ">", mark: "*", markCursor: "#",
	bad: "x", progressing: "~", unread: "?",
	stale: "=", fresh: "+", loading: "-",
	forbidden: "!", polled: "o",
	asc: "^", desc: "v",
	rule: "-", bar: "|", caret: "^",
	full: "#", empty: ".",
	prompt: ">", ellipsis: "~", dot: "-", up: "^",
	arrowUpDown: "up/down", arrowLeftRght: "left/right",
	holds: "+", pending: ".", skipped: "-",
	unasked: "*", minus: "-",
}

// tone is one colour in its four forms: for dark and light backgrounds, in full colour and in the sixteen.
type tone struct{ dark, light, ansiDark, ansiLight string }

var (
	toneDim    = tone{"#7f88a8", "#667085", "", ""}
	toneAccent = tone{"#7dcfff", "#0b62a8", "14", "4"}
	toneGood   = tone{"#9ece6a", "#1a7f37", "10", "2"}
	toneWarn   = tone{"#e0af68", "#9a5b00", "11", "3"}
	toneBad    = tone{"#ff7b93", "#c0152f", "9", "1"}
	toneKey    = tone{"#bb9af7", "#6d3fc0", "13", "5"}
	toneBar    = tone{"#24283b", "#e6e9f0", "", ""}
	toneSelect = tone{"#31416e", "#cfdcff", "", ""}
	toneSelDim = tone{"#2a2f45", "#e1e5ee", "", ""}
	toneInk    = tone{"#16161e", "#ffffff", "0", "15"}
)

// contextTones are what context names are told apart by; names that sound like production are always red.
var contextTones = []tone{toneAccent, toneGood, toneKey, toneWarn, {"#73daca", "#0f766e", "6", "6"}, {"#f7a072", "#a8410a", "3", "3"}}

// newTheme prepares the styles for a colour profile and background.
func newTheme(profile termenv.Profile, dark, ascii bool) *theme {
	p := palette{profile, dark}
	th := &theme{
		dim:        p.style(toneDim, "2"),
		bold:       p.sgr("1"),
		accent:     p.style(toneAccent),
		accentBold: p.style(toneAccent, "1"),
		good:       p.style(toneGood),
		warn:       p.style(toneWarn),
		bad:        p.style(toneBad),
		badBold:    p.style(toneBad, "1"),
		warnBold:   p.style(toneWarn, "1"),
		match:      p.style(toneAccent, "1", "4"),
		found:      p.style(toneWarn, "4"),
		foundHere:  p.badge(toneWarn),
		title:      p.style(toneDim, "1"),
		key:        p.style(toneKey),
		cursor:     p.sgr("7"),
		badgeType:  p.badge(toneAccent),
		badgeRead:  p.badge(toneKey),
		badgeBad:   p.badge(toneBad),
		badgeWarn:  p.badge(toneWarn),
		bar:        p.background(toneBar, ""),
		selected:   p.background(toneSelect, "7"),
		added:      p.style(toneGood), removed: p.style(toneBad),
		addedPart: p.style(toneGood, "1", "4"), removedPart: p.style(toneBad, "1", "4"),
		yamlKey: p.style(toneAccent), yamlString: p.style(toneGood), yamlNumber: p.style(toneWarn),
		yamlConst: p.style(toneKey), yamlPunct: p.style(toneDim, "2"), yamlComment: p.style(toneDim, "2"),
		flatSelection: profile > termenv.ANSI256,
		glyph:         unicodeGlyphs,
	}
	th.selectedDim = p.background(toneSelDim, "7")
	if profile == termenv.Ascii { // attributes alone: strings and numbers plain, keys bold
		th.yamlKey = th.bold
		th.key = th.bold
	}
	if ascii {
		th.glyph = asciiGlyphs
	}
	for _, t := range contextTones {
		th.contexts = append(th.contexts, p.badge(t))
	}
	return th
}

// context is the badge of a context's name: red for production, else one of a few by its hash, so that the
// same context always looks the same.
func (th *theme) context(name string) style {
	lower := strings.ToLower(name)
	if strings.Contains(lower, "prod") || strings.Contains(lower, "live") {
		return th.badgeBad
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(name))
	return th.contexts[int(h.Sum32()%uint32(len(th.contexts)))] //nolint:gosec // a small constant
}

// palette turns tones into SGR sequences for one profile.
type palette struct {
	profile termenv.Profile
	dark    bool
}

func (p palette) sgr(params ...string) style {
	return style("\x1b[" + strings.Join(params, ";") + "m")
}

// style is the tone as foreground. The attributes are for tones that have no colour here (the sixteen have no
// grey that can be read on every background) or, from the second on, always; without colours only attributes stay.
func (p palette) style(t tone, attrs ...string) style {
	var params []string
	if c := p.colour(t, false); c != "" {
		params = append(params, c)
		for _, a := range attrs {
			if a != "2" { // faint replaces a colour, it does not dim one
				params = append(params, a)
			}
		}
	} else {
		params = attrs
	}
	if len(params) == 0 {
		return ""
	}
	return p.sgr(params...)
}

// badge is dark text on the tone, or reverse video where there are no colours.
func (p palette) badge(t tone) style {
	bg, fg := p.colour(t, true), p.colour(toneInk, false)
	if bg == "" || fg == "" {
		return p.sgr("1", "7")
	}
	return p.sgr("1", fg, bg)
}

func (p palette) background(t tone, without string) style {
	if bg := p.colour(t, true); bg != "" {
		return p.sgr(bg)
	}
	if without == "" {
		return ""
	}
	return p.sgr(without)
}

func (p palette) colour(t tone, background bool) string {
	name := t.light
	if p.dark {
		name = t.dark
	}
	switch p.profile {
	case termenv.Ascii:
		return ""
	case termenv.ANSI:
		name = t.ansiLight
		if p.dark {
			name = t.ansiDark
		}
		if name == "" {
			return ""
		}
	}
	return p.profile.Color(name).Sequence(background)
}
