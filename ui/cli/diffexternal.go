package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// externalDiffEnv names the program that compares, as for kubectl.
const externalDiffEnv = "KUBECTL_EXTERNAL_DIFF"

// plainWord is what kubectl passes on of the words behind the program's name; it drops all others without a word
// (k8s.io/kubectl/pkg/cmd/diff/diff.go, DiffProgram.getCommand).
var plainWord = regexp.MustCompile(`^[a-zA-Z0-9-=]+$`)

// externalDiff compares two directories, LIVE-… and MERGED-…, by a program.
type externalDiff struct {
	words    []string // the program and its arguments
	from, to string   // the directories
}

// newExternalDiff makes the directories; nil where no program is named.
func (a *app) newExternalDiff() (*externalDiff, error) {
	command, _ := a.lookupEnv(externalDiffEnv)
	if command == "" {
		return nil, nil
	}
	words := strings.Split(command, " ")
	d := &externalDiff{words: words[:1]}
	for _, w := range words[1:] {
		if plainWord.MatchString(w) {
			d.words = append(d.words, w)
		}
	}
	if words[0] == "" {
		return nil, fmt.Errorf("%s=%q names no program", externalDiffEnv, command)
	}
	var err error
	if d.from, err = os.MkdirTemp("", "LIVE-"); err != nil {
		return nil, fmt.Errorf("directory for %s: %w", externalDiffEnv, err)
	}
	if d.to, err = os.MkdirTemp("", "MERGED-"); err != nil {
		d.close()
		return nil, fmt.Errorf("directory for %s: %w", externalDiffEnv, err)
	}
	return d, nil
}

// add writes the two versions of an object; one that is not there yet is an empty file.
func (d *externalDiff) add(name, before, after string) error {
	if err := os.WriteFile(filepath.Join(d.from, name), []byte(before), 0o600); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(d.to, name), []byte(after), 0o600)
}

// run reports whether the program found differences. It is given the directories before its own arguments, as by
// kubectl.
func (d *externalDiff) run(ctx context.Context, out, errOut io.Writer) (differs bool, err error) {
	args := append([]string{d.from, d.to}, d.words[1:]...)
	cmd := exec.CommandContext(ctx, d.words[0], args...) //nolint:gosec // the person chose it
	cmd.Stdout, cmd.Stderr = out, errOut
	err = cmd.Run()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return false, context.Cause(ctx)
	case errors.As(err, &exit) && exit.ExitCode() == 1:
		return true, nil
	case err != nil:
		return false, fmt.Errorf("%s: %q: %w", externalDiffEnv, strings.Join(d.words, " "), err)
	}
	return false, nil
}

func (d *externalDiff) close() {
	_ = os.RemoveAll(d.from)
	if d.to != "" {
		_ = os.RemoveAll(d.to)
	}
}
