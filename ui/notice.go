package ui

import (
	"fmt"
	"time"

	"orka/watch"
)

// noticeFor is how long a notice stands in the footer.
const noticeFor = 4 * time.Second

// noticeLong is for what is to be read to its end: a path, a reason.
const noticeLong = 12 * time.Second

// say shows a notice in the footer for a while.
func (m *Model) say(format string, args ...any) { m.sayFor(noticeFor, format, args...) }

func (m *Model) sayFor(d time.Duration, format string, args ...any) {
	m.notice, m.noticeTill = fmt.Sprintf(format, args...), m.now.Add(d)
}

// sayKept says where a draft lies, with the end of its name in sight: that tells it from others.
func (m *Model) sayKept(before, path string) {
	before += "the draft is kept: "
	path, _ = fitMiddle(watch.Sanitize(shortPath(path)), max(16, m.w-width(before)-12), m.th.glyph.ellipsis)
	m.sayFor(noticeLong, "%s%s", before, path)
}
