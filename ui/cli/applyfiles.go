package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"orka/apply"
)

const (
	// maxFile is the longest file of documents that is read, in bytes; ORKA_MAX_YAML_BYTES bounds each document.
	maxFile = 64 << 20
	// stdinName is what -f - is called in messages.
	stdinName = "stdin"
)

// fileExtensions are those that count in a directory, as in kubectl
// (k8s.io/cli-runtime/pkg/resource/builder.go, FileExtensions).
var fileExtensions = []string{".json", ".yaml", ".yml"}

// fileFlags are -f and -R.
type fileFlags struct {
	names     []string
	recursive bool
}

func (f *fileFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringSliceVarP(&f.names, "filename", "f", nil, "file or directory with the objects as YAML or JSON; - is stdin; may be repeated")
	cmd.Flags().BoolVarP(&f.recursive, "recursive", "R", false, "look into the directories of a directory, too")
	_ = cmd.MarkFlagFilename("filename", "yaml", "yml", "json") // the flag is there
}

// read returns the documents of all files, in order. Errors are *badFileError and usageError.
func (f *fileFlags) read(ctx context.Context, a *app) ([]*apply.File, error) {
	var out []*apply.File
	seen := 0
	for _, name := range f.names {
		if name == "-" {
			seen++
		}
	}
	if seen > 1 {
		return nil, usagef("-f -: stdin can be read once only")
	}
	for _, name := range f.names {
		paths, err := f.expand(name)
		if err != nil {
			return nil, err
		}
		for _, path := range paths {
			docs, err := a.readFile(ctx, path)
			if err != nil {
				return nil, err
			}
			out = append(out, docs...)
		}
	}
	return out, nil
}

// expand is the files that one -f names: a directory's in the order of their names.
func (f *fileFlags) expand(name string) ([]string, error) {
	switch {
	case name == "":
		return nil, usagef("-f: want a file, a directory or -")
	case name == "-":
		return []string{name}, nil
	case strings.HasPrefix(name, "http://"), strings.HasPrefix(name, "https://"):
		return nil, usagef("-f %s: orka reads no addresses; fetch it first: curl … | orka … -f -", cutName(name))
	}
	info, err := os.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, badFilef("%s: there is no such file", name)
	case err != nil:
		return nil, badFilef("%s: %w", name, cause(err))
	case !info.IsDir():
		return []string{name}, nil
	}
	var out []string
	err = filepath.WalkDir(name, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir():
			if path != name && !f.recursive {
				return fs.SkipDir
			}
			return nil
		case !slices.Contains(fileExtensions, filepath.Ext(path)):
			return nil
		}
		info, err := os.Stat(path) // what a link leads to
		if err == nil && info.Mode().IsRegular() {
			out = append(out, path)
		}
		return err
	})
	if err != nil {
		return nil, badFilef("%s: %w", name, cause(err))
	}
	if len(out) == 0 {
		deeper := ""
		if !f.recursive {
			deeper = "; -R looks into its directories, too"
		}
		return nil, badFilef("%s: the directory holds no file that ends in %s%s", name, strings.Join(fileExtensions, ", "), deeper)
	}
	return out, nil
}

// cause is what a file's error says beside operation and path, which are named already.
func cause(err error) error {
	var e *fs.PathError
	if errors.As(err, &e) {
		return e.Err
	}
	return err
}

// readFile reads and parses one file; "-" is stdin.
func (a *app) readFile(ctx context.Context, path string) ([]*apply.File, error) {
	name, open := path, func() (io.ReadCloser, error) { return os.Open(path) } //nolint:gosec // the person named it
	if path == "-" {
		name, open = stdinName, func() (io.ReadCloser, error) { return io.NopCloser(a.in), nil }
		if isTerminal(a.in) && isTerminal(a.errOut) {
			fmt.Fprintln(a.errOut, "reading from the terminal; ctrl-d ends")
		}
	}
	text, err := readAll(ctx, open)
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err != nil:
		return nil, badFilef("%s: %w", name, cause(err))
	case len(text) > maxFile:
		return nil, badFilef("%s is longer than %d MiB; split it", name, maxFile>>20)
	case len(bytes.TrimSpace(text)) == 0:
		return nil, badFilef("%s is empty", name)
	}
	docs, err := apply.ParseFiles(name, text, a.cfg.MaxYAMLBytes, a.cfg.MaxYAMLNodes)
	if err != nil {
		return nil, &badFileError{inFile(name, err)}
	}
	if len(docs) == 0 {
		return nil, badFilef("%s holds no object", name)
	}
	return docs, nil
}

// readAll reads to the end, or one byte over maxFile, or until ctx ends: a pipe whose writer is silent must not hold a
// ctrl-c up. What is left of the read then ends with the process, or with the pipe.
func readAll(ctx context.Context, open func() (io.ReadCloser, error)) ([]byte, error) {
	type answer struct {
		text []byte
		err  error
	}
	ch := make(chan answer, 1)
	go func() {
		r, err := open()
		if err != nil {
			ch <- answer{nil, err}
			return
		}
		defer r.Close()
		text, err := io.ReadAll(io.LimitReader(r, maxFile+1))
		ch <- answer{text, err}
	}()
	select {
	case got := <-ch:
		return got.text, got.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// inFile puts the place before a document's error, as compilers do: "web.yaml:12:3: .spec.replicas: …".
func inFile(name string, err error) error {
	var draft *apply.DraftError
	if !errors.As(err, &draft) {
		return fmt.Errorf("%s: %w", name, err)
	}
	return &placedError{name, draft}
}

// placedError is a DraftError with its file.
type placedError struct {
	name string
	err  *apply.DraftError
}

func (e *placedError) Error() string {
	at := e.name
	if e.err.Line > 0 {
		at += fmt.Sprintf(":%d", e.err.Line)
		if e.err.Column > 0 {
			at += fmt.Sprintf(":%d", e.err.Column)
		}
	}
	bare := *e.err
	bare.Line, bare.Column = 0, 0
	return at + ": " + bare.Error()
}

func (e *placedError) Unwrap() error { return e.err }
