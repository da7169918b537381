package ui

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"orka/apply"
	"orka/watch"
)

// stop is what stopped an edit: what happened, in words that say what to do, and which keys help.
type stop struct {
	title string
	// body makes the text for a width in cells; all of it is sanitised.
	body func(th *theme, w int) []textLine

	again   bool // e edits the draft again
	anew    bool // e begins with a new draft of the object as it is now
	retry   bool // a goes back to the preview and its question
	dryRun  bool // d tries once more
	without bool // w goes on without a dry-run

	view    textView
	builtTh *theme // the text was made for
	builtW  int
}

// stopWith shows what stopped the edit.
func (s *edit) stopWith(m *Model, st stop) {
	s.enter(m, editStopped)
	s.stop = st
	s.stop.view = textView{wrap: true, input: newField()}
}

// layout makes the text for a width, if it is not there yet.
func (st *stop) layout(th *theme, w int) {
	if (st.builtW != w || st.builtTh != th) && st.body != nil {
		st.builtW, st.builtTh = w, th
		st.view.set(st.body(th, w))
	}
}

// paragraphs is a body of plain texts, which are sanitised here and wrapped between words.
func paragraphs(texts ...string) func(*theme, int) []textLine {
	return func(_ *theme, w int) []textLine {
		var out []textLine
		for i, t := range texts {
			if i > 0 {
				out = append(out, textLine{})
			}
			out = append(out, plainLines(ansi.Wrap(watch.SanitizeText(t), max(1, w-2), ""))...)
		}
		return out
	}
}

// fail shows an error. what is the step it came from: "read", "apply to".
func (s *edit) fail(m *Model, what string, err error) {
	s.stopWith(m, s.stopFor(what, err))
}

// stopFor finds the words for an error.
func (s *edit) stopFor(what string, err error) stop {
	var draft *apply.DraftError
	var permission *apply.PermissionError
	var gone *apply.GoneError
	var changed *apply.ChangedError
	var moved *apply.MovedError
	var stale *apply.StaleError
	var rejected *apply.RejectedError
	var unknown *apply.UnknownError
	var not *apply.NotAppliedError
	var journal *apply.JournalError
	name := s.target.String()
	switch {
	case errors.As(err, &draft):
		return s.stopDraft(draft)
	case errors.As(err, &permission):
		return stop{title: fmt.Sprintf("you may not %s %s", permission.Verb, name), body: paragraphs(orElse(permission.Reason, "the server gives no reason"), "nothing was opened")}
	case errors.Is(err, apply.ErrReadOnly):
		return stop{title: "orka is read-only", body: paragraphs(err.Error())}
	case errors.As(err, &gone):
		title := name + " was deleted"
		if gone.Recreated {
			title = name + " was deleted and made anew"
		}
		return stop{title: title, body: paragraphs("nothing was written: an edit never makes an object come back")}
	case errors.As(err, &changed):
		return stop{title: "somebody else changed the same " + noun(len(changed.Fields), "field"), body: versionsBody(changed.Fields), anew: true}
	case errors.As(err, &stale):
		return stop{title: "not applied: what you saw may be out of date", body: paragraphs(blockedText(stale.Failed), "nothing was written"), again: true, dryRun: true}
	case errors.As(err, &moved):
		return stop{title: name + " changes faster than it can be followed", body: paragraphs("nothing was written; d tries once more"), again: true, dryRun: true}
	case errors.As(err, &rejected):
		return s.stopRejected(rejected)
	case errors.As(err, &unknown) && unknown.Done:
		return stop{title: "it is not known who made the change, but it is there", body: paragraphs(
			fmt.Sprintf("the answer was lost: %v", unknown.Err),
			"the object has the change, by this write or by somebody else's: a removal does not show whose it is; the history has it as unknown",
			"d looks at what is there now",
		), again: true, dryRun: true}
	case errors.As(err, &unknown) && unknown.Absent:
		return stop{title: "it is not known whether the change will be applied; it is not there now", body: paragraphs(
			fmt.Sprintf("the answer was lost: %v", unknown.Err),
			"the object is as it was, but the request may be on its way still, held by a proxy or a slow server; the history has it as unknown",
			"trying again is safe: both are for the same version of the object, so at most one is taken; a tries again, d looks at what is there now",
		), again: true, retry: true, dryRun: true}
	case errors.As(err, &unknown):
		return stop{title: "it is not known whether the change was applied", body: paragraphs(
			fmt.Sprintf("the answer was lost: %v", unknown.Err),
			"reading the object did not settle it; the history has it as unknown",
			"d looks at what is there now: trying again is safe, as the write was for one version of the object only",
		), again: true, dryRun: true}
	case errors.As(err, &not):
		return stop{title: "not applied: the write did not get there", body: paragraphs(fmt.Sprint(not.Err), "the object does not have it, and will not by itself; trying again is safe"), again: true, retry: true, dryRun: true}
	case errors.As(err, &journal):
		return stop{title: "nothing was written: the history can't be", body: paragraphs(fmt.Sprint(journal.Err), "no change is made without a record of it"), again: true, retry: true}
	case errors.Is(err, context.DeadlineExceeded):
		return stop{title: "the server did not answer in time", body: paragraphs(err.Error()), again: s.path != "", dryRun: true}
	}
	return stop{title: fmt.Sprintf("could not %s %s", what, name), body: paragraphs(err.Error()), again: s.path != "", dryRun: true}
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

func noun(n int, word string) string {
	if n == 1 {
		return word
	}
	return word + "s"
}

// stopRejected is the server's refusal.
func (s *edit) stopRejected(r *apply.RejectedError) stop {
	st := stop{title: fmt.Sprintf("the server refuses it (%d %s)", r.Code, watch.Sanitize(r.Reason)), again: s.path != "", dryRun: true, without: r.NoDryRun}
	var texts []string
	switch {
	case r.NoDryRun:
		st.title = fmt.Sprintf("webhook %s can't take part in a dry-run", watch.Sanitize(r.Webhook))
		texts = append(texts, "so the server can't say what the edit would do; w goes on without a dry-run, after a question")
	case r.Webhook != "":
		st.title = fmt.Sprintf("webhook %s denies it", watch.Sanitize(r.Webhook))
	case s.secret() && r.Message == "":
		texts = append(texts, "the server's words are left out, as they may repeat a value of the Secret")
	}
	if r.Message != "" {
		texts = append(texts, r.Message)
		if at := s.lineText(unknownField(r.Message)); at != "" {
			texts = append(texts, at)
		}
	}
	for _, c := range r.Causes {
		text := c.Path
		if at := s.lineText(c.Path); at != "" {
			text += " (" + at + ")"
		}
		if c.Message != "" {
			text += ": " + c.Message
		}
		texts = append(texts, text)
	}
	st.body = paragraphs(append(texts, "nothing was written")...)
	return st
}

// lineText is "line 12 of the draft", or "" where that is not known.
func (s *edit) lineText(path string) string {
	if n := s.lines[path]; n > 0 {
		return fmt.Sprintf("line %d of the draft", n)
	}
	return ""
}

// around is how many lines are shown before and after one that is wrong.
const around = 4

// stopDraft is a draft that can't be taken: its lines around the place, unless they hold a Secret's values.
func (s *edit) stopDraft(e *apply.DraftError) stop {
	where := "the draft can't be taken"
	if e.Line > 0 {
		where = fmt.Sprintf("the draft can't be taken: line %d", e.Line)
		if e.Column > 0 {
			where += fmt.Sprintf(", column %d", e.Column)
		}
	}
	message := e.Message
	if e.Path != "" {
		message = e.Path + ": " + message
	}
	text, secret := s.text, s.secret()
	return stop{title: where, again: true, body: func(th *theme, w int) []textLine {
		out := paragraphs(message)(th, w)
		if e.Line == 0 {
			return out
		}
		if secret {
			return append(out, textLine{}, textLine{text: "the lines of a Secret's draft are not shown here"})
		}
		return append(append(out, textLine{}), excerpt(th, text, e.Line, e.Column)...)
	}}
}

// excerpt is the lines of a text around one, with a mark under the column.
func excerpt(th *theme, text []byte, line, column int) []textLine {
	lines := strings.Split(strings.ReplaceAll(string(text), "\r\n", "\n"), "\n")
	var out []textLine
	for i := max(1, line-around); i <= min(len(lines), line+around); i++ {
		mark, st := " ", th.dim
		if i == line {
			mark, st = th.glyph.cursor, th.badBold
		}
		head := fmt.Sprintf("%s %5d  ", mark, i)
		out = append(out, textLine{text: head + watch.SanitizeText(lines[i-1]), spans: []styled{{0, len(head), st}}})
		if i == line && column > 0 && column <= len(lines[i-1])+1 {
			pad := strings.Repeat(" ", width(head)+width(watch.SanitizeText(lines[i-1][:column-1])))
			out = append(out, textLine{text: pad + th.glyph.caret, spans: []styled{{len(pad), len(pad) + len(th.glyph.caret), th.badBold}}})
		}
	}
	return out
}
