package ui

import (
	"context"
	"errors"
	"fmt"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"orka/engine"
	"orka/watch"
)

// fetchedMsg is a text that was read, sanitised and coloured.
type fetchedMsg struct {
	conn    int
	ref     objectRef
	tab     int
	seq     int
	version string
	lines   []textLine
	source  engine.Source
	err     error
}

// fetchText makes the work of reading a text: nothing in it touches the Model.
func fetchText(life context.Context, from Reader, th *theme, o *watch.Object, msg fetchedMsg) func() tea.Msg {
	return func() tea.Msg {
		ctx, cancel := context.WithTimeout(life, fetchTimeout)
		defer cancel()
		if msg.tab == tabYAML {
			var text []byte
			if text, msg.source, msg.err = from.YAML(ctx, o); msg.err == nil {
				msg.lines = yamlLines(th, watch.SanitizeText(string(text)))
			}
		} else {
			var text string
			if text, msg.err = from.Describe(ctx, o); msg.err == nil {
				msg.lines = describeLines(th, watch.SanitizeText(text))
			}
		}
		if life.Err() != nil {
			return nil
		}
		if errors.Is(msg.err, context.DeadlineExceeded) {
			msg.err = fmt.Errorf("the server did not answer within %s", fetchTimeout)
		}
		return msg
	}
}

func (f fetchedMsg) apply(m *Model) tea.Cmd {
	s := &m.object
	if f.conn != m.conn || f.ref != s.ref || f.tab >= len(s.texts) || f.seq != s.texts[f.tab].seq {
		return nil
	}
	t := &s.texts[f.tab]
	t.fetching = false
	if t.asked {
		t.asked = false
		if f.err == nil {
			m.say("%s read again", objectTabs[f.tab])
		}
	}
	if f.err != nil {
		t.err = watch.Sanitize(f.err.Error()) // a text read before stays
		return nil
	}
	t.loaded, t.err = true, ""
	t.source, t.version = f.source, f.version
	t.view.set(f.lines)
	return nil
}

// describeLines colours the keys of kubectl's descriptions.
func describeLines(th *theme, text string) []textLine {
	lines := plainLines(text)
	for i := range lines {
		s := lines[i].text
		indent := len(s) - len(strings.TrimLeft(s, " "))
		colon := strings.Index(s, ":")
		if colon <= indent || colon-indent > 40 || strings.Contains(s[indent:colon], "  ") {
			continue
		}
		if rest := s[colon+1:]; rest != "" && rest[0] != ' ' {
			continue
		}
		lines[i].spans = []styled{{indent, colon + 1, th.yamlKey}}
	}
	return lines
}
