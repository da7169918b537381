package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"orka/watch"
)

// Exit codes of every command.
const (
	ExitOK        = 0
	ExitError     = 1
	ExitUsage     = 2
	ExitPartial   = 3 // answered, but something could not be listed; it is named on stderr
	ExitInterrupt = 130
)

// usageError is a command line that can't be understood.
type usageError struct{ err error }

func (e usageError) Error() string { return e.err.Error() }
func (e usageError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error {
	return usageError{fmt.Errorf(format, args...)}
}

// partialError lists what an answer lacks.
type partialError struct{ missing []string }

func (e *partialError) Error() string {
	return "not everything could be listed:\n  " + strings.Join(e.missing, "\n  ")
}

// errInterrupted is the cause of a context ended by a signal.
var errInterrupted = errors.New("interrupted")

// exitCode maps what a command returned to the code of the process.
func exitCode(ctx context.Context, err error) int {
	var usage usageError
	var partial *partialError
	switch {
	case errors.Is(context.Cause(ctx), errInterrupted):
		return ExitInterrupt
	case err == nil:
		return ExitOK
	case errors.As(err, &usage):
		return ExitUsage
	case errors.As(err, &partial):
		return ExitPartial
	default:
		return ExitError
	}
}

// errorText is an error as a person is to read it: no control characters of a server reach the terminal.
func errorText(err error) string { return watch.SanitizeText(err.Error()) }
