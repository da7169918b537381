package query

import (
	"strconv"
	"strings"
)

// SyntaxError is a line that is not a query.
type SyntaxError struct {
	// Span is where the line went wrong: the offending part, or the empty place where something is missing.
	Span Span
	// Problem says what is wrong: `unknown filter "nss:"`.
	Problem string
	// Want says what was expected there: "a namespace, or a pattern such as team-*".
	Want string
	// Suggestions are corrections of the offending part, best first; often none.
	Suggestions []string
	// Incomplete is set when more input at the end of the line could make it a query: a screen shows that
	// more quietly than a mistake.
	Incomplete bool
}

// Error is one line: what, where (counted in characters from 1), what was wanted, and a correction.
func (e *SyntaxError) Error() string {
	var b strings.Builder
	b.WriteString(e.Problem)
	b.WriteString(" at ")
	b.WriteString(strconv.Itoa(e.Span.RuneStart + 1))
	if e.Want != "" {
		b.WriteString(": want ")
		b.WriteString(e.Want)
	}
	if len(e.Suggestions) > 0 {
		b.WriteString(" (did you mean ")
		b.WriteString(strings.Join(e.Suggestions, " or "))
		b.WriteString("?)")
	}
	return b.String()
}
