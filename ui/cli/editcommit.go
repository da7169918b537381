package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"orka/apply"
	"orka/engine"
	"orka/watch"
)

// commitAll writes the documents in order and stops at the first that goes wrong: those behind it may rest on it.
func (e *edit) commitAll(ctx context.Context) error {
	deadline := time.Now().Add(deliverWithin)
	var stop error
	for _, t := range e.attempts {
		switch {
		case stop != nil && t.outcome != outcomeSame:
			t.fail(errNotAttempted)
		case t.outcome == outcomeSame:
		case ctx.Err() != nil: // between two writes
			stop = context.Cause(ctx)
			t.fail(errNotAttempted)
		default:
			stop = e.commit(ctx, t, deadline)
		}
		if err := e.say(ctx, t); err != nil {
			return e.lostOutput(err)
		}
	}
	if stop == nil {
		return nil
	}
	text := e.tally()
	if errors.Is(context.Cause(ctx), errInterrupted) {
		fmt.Fprintf(e.errOut, "interrupted: %s\n", text) // Run says nothing then
		return stop
	}
	_, exit := refusal(ctx, stop)
	return &exitError{exit, errors.New(text)}
}

// commit writes one document and waits until the watch shows it.
func (e *edit) commit(ctx context.Context, t *attempt, deadline time.Time) error {
	r, err := e.session.Commit(ctx, t.preview, e.options.consent)
	if code, _ := refusal(ctx, err); err != nil && (code == codeInterrupt || code == codeTimeout) {
		t.fail(errNotAttempted) // had anything been sent, the error would say what became of it
		return context.Cause(ctx)
	}
	if err != nil {
		t.fail(err)
		return err
	}
	t.result, t.outcome = r, outcomeApplied
	delivered := e.delivered(ctx, t, deadline)
	t.delivered = &delivered
	if e.json() {
		return nil
	}
	for _, w := range r.Warnings {
		e.remark("warning", t.doc.Target, "%s", w)
	}
	if r.Rebased > 0 {
		e.remark("note", t.doc.Target, "it changed elsewhere meanwhile (%s); the difference stayed the same", counted(r.Rebased, "time"))
	}
	if r.Resolved {
		e.remark("note", t.doc.Target, "the server's answer was lost; reading the object showed that it was applied")
	}
	if text := surprisesText(t.doc.Target, r); text != "" {
		e.remark("note", t.doc.Target, "what was stored differs from the preview:\n%s", strings.TrimRight(text, "\n"))
	}
	if !delivered {
		e.remark("note", t.doc.Target, "applied, but no watch has shown it (waited %s at most)", deliverWithin)
	}
	return nil
}

// delivered waits until the watch has shown what was written; not where nobody watches.
func (e *edit) delivered(ctx context.Context, t *attempt, deadline time.Time) bool {
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	d, landed := t.doc, false
	_, _ = e.session.await(ctx, func(v *engine.View) bool { // an error leaves landed as it is
		landed = apply.Landed(v.World.Get(d.watched, d.Namespace, d.Name), t.result)
		return landed || !followed(v, d)
	})
	return landed
}

// followed reports whether a watch will deliver what becomes of a document's object.
func followed(v *engine.View, d *document) bool {
	s := v.Health.Covering()(&watch.Object{Kind: d.watched, Namespace: d.Namespace})
	return s != nil && !slices.Contains([]watch.Phase{watch.Forbidden, watch.Unavailable, watch.Polling}, s.Phase)
}

// tally says how far the writes came.
func (e *edit) tally() string {
	count := map[string]int{}
	for _, t := range e.attempts {
		if t.outcome == outcomeWould { // not reached yet
			count[outcomeNotTried]++
			continue
		}
		count[t.outcome]++
	}
	var parts []string
	for _, p := range []struct{ outcome, text string }{
		{outcomeApplied, "applied"}, {outcomeSame, "unchanged"}, {outcomeUnknown, "of unknown outcome"}, {outcomeRefused, "refused"},
		{outcomeNotTried, "not attempted"},
	} {
		if n := count[p.outcome]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, p.text))
		}
	}
	return strings.Join(parts, ", ")
}

// stopped is the end of a run before its first write. On ctrl-c nothing else would say that nothing was written.
func (e *edit) stopped(ctx context.Context) error {
	if errors.Is(context.Cause(ctx), errInterrupted) {
		fmt.Fprintln(e.errOut, "interrupted: nothing was written")
	}
	return context.Cause(ctx)
}

// lostOutput says what was done when stdout takes no more.
func (e *edit) lostOutput(err error) error {
	return fmt.Errorf("%w; until then: %s", err, e.tally())
}
