package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"orka/watch"
)

// Exit codes of every command.
const (
	ExitOK        = 0
	ExitError     = 1
	ExitUsage     = 2
	ExitPartial   = 3 // answered, but something could not be listed; it is named on stderr
	ExitConflict  = 4 // fields belong to other managers, and nobody agreed to take them; nothing was written
	ExitStale     = 5 // the object, or the view of it, is not what the change was made for; nothing was written
	ExitUnknown   = 6 // the answer to a write was lost, and reading the object did not settle what became of it
	ExitInterrupt = 130
)

// Exit codes of diff, which says by 1 what it found. What is ExitError elsewhere is ExitPartial there, so that no error
// reads as an answer.
const (
	ExitSame    = 0
	ExitDiffers = 1
)

// oneDiffers marks commands whose ExitDiffers is an answer.
const oneDiffers = "one-differs"

// exitError ends a command with a code of its own. A nil err has nothing more to say: all is told already.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// badFileError is a file that can't be taken. Its code is ExitUsage, but no help text would help.
type badFileError struct{ err error }

func (e *badFileError) Error() string { return e.err.Error() }
func (e *badFileError) Unwrap() error { return e.err }

func badFilef(format string, args ...any) error {
	return &badFileError{fmt.Errorf(format, args...)}
}

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

// signalError is errInterrupted with the signal.
type signalError struct{ signal os.Signal }

func (e *signalError) Error() string { return e.signal.String() }

// Is also says that it is a cancellation: what a request returns that it ended is no failure of the server.
func (e *signalError) Is(target error) bool { //nolint:errorlint // what Is is for
	return target == errInterrupted || target == context.Canceled
}

// interruptCode is 128 and the signal's number, as of a process that the signal had ended: 130 for ctrl-c.
func interruptCode(cause error) int {
	var e *signalError
	if errors.As(cause, &e) {
		if n, ok := e.signal.(syscall.Signal); ok {
			return 128 + int(n)
		}
	}
	return ExitInterrupt
}

// panicError is a bug that came to light.
type panicError struct {
	value any
	stack []byte
}

func (e *panicError) Error() string {
	return fmt.Sprintf("internal error: %v; this is a bug, please report it (ORKA_LOG=debug prints where)", e.value)
}

// timeoutError is the cause of a context that --request-timeout ended.
type timeoutError struct{ after time.Duration }

func (e *timeoutError) Error() string {
	return fmt.Sprintf("no complete answer within %s (--request-timeout)", e.after)
}

// bounded ends a command after --request-timeout.
func (a *app) bounded(cmd *cobra.Command) *cobra.Command {
	run := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, words []string) error {
		if a.requestTimeout == 0 {
			return run(cmd, words)
		}
		timeout := &timeoutError{after: a.requestTimeout}
		ctx, cancel := context.WithTimeoutCause(cmd.Context(), a.requestTimeout, timeout)
		defer cancel()
		cmd.SetContext(ctx)
		err := run(cmd, words)
		if errors.Is(err, context.DeadlineExceeded) && errors.Is(context.Cause(ctx), timeout) {
			return timeout
		}
		return err
	}
	return cmd
}

// exitCode maps what a command returned to the code of the process.
func exitCode(ctx context.Context, err error) int {
	var usage usageError
	var partial *partialError
	var code *exitError
	var file *badFileError
	switch {
	case errors.Is(context.Cause(ctx), errInterrupted):
		return interruptCode(context.Cause(ctx))
	case err == nil:
		return ExitOK
	case errors.As(err, &code):
		return code.code
	case errors.As(err, &usage), errors.As(err, &file):
		return ExitUsage
	case errors.As(err, &partial):
		return ExitPartial
	default:
		return ExitError
	}
}

// errorText is an error as a person is to read it: no control characters of a server reach the terminal. "" where there
// is nothing to say.
func errorText(err error) string {
	if err == nil {
		return ""
	}
	return watch.SanitizeText(err.Error())
}
