package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Lines that part a mutant's file.
const (
	wasLine = "--- was"
	isLine  = "--- is"
)

// mutant is one way to break the code.
type mutant struct {
	name   string // of its file, without the extension
	breaks string // what goes wrong with it, for a reader
	file   string // that it changes, below the repository
	pkg    string // "./watch": where the test is
	test   string // that must fail
	edits  []edit
}

// edit replaces whole lines by others.
type edit struct{ was, is string }

// read reads all mutants of a folder, in order of their names.
func read(folder string) ([]mutant, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.mutant"))
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("no *.mutant files in %s", folder)
	}
	var out []mutant
	var errs []error
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			return nil, err
		}
		m, err := parse(strings.TrimSuffix(filepath.Base(f), ".mutant"), string(text))
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", f, err))
		}
		out = append(out, m)
	}
	return out, errors.Join(errs...)
}

// parse reads a mutant:
//
//	breaks: a list deletes nothing
//	file: watch/list.go
//	test: ./watch TestDeletesAreSwept
//	--- was
//	the lines as they are
//	--- is
//	the lines in their place
//
// with further pairs of "was" and "is" for further places of the same file.
func parse(name, text string) (mutant, error) {
	m := mutant{name: name}
	var into *string
	for line := range strings.Lines(text) {
		switch bare := strings.TrimSuffix(line, "\n"); {
		case bare == wasLine:
			m.edits = append(m.edits, edit{})
			into = &m.edits[len(m.edits)-1].was
		case bare == isLine:
			if len(m.edits) == 0 {
				return m, fmt.Errorf("%q comes before %q", isLine, wasLine)
			}
			into = &m.edits[len(m.edits)-1].is
		case into != nil:
			*into += line
		default:
			key, value, _ := strings.Cut(bare, ": ")
			switch key {
			case "breaks":
				m.breaks = value
			case "file":
				m.file = value
			case "test":
				m.pkg, m.test, _ = strings.Cut(value, " ")
			default:
				return m, fmt.Errorf("unknown line %q", bare)
			}
		}
	}
	if m.breaks == "" || m.file == "" || m.pkg == "" || m.test == "" || len(m.edits) == 0 {
		return m, errors.New("a mutant needs breaks, file, test (package and name), and what to replace by what")
	}
	return m, nil
}

// apply makes the edits, each of which must find its lines exactly once.
func (m mutant) apply(source string) (string, error) {
	source = "\n" + source
	for _, e := range m.edits {
		if e.was == e.is {
			return "", errors.New("it replaces lines by themselves")
		}
		if n := occurrences(source, "\n"+e.was); n != 1 {
			return "", fmt.Errorf("%s has its lines %d times, not once: the code has moved on, and the mutant must follow:\n%s", m.file, n, e.was)
		}
		source = strings.Replace(source, "\n"+e.was, "\n"+e.is, 1)
	}
	return source[1:], nil
}

// occurrences is strings.Count with those that overlap: one's last line feed is the next one's first.
func occurrences(s, part string) (n int) {
	for i := strings.Index(s, part); i >= 0; i = strings.Index(s, part) {
		n++
		s = s[i+1:]
	}
	return n
}

// tableOf is the table of docs/reliability.md.
func tableOf(mutants []mutant) string {
	var b strings.Builder
	b.WriteString("| mutant | what it breaks | killed by |\n|---|---|---|\n")
	for _, m := range mutants {
		fmt.Fprintf(&b, "| %s | %s | `%s` |\n", m.name, m.breaks, m.test)
	}
	return b.String()
}
