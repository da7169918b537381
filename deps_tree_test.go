package main_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// loadPackages reads the import graph of the product with the go command, as it is built (without cgo),
// and adds the imports of files that this platform leaves out. Packages that don't compile are listed all
// the same: saying why they don't is the compiler's business.
func loadPackages(t *testing.T) []pkg {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(goCommand(t, "list", "-e", "-json=ImportPath,Name,Doc,Dir,GoFiles,IgnoredGoFiles,Imports,Deps", "./...")))
	var out []pkg
	for {
		var p struct {
			ImportPath, Name, Doc, Dir string
			GoFiles, IgnoredGoFiles    []string
			Imports, Deps              []string
		}
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("go list: %v", err)
		}
		for _, f := range p.IgnoredGoFiles {
			if !strings.HasSuffix(f, "_test.go") {
				p.Imports = append(p.Imports, importsOf(t, filepath.Join(p.Dir, f))...)
			}
		}
		if len(p.GoFiles)+len(p.Imports) == 0 {
			continue // a folder of tests only
		}
		slices.Sort(p.Imports)
		below := "."
		if p.ImportPath != modulePath {
			below = strings.TrimPrefix(p.ImportPath, modulePath+"/")
		}
		out = append(out, pkg{Path: below, Name: p.Name, Doc: p.Doc, Imports: slices.Compact(p.Imports), Deps: p.Deps})
	}
	if len(out) == 0 {
		t.Fatal("go list found no packages: the test must run in the module's root")
	}
	return out
}

// importsOf reads the imports of one file, whatever its build constraint says.
func importsOf(t *testing.T, file string) []string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	var out []string
	for _, spec := range f.Imports {
		imp, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatalf("%s: import %s: %v", file, spec.Path.Value, err)
		}
		out = append(out, imp)
	}
	return out
}

// goFiles lists the Go files of the checkout, hidden folders left out. Its walk is also what tells the test
// cache of the go command that a result is out of date: it does not see what `go list` reads.
func goFiles(t *testing.T) []string {
	t.Helper()
	var out []string
	err := fs.WalkDir(os.DirFS("."), ".", func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && p != "." && strings.HasPrefix(d.Name(), "."):
			return fs.SkipDir
		case !d.IsDir() && strings.HasSuffix(p, ".go"):
			out = append(out, p)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func goCommand(t *testing.T, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return out
}
