package ui

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	tea "github.com/charmbracelet/bubbletea"
	"golang.org/x/term"
)

// editors are what is looked for when no variable names one.
var editors = map[string][]string{"windows": {"notepad"}, "": {"vi", "nano"}}

// chooseEditor is the command of the editor, as kubectl chooses it: $KUBE_EDITOR, $EDITOR, then what is usually there.
// The program must exist; lookPath says so.
func chooseEditor(getenv func(string) string, lookPath func(string) (string, error), goos string) ([]string, error) {
	for _, name := range []string{"KUBE_EDITOR", "EDITOR"} {
		line := strings.TrimSpace(getenv(name))
		if line == "" {
			continue
		}
		if path, err := lookPath(line); err == nil { // a path with blanks in it
			return []string{path}, nil
		}
		argv, err := splitCommand(line)
		if err != nil {
			return nil, fmt.Errorf("$%s: %w", name, err)
		}
		path, err := lookPath(argv[0])
		if err != nil {
			return nil, fmt.Errorf("the editor %q of $%s was not found; set $KUBE_EDITOR or $EDITOR to one that is there", argv[0], name)
		}
		return append([]string{path}, argv[1:]...), nil
	}
	names, ok := editors[goos]
	if !ok {
		names = editors[""]
	}
	for _, name := range names {
		if path, err := lookPath(name); err == nil {
			return []string{path}, nil
		}
	}
	return nil, fmt.Errorf("no editor: $KUBE_EDITOR and $EDITOR are not set, and there is no %s", strings.Join(names, " or "))
}

// findEditor is chooseEditor for this process.
func findEditor() ([]string, error) { return chooseEditor(os.Getenv, exec.LookPath, runtime.GOOS) }

var errOpenQuote = errors.New("a quote is not closed")

// splitCommand cuts a command line into words at blanks that are not quoted. There is no shell: nothing is expanded, and
// a backslash is an ordinary character, as it is in paths of Windows.
func splitCommand(line string) ([]string, error) {
	var words []string
	var word strings.Builder
	quote, open := rune(0), false
	for _, r := range line {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(r)
		case r == '"' || r == '\'':
			quote, open = r, true
		case r == ' ' || r == '\t':
			if open {
				words = append(words, word.String())
				word.Reset()
				open = false
			}
		default:
			word.WriteRune(r)
			open = true
		}
	}
	if quote != 0 {
		return nil, errOpenQuote
	}
	if open {
		words = append(words, word.String())
	}
	if len(words) == 0 || words[0] == "" {
		return nil, errors.New("it names no command")
	}
	return words, nil
}

// softReset gives a terminal back that an editor has left behind half-way: the modes that editors switch on are off
// (mouse, bracketed paste, application keys, modifyOtherKeys, a scroll region, another character set, colours).
// bubbletea sets its own again after it.
const softReset = "\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?1004l\x1b[?2004l\x1b[?1l\x1b>\x1b[>4;0m\x1b[r\x1b(B\x0f\x1b[?7h\x1b[?25h\x1b[0m"

// editorCommand runs the editor on the terminal. tea.ExecProcess would do but for an editor that dies and leaves the
// terminal raw: that state would be taken for the one to come back to at the end.
type editorCommand struct {
	argv   []string
	path   string     // of the draft
	away   func(bool) // Options.Away; nil is nobody to tell
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer
}

var _ tea.ExecCommand = (*editorCommand)(nil)

// SetStdin takes the terminal's input.
func (c *editorCommand) SetStdin(r io.Reader) { c.stdin = r }

// SetStdout takes the terminal.
func (c *editorCommand) SetStdout(w io.Writer) { c.stdout = w }

// SetStderr takes the process's stderr. It is not used: it goes to the log while a screen is up, and an editor's remarks
// belong on the terminal.
func (c *editorCommand) SetStderr(w io.Writer) { c.stderr = w }

// Run waits until the editor ends.
func (c *editorCommand) Run() error {
	cmd := exec.Command(c.argv[0], append(c.argv[1:len(c.argv):len(c.argv)], c.path)...) //nolint:gosec,noctx // the person's own editor, which ends when they end it
	cmd.Stdout, cmd.Stderr = c.stdout, c.stdout
	if f, ok := c.stdin.(*os.File); ok { // any other reader would be read ahead of, and waited for
		cmd.Stdin = f
		if state, err := term.GetState(int(f.Fd())); err == nil { //nolint:gosec // a file descriptor fits
			defer func() { _ = term.Restore(int(f.Fd()), state) }() //nolint:gosec // a file descriptor fits
		}
	}
	if c.away != nil {
		c.away(true)
		defer c.away(false)
	}
	err := cmd.Run()
	if c.stdout != nil {
		_, _ = io.WriteString(c.stdout, softReset)
	}
	return err
}

// editorFailure is what to say of an editor that did not end well.
func editorFailure(argv []string, err error) string {
	name := filepath.Base(argv[0])
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return fmt.Sprintf("the editor %s ended with %s", name, exit.ProcessState)
	}
	return fmt.Sprintf("the editor %s could not be run: %v", name, err)
}
