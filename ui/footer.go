package ui

// drawFooter writes the mode and the keys that are of use in it. In narrow terminals the later ones are left to
// Help, whose key always stays.
func drawFooter(m *Model, c *canvas) {
	s := m.top()
	c.space(1)
	badge := m.th.badgeRead
	if s.focus() != nil {
		badge = m.th.badgeType
	}
	c.put(badge, " "+m.modeName()+" ")
	c.space(1)
	if m.notice != "" && m.now.Before(m.noticeTill) {
		c.put(m.th.accentBold, m.notice)
		c.newline()
		return
	}
	if marked := len(m.marks); marked > 0 && m.overlay == nil && m.screen == screenExplore {
		c.put(m.th.accentBold, m.th.glyph.mark+" "+count(marked)+" marked ")
	}
	type hint struct{ keys, word string }
	var hints []hint
	var last *hint
	seen := map[string]bool{}
	for _, sec := range m.inForce() {
		for i := range sec.keys {
			b := &sec.keys[i]
			if b.hint == "" || !b.offered(m) || seen[b.name] {
				continue
			}
			seen[b.name] = true
			h := hint{m.th.keyCap(m.keysOf(b)[0]), b.hint}
			if b.name == "help" || b.name == "help-anywhere" {
				if last == nil {
					last = &h
				}
				continue
			}
			if n := len(hints); n > 0 && hints[n-1].word == h.word { // "enter esc table"
				hints[n-1].keys += " " + h.keys
				continue
			}
			hints = append(hints, h)
		}
	}
	reserve := 0
	if last != nil {
		reserve = width(last.keys) + len(last.word) + 4
	}
	put := func(h hint) {
		c.put(m.th.key, " "+h.keys)
		c.put(m.th.dim, " "+h.word+" ")
	}
	for _, h := range hints {
		if width(h.keys)+len(h.word)+3 > c.room()-reserve {
			break
		}
		put(h)
	}
	if last != nil {
		put(*last)
	}
	c.newline()
}

// modeName is what the screen is called.
func (m *Model) modeName() string {
	switch m.overlay.(type) {
	case *help:
		return "HELP"
	case nil:
	default:
		return "CHOOSE"
	}
	if m.top().focus() != nil {
		return "TYPING"
	}
	switch m.screen {
	case screenKinds:
		return "KINDS"
	case screenObject:
		return "OBJECT"
	case screenStats:
		return "STATS"
	case screenApply:
		return "APPLY"
	default:
		return "TABLE"
	}
}
