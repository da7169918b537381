package ui

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
)

// plainASCII reports whether s is printable ASCII: one byte, one cell. Nearly every string of a cluster is.
func plainASCII(s string) bool {
	for i := range len(s) {
		if s[i]-0x20 >= 0x5f {
			return false
		}
	}
	return true
}

// width is the number of terminal cells s takes, counted by grapheme as bubbletea counts.
func width(s string) int {
	if plainASCII(s) {
		return len(s)
	}
	return ansi.StringWidth(s)
}

// fit returns s cut to at most w cells, with an ellipsis when something is missing, and its width.
func fit(s string, w int, ellipsis string) (string, int) {
	if w <= 0 {
		return "", 0
	}
	if plainASCII(s) {
		if len(s) <= w {
			return s, len(s)
		}
		return s[:w-1] + ellipsis, w
	}
	n := ansi.StringWidth(s)
	if n <= w {
		return s, n
	}
	s = ansi.Truncate(s, w, ellipsis)
	return s, ansi.StringWidth(s)
}

// fitMiddle is fit with the cut in the middle: both ends of a generated name tell objects apart.
func fitMiddle(s string, w int, ellipsis string) (string, int) {
	n := width(s)
	if n <= w {
		return s, n
	}
	if w < 4 {
		return fit(s, w, ellipsis)
	}
	tail := (w - 1) / 2
	head := w - 1 - tail
	if plainASCII(s) {
		return s[:head] + ellipsis + s[len(s)-tail:], w
	}
	s = ansi.Truncate(s, head, "") + ellipsis + ansi.TruncateLeft(s, n-tail, "")
	return s, ansi.StringWidth(s)
}

// fitGroup is fit for the name of a resource ("roles.rbac.authorization.k8s.io in team-a"): the group is cut before the
// resource, which tells more.
func fitGroup(s string, w int, ellipsis string) (string, int) {
	n := width(s)
	if n <= w {
		return s, n
	}
	head, tail := s, ""
	if i := strings.Index(s, " in "); i >= 0 {
		head, tail = s[:i], s[i:]
	}
	resource, _, _ := strings.Cut(head, ".")
	if width(resource)+1+width(tail) <= w {
		head, _ = fit(head, w-width(tail), ellipsis)
		return head + tail, width(head + tail)
	}
	return fitMiddle(resource+tail, w, ellipsis)
}

// clean is the last line of defence before the terminal: what reaches it is sanitised where it was decoded, so
// that a control character here is a mistake of ours; it is shown as a dot and never obeyed.
func clean(s string) string {
	if plainASCII(s) {
		return s
	}
	if utf8.ValidString(s) && strings.IndexFunc(s, unicode.IsControl) < 0 {
		return s
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == utf8.RuneError {
			return '·'
		}
		return r
	}, strings.ToValidUTF8(s, "·"))
}

// leftToRight is written after a cell that holds right-to-left text, so that a terminal which reorders does
// not carry the next column along.
const leftToRight = "\u200e"

func hasRightToLeft(s string) bool {
	for _, r := range s {
		if r >= 0x590 && (r <= 0x8ff || (r >= 0xfb1d && r <= 0xfdff) || (r >= 0xfe70 && r <= 0xfefc) || (r >= 0x10800 && r <= 0x10fff) || (r >= 0x1e800 && r <= 0x1efff)) {
			return true
		}
	}
	return false
}
