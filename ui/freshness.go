package ui

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"orka/engine"
	"orka/watch"
	"orka/watch/columns"
)

// since is how long ago t was, as kubectl writes ages.
func since(t, now time.Time) string {
	return columns.Age(max(0, now.Round(0).Sub(t.Round(0))))
}

// until is how long it is to t, in whole seconds, at least one: a countdown never says 0.
func until(t, now time.Time) string {
	return columns.Age(max(time.Second, t.Round(0).Sub(now.Round(0)).Round(time.Second)))
}

// moment is when t was by the clock on the wall, with the date unless that is today's.
func moment(t, now time.Time) string {
	t, now = t.Local(), now.Local()
	if t.Year() == now.Year() && t.YearDay() == now.YearDay() {
		return t.Format(time.TimeOnly)
	}
	return t.Format(time.DateTime)
}

// verdict is what can be said of how fresh something is: a glyph, and texts from long to short.
type verdict struct {
	st    style
	glyph string
	texts []string
}

// judge says how fresh the kinds are, and names the least fresh one.
func (m *Model) judge(kinds ...*watch.Kind) verdict {
	g, th := m.th.glyph, m.th
	f := m.view.Health.Freshness(m.now, kinds...)
	server := m.view.Health.Server
	if f.Least == nil {
		switch {
		case server.Connected:
			return verdict{th.warn, g.loading, []string{"not watched"}}
		case server.Err != "":
			return verdict{th.badBold, g.stale, []string{"not connected"}}
		default:
			return verdict{th.warn, g.loading, []string{"connecting"}}
		}
	}
	name := f.Least.Scope.Kind.Resource
	confirmed := since(f.Least.ConfirmedAt, m.now)
	switch {
	case f.Loading && f.Stale == 0:
		return verdict{th.warn, g.loading, []string{"loading " + name + progress(f.Least.Listed, f.Least.Remaining), "loading " + name, "loading"}}
	case f.Least.Phase == watch.Forbidden:
		return verdict{th.warn, g.forbidden, []string{"no permission: " + name, "no permission"}}
	case f.Least.Reason == watch.ReasonEnded:
		return verdict{th.warnBold, g.stale, []string{"recording ended", "ended"}}
	case f.Fresh && m.info.Recording != nil: // of then, not of now
		return verdict{th.warn, g.polled, []string{"playing, " + name + " " + confirmed + " ago", "playing"}}
	case f.Fresh:
		return verdict{th.good, g.fresh, []string{"fresh, " + name + " " + confirmed + " ago", "fresh, " + name + " " + confirmed, "fresh"}}
	case f.Least.Phase == watch.Polling && f.Least.Complete:
		return verdict{th.good, g.polled, []string{name + " polled " + confirmed + " ago", name + " polled", "polled"}}
	}
	texts := []string{name + " " + staleWord(f.Least, m.now)}
	if !f.Least.ConfirmedAt.IsZero() {
		texts = append(texts, name+" stale "+confirmed)
	}
	return verdict{th.warnBold, g.stale, append(texts, name+" stale", "stale")}
}

// staleWord says since when rows are not to be believed.
func staleWord(s *watch.Status, now time.Time) string {
	switch {
	case s.ConfirmedAt.IsZero():
		return "never loaded"
	case s.Phase == watch.Unconfirmed:
		return "last confirmed " + since(s.ConfirmedAt, now) + " ago"
	default:
		return "stale " + since(s.ConfirmedAt, now)
	}
}

// nameOf is how a watcher is called in a line that has little room.
func nameOf(s *watch.Status) string { return s.Scope.String() }

// progress is " 1,500 of about 8,000".
func progress(listed, remaining int64) string {
	switch {
	case listed == 0:
		return ""
	case remaining > 0:
		return fmt.Sprintf(" %s of about %s", count(listed), count(listed+remaining))
	default:
		return " " + count(listed)
	}
}

// trouble says in one line what keeps a watcher from being fresh, and what comes next; "" when nothing does.
func trouble(th *theme, s *watch.Status, now time.Time) string {
	if s.Fresh(now) || (s.Phase == watch.Polling && s.Complete) {
		return ""
	}
	var parts []string
	switch s.Phase {
	case watch.Forbidden:
		return deniedText(s)
	case watch.Queued:
		parts = append(parts, nameOf(s)+" waits for its turn to be listed")
	case watch.Listing:
		if s.Complete {
			parts = append(parts, nameOf(s)+" is listed again")
		} else {
			parts = append(parts, "loading "+nameOf(s))
		}
	default:
		at := "never loaded"
		if !s.ConfirmedAt.IsZero() {
			at = "stale since " + moment(s.ConfirmedAt, now)
			if s.Phase == watch.Unconfirmed {
				at = "last confirmed " + moment(s.ConfirmedAt, now)
			}
		}
		parts = append(parts, nameOf(s)+" "+at)
	}
	return strings.Join(append(parts, causes(s, now)...), " "+th.glyph.dot+" ")
}

// causes say why a watcher is in trouble and when it tries again.
func causes(s *watch.Status, now time.Time) []string {
	var parts []string
	if s.RetryAt.After(now) {
		parts = append(parts, "next try in "+until(s.RetryAt, now))
	}
	switch {
	case s.Suspended:
		parts = append(parts, "the machine slept")
	case s.Err != "":
		parts = append(parts, watch.Sanitize(s.Err))
	case s.Phase == watch.Unconfirmed:
		parts = append(parts, "the stream is open but silent")
	case s.Phase == watch.Diverged:
		parts = append(parts, "an event was lost, relist queued")
	case s.Reason != watch.ReasonNone && s.Phase == watch.Backoff:
		parts = append(parts, string(s.Reason))
	}
	return parts
}

// deniedText names verb and resource of a refusal.
func deniedText(s *watch.Status) string {
	verb := "list"
	if strings.Contains(s.Err, "cannot watch") {
		verb = "watch"
	}
	where := "in all namespaces"
	switch {
	case !s.Scope.Kind.Namespaced:
		where = ""
	case s.Scope.Namespace != "":
		where = "in " + s.Scope.Namespace
	}
	return strings.TrimRight(fmt.Sprintf("no permission to %s %s %s", verb, s.Scope.Kind.ResourceName(), where), " ")
}

// stale makes the function that says whether the watcher that answers for an object is not to be believed now.
func stale(h *engine.Health, now time.Time) func(*watch.Object) bool {
	bad := make(map[*watch.Status]bool, len(h.Watchers))
	for _, s := range h.Watchers {
		firstList := !s.Complete && (s.Phase == watch.Queued || s.Phase == watch.Listing)
		polled := s.Phase == watch.Polling && s.Complete
		bad[s] = !s.Fresh(now) && !firstList && !polled
	}
	covering := h.Covering()
	return func(o *watch.Object) bool {
		s := covering(o)
		return s == nil || bad[s] // nil: nobody follows it any more
	}
}

// limits is what permissions keep from the view of the kinds; none is all. Where the view is narrowed to namespaces
// that are watched, nothing is missing from it.
func (m *Model) limits(kinds ...*watch.Kind) engine.Limits {
	l := m.view.Health.Limits(kinds...)
	if len(m.namespaces) == 0 || !l.Even {
		return l
	}
	for _, ns := range m.namespaces {
		if !slices.Contains(l.Namespaces, ns) {
			return l
		}
	}
	l.Partial, l.Namespaces = nil, nil
	return l
}

// onlyIn is "only in team-a", "only in team-a, team-b" or "only in 12 namespaces".
func onlyIn(namespaces []string) string { return "only in " + theseNamespaces(namespaces) }

func theseNamespaces(namespaces []string) string {
	if len(namespaces) > 3 {
		return plural(len(namespaces), "namespace")
	}
	return strings.Join(namespaces, ", ")
}

// noneThere is what stands where no rows are because permissions keep them from the view: it never says that there
// are none.
func noneThere(what string, l engine.Limits) string {
	where := "where listing is permitted"
	if len(l.Partial) > 0 {
		where = "in " + theseNamespaces(l.Namespaces)
	}
	missing := append(slices.Clone(l.Partial), l.Refused...)
	name := plural(len(missing), "kind")
	if len(missing) == 1 {
		name = missing[0].ResourceName()
	}
	if len(l.Partial) == 0 {
		return fmt.Sprintf("no %s %s; listing %s is not permitted", what, where, name)
	}
	return fmt.Sprintf("no %s %s; listing %s in all namespaces is not permitted", what, where, name)
}

// count writes a number with thousands apart.
func count[T int | int64 | uint64](n T) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// short writes a number in at most five characters: "102k".
func short(n int) string {
	switch {
	case n < 10_000:
		return count(n)
	case n < 1_000_000:
		return fmt.Sprintf("%dk", n/1000)
	default:
		return fmt.Sprintf("%.1fM", float64(n)/1e6)
	}
}

// size writes bytes in binary units: "141 MiB".
func size(b uint64) string {
	switch {
	case b < 1<<10:
		return fmt.Sprintf("%d B", b)
	case b < 1<<20:
		return fmt.Sprintf("%d KiB", b>>10)
	case b < 10<<30:
		return fmt.Sprintf("%d MiB", b>>20)
	default:
		return fmt.Sprintf("%.1f GiB", float64(b)/(1<<30))
	}
}
