package kube

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"sigs.k8s.io/yaml"
)

// MarshalYAML is JSONToYAML of what has a form in JSON.
func MarshalYAML(v any) ([]byte, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return JSONToYAML(b)
}

// JSONToYAML is sigs.k8s.io/yaml's, and keeps what that loses or refuses: a next-line character (it turns into a blank), DEL
// and the C1 controls, U+FFFE and U+FFFF, and a key or value of "<<" (read back, a merge). Such texts are written with
// escapes, in double quotes.
func JSONToYAML(b []byte) ([]byte, error) {
	b, verbatim, err := setAside(b)
	if err != nil {
		return nil, err
	}
	text, err := yaml.JSONToYAML(b)
	if err != nil {
		return nil, err
	}
	for mark, s := range verbatim {
		text = bytes.ReplaceAll(text, []byte(mark), []byte(s))
	}
	return text, nil
}

// EscapeJSON escapes the characters in JSON that a server which reads it as YAML, as it does a server-side apply, would
// lose or refuse.
func EscapeJSON(b []byte) []byte {
	if !bytes.ContainsFunc(b, lostInYAML) {
		return b
	}
	var out bytes.Buffer
	for len(b) > 0 {
		r, size := utf8.DecodeRune(b)
		if lostInYAML(r) {
			fmt.Fprintf(&out, `\u%04x`, r)
		} else {
			out.Write(b[:size])
		}
		b = b[size:]
	}
	return out.Bytes()
}

// lostInYAML reports characters that YAML does not take as they are, or folds. They are in JSON only within strings.
func lostInYAML(r rune) bool {
	return r == 0x7f || (r >= 0x80 && r <= 0x9f) || r == 0xfffe || r == 0xffff
}

// setAside puts a word of letters in the place of each string that YAML does not take. It is made of what can be read in
// the string, so that keys stay in their order, and of a number that nothing else in the text ends in.
func setAside(b []byte) (out []byte, verbatim map[string]string, err error) {
	if !bytes.ContainsFunc(b, lostInYAML) && !bytes.Contains(b, []byte(`"<<"`)) && !bytes.Contains(b, []byte(`\u`)) {
		return b, nil, nil
	}
	seed := "Verbatim"
	for bytes.Contains(b, []byte(seed)) {
		seed += "X"
	}
	verbatim = map[string]string{}
	for len(b) > 0 {
		open := bytes.IndexByte(b, '"')
		if open < 0 {
			break
		}
		end := open + 1
		for end < len(b) && b[end] != '"' {
			if b[end] == '\\' {
				end++
			}
			end++
		}
		if end >= len(b) {
			return nil, nil, fmt.Errorf("a string of the JSON has no end")
		}
		var s string
		if err := json.Unmarshal(b[open:end+1], &s); err != nil {
			return nil, nil, err
		}
		out = append(out, b[:open]...)
		if s == "<<" || strings.ContainsFunc(s, lostInYAML) {
			mark := letters(s) + seed + strconv.Itoa(len(verbatim)) + "E"
			verbatim[mark] = quoteYAML(s)
			out = strconv.AppendQuote(out, mark)
		} else {
			out = append(out, b[open:end+1]...)
		}
		b = b[end+1:]
	}
	return append(out, b...), verbatim, nil
}

// letters are the ASCII letters that a text begins with, and at least one.
func letters(s string) string {
	n := strings.IndexFunc(s, func(r rune) bool { return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') })
	switch {
	case n > 0:
		return s[:n]
	case n < 0:
		return s
	}
	return "Z"
}

// quoteYAML is a text in YAML's double quotes.
func quoteYAML(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r < 0x20 || lostInYAML(r) || r == 0x2028 || r == 0x2029 || r == 0xfeff:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
