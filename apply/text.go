package apply

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"orka/watch"
)

// draftError makes a DraftError whose texts are safe for a screen. The message never holds a value of the draft: it may
// be a secret's.
func draftError(line, column int, path, format string, args ...any) *DraftError {
	return &DraftError{Line: line, Column: column, Path: watch.Sanitize(path), Message: watch.SanitizeText(fmt.Sprintf(format, args...))}
}

// cleanText checks the bytes of a draft and gives them with line feeds and without a byte order mark.
func cleanText(text []byte, maxBytes int) ([]byte, error) {
	if len(text) > maxBytes {
		return nil, draftError(0, 0, "", "%d bytes are more than the %d that are taken (ORKA_MAX_YAML_BYTES)", len(text), maxBytes)
	}
	if wide(text) {
		return nil, draftError(0, 0, "", "the text is UTF-16; save it as UTF-8")
	}
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	text = bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))
	line, column := 1, 1
	for n := 0; n < len(text); {
		b := text[n]
		switch {
		case b == '\n':
			line, column, n = line+1, 1, n+1
			continue
		case b < 0x20 && b != '\t' && b != '\r', b == 0x7f:
			return nil, draftError(line, column, "", "the control character %#02x is not allowed; in double quotes it is written \\x%02x", b, b)
		case b >= utf8.RuneSelf:
			r, size := utf8.DecodeRune(text[n:])
			if r == utf8.RuneError && size == 1 {
				return nil, draftError(line, column, "", "the byte %#02x is not UTF-8; save the text as UTF-8, and binary values as base64", b)
			}
			if (r >= 0x80 && r <= 0x9f) || r == 0xfffe || r == 0xffff {
				return nil, draftError(line, column, "", "the character %U is not allowed as it is; in double quotes it is written \\u%04x", r, r)
			}
			n += size - 1
		}
		column, n = column+1, n+1
	}
	return text, nil
}

// wide reports whether a text looks like UTF-16: by its mark, or by a zero in one of its first two bytes.
func wide(text []byte) bool {
	if len(text) < 2 {
		return false
	}
	return bytes.HasPrefix(text, []byte{0xfe, 0xff}) || bytes.HasPrefix(text, []byte{0xff, 0xfe}) ||
		(text[0] == 0) != (text[1] == 0)
}

// part is one document of a text: the lines between its markers.
type part struct {
	text []byte
	skip int // lines before it
}

// documents splits a text at its document markers: YAML has `---` at the begin of a line mean nothing else. Parts without
// anything but comments are left out.
func documents(text []byte) []part {
	var out []part
	p, start := part{}, 0
	end := func(at, line int) {
		p.text = text[start:at]
		if !blank(p.text) {
			out = append(out, p)
		}
		p = part{skip: line}
	}
	for at, line := 0, 0; at < len(text); line++ {
		next := len(text)
		if n := bytes.IndexByte(text[at:], '\n'); n >= 0 {
			next = at + n + 1
		}
		if l := text[at:next]; marker(l, "---") || marker(l, "...") {
			end(at, line)
			start = at + len("---") // what follows on the line belongs to the document
		}
		at = next
	}
	end(len(text), 0)
	return out
}

func marker(line []byte, mark string) bool {
	rest, ok := bytes.CutPrefix(line, []byte(mark))
	return ok && (len(rest) == 0 || rest[0] == ' ' || rest[0] == '\t' || rest[0] == '\n' || rest[0] == '\r')
}

// blank reports whether a text has only comments and directives.
func blank(text []byte) bool {
	for line := range bytes.Lines(text) {
		line = bytes.TrimSpace(line)
		if len(line) > 0 && line[0] != '#' && !bytes.HasPrefix(line, []byte("%YAML")) {
			return false
		}
	}
	return true
}

var (
	yamlLine = regexp.MustCompile(`^line (\d+): `)
	// What the parser quotes and is not its own: a letter or digit is in it.
	yamlQuoted = regexp.MustCompile("'[^']*[\\pL\\pN][^']*'|`[^`]*`|\"[^\"]*[\\pL\\pN][^\"]*\"")
	// What the parser, other than its scanner, objects to has the number of the line before.
	yamlParser = regexp.MustCompile(`^did not find expected (node content|',' or|'-' indicator|key|<document start>)`)
)

// syntaxError makes a DraftError of the parser's: with its line in the whole text, and without what it quotes.
func syntaxError(err error, p part) *DraftError {
	message := strings.TrimPrefix(strings.TrimPrefix(err.Error(), "yaml: "), "unmarshal errors:\n  ")
	line := 0
	if m := yamlLine.FindStringSubmatch(message); m != nil {
		line, _ = strconv.Atoi(m[1])
		if message = message[len(m[0]):]; yamlParser.MatchString(message) {
			line++
		}
	}
	if n := tabbed(p.text, line); n > 0 {
		return draftError(n+p.skip, 1, "", "a tab indents this line; YAML is indented by spaces")
	}
	if strings.Contains(message, "unknown anchor") {
		return draftError(0, 0, "", "an alias (*name) has no anchor (&name) before it; a value that begins with * is put in quotes")
	}
	message, _, _ = strings.Cut(message, "\n")
	if n := strings.Count(string(p.text), "\n") + 1; line > n {
		line = n
	}
	if line > 0 {
		line += p.skip
	}
	if !yamlParser.MatchString(message) { // which quotes only its own words
		message = yamlQuoted.ReplaceAllString(message, "…")
	}
	return draftError(line, 0, "", "this is not YAML: %s", message)
}

// tabbed finds a line indented by a tab beside the given one.
func tabbed(text []byte, line int) int {
	n := 0
	for l := range bytes.Lines(text) {
		n++
		indent := l[:len(l)-len(bytes.TrimLeft(l, " \t"))]
		if bytes.IndexByte(indent, '\t') >= 0 && (line == 0 || (n >= line-1 && n <= line+1)) {
			return n
		}
	}
	return 0
}
