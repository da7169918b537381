package ui

import (
	"strings"

	"orka/apply"
	"orka/watch"
)

// columnsFrom is the width, in cells, from which three versions of a field stand beside each other.
const columnsFrom = 60

// versionsBody shows the three versions of each field: beside each other, or on narrow screens below each other.
func versionsBody(fields []apply.Versions) func(*theme, int) []textLine {
	return func(th *theme, w int) []textLine {
		out := paragraphs("nothing was written; e begins again from the object as it is now")(th, w)
		for _, f := range fields {
			path := watch.Sanitize(f.Path)
			out = append(out, textLine{}, textLine{text: path, spans: []styled{{0, len(path), th.bold}}})
			names := []string{"when you opened it", "yours", "now on the server"}
			texts := []string{f.Base, f.Yours, f.Their}
			if w >= columnsFrom {
				out = append(out, besideLines(th, names, texts, w-2)...)
			} else {
				out = append(out, belowLines(th, names, texts)...)
			}
		}
		return out
	}
}

// versionLines are the lines of a value; one that is not there says so.
func versionLines(text string) []string {
	if text == "" {
		return []string{"(absent)"}
	}
	return strings.Split(strings.TrimRight(watch.SanitizeText(text), "\n"), "\n")
}

func besideLines(th *theme, names, texts []string, w int) []textLine {
	bar := " " + th.glyph.bar + " "
	each := (w - 2*width(bar)) / len(names)
	rows := 0
	cols := make([][]string, len(texts))
	for i, t := range texts {
		cols[i] = versionLines(t)
		rows = max(rows, len(cols[i]))
	}
	var out []textLine
	for r := -1; r < rows; r++ {
		var line textLine
		for i := range cols {
			cell := textLine{}
			if r < 0 {
				cell = textLine{text: names[i], spans: []styled{{0, len(names[i]), th.title}}}
			} else if r < len(cols[i]) {
				cell.text = cols[i][r]
				if i > 0 && cols[i][r] != lineOf(cols[0], r) {
					cell.spans = []styled{{0, len(cell.text), []style{"", th.added, th.warn}[i]}}
				}
			}
			if i > 0 {
				line.spans = append(line.spans, styled{len(line.text), len(line.text) + len(bar), th.dim})
				line.text += bar
			}
			cell = padLine(th, cell, each)
			for _, s := range cell.spans {
				line.spans = append(line.spans, styled{s.from + len(line.text), s.to + len(line.text), s.st})
			}
			line.text += cell.text
		}
		out = append(out, line)
	}
	return out
}

func lineOf(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return ""
}

func belowLines(th *theme, names, texts []string) []textLine {
	var out []textLine
	for i, name := range names {
		out = append(out, textLine{text: name, spans: []styled{{0, len(name), th.title}}})
		for _, l := range versionLines(texts[i]) {
			out = append(out, textLine{text: "  " + l})
		}
	}
	return out
}
