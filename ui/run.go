package ui

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/lipgloss"
	"github.com/muesli/termenv"

	"orka/watch"
)

// Run shows the screens until the person quits or ctx ends. The terminal is as it was before when it
// returns, also after a panic, which comes back as an error. It writes to the terminal alone.
func Run(parent context.Context, opts Options) error {
	ctx, cancel := context.WithCancel(parent)
	defer cancel()
	m, err := New(ctx, opts)
	if err != nil {
		return err
	}
	options := []tea.ProgramOption{tea.WithContext(ctx), tea.WithAltScreen(), tea.WithMouseCellMotion()}
	if opts.Input != nil {
		options = append(options, tea.WithInput(opts.Input))
	}
	if opts.Output != nil {
		options = append(options, tea.WithOutput(opts.Output))
	}
	_, err = tea.NewProgram(m, options...).Run()
	cancel()
	if path := m.edit.path; path != "" { // the screen it was on is gone
		var out io.Writer = os.Stdout
		if opts.Output != nil {
			out = opts.Output
		}
		fmt.Fprintf(out, "the draft of %s is kept: %s\n", watch.Sanitize(m.edit.target.String()), watch.Sanitize(shortPath(path)))
	}
	switch {
	case m.crashed != nil:
		return fmt.Errorf("%w; the log has the details", m.crashed)
	case err == nil, errors.Is(err, tea.ErrInterrupted):
		return nil
	case errors.Is(err, tea.ErrProgramKilled) && parent.Err() != nil && !errors.Is(err, tea.ErrProgramPanic):
		return nil // the caller ended it
	default:
		return fmt.Errorf("the terminal: %w", err)
	}
}

// detectTheme asks the terminal what it can show. Questions to the terminal itself (its background) were asked
// once at start, before anything else reads from it.
func detectTheme(out io.Writer) *theme {
	profile := lipgloss.ColorProfile()
	if out != nil && out != io.Writer(os.Stdout) {
		profile = termenv.NewOutput(out).EnvColorProfile()
	}
	return newTheme(profile, lipgloss.HasDarkBackground(), asciiOnly(os.Getenv))
}

// asciiOnly reports whether the terminal is known to lack the characters beyond ASCII: the console of a kernel
// or serial line, or a locale that names another character set than UTF-8.
func asciiOnly(getenv func(string) string) bool {
	switch getenv("TERM") {
	case "linux", "vt100", "vt102", "vt220", "dumb":
		return true
	}
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := getenv(name); v != "" {
			_, charset, named := strings.Cut(strings.ToLower(v), ".")
			return named && !strings.HasPrefix(charset, "utf-8") && !strings.HasPrefix(charset, "utf8")
		}
	}
	return false
}
