package ui

import (
	"fmt"
	"strings"

	"orka/apply"
)

// toWeb finds the deployment that is edited.
func toWeb(d *driver) {
	d.text(webQuery)
	d.key("esc")
}

func manyLines() string {
	var b strings.Builder
	for i := range 50 {
		fmt.Fprintln(&b, "line", i)
	}
	return b.String()
}

// longDiff makes previews that neither fit the screen's height nor its width.
func longDiff(d *driver) {
	d.engine.applier.onPreview = func(_ apply.Consent, p *apply.Preview) (*apply.Preview, error) {
		p.Diff = &apply.Diff{Added: 60}
		for i := range 3 {
			var h apply.Hunk
			for k := range 20 {
				h.Lines = append(h.Lines, apply.Line{Op: apply.Insert, New: 100*i + k + 1, Text: fmt.Sprintf("line %d of %s", k, strings.Repeat("many words ", 20))})
			}
			p.Diff.Hunks = append(p.Diff.Hunks, h)
		}
		return p, nil
	}
}
