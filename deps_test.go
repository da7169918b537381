package main_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// The import order is the architecture (ARCHITECTURE.md): data flows one way through the packages, and an
// import against that flow is how a design starts to rot without anyone deciding it. This file holds the
// table of what may not be imported, each line with its reason, and checks the tree against it.
// deps_fail_test.go shows that every check can fail; deps_tree_test.go reads the tree.

func TestDepsImportRules(t *testing.T) { report(t, violations(loadPackages(t), rules)) }

func TestDepsPackageComments(t *testing.T) { report(t, undocumented(loadPackages(t))) }

func TestDepsOneProgram(t *testing.T) { report(t, extraMains(loadPackages(t))) }

func TestDepsPlaceOfCode(t *testing.T) { report(t, misplaced(goFiles(t))) }

func TestDepsFixedDependencies(t *testing.T) {
	var mod struct {
		Require []struct {
			Path     string
			Indirect bool
		}
	}
	if err := json.Unmarshal(goCommand(t, "mod", "edit", "-json"), &mod); err != nil {
		t.Fatalf("go.mod: %v", err)
	}
	var direct []string
	for _, r := range mod.Require {
		if !r.Indirect {
			direct = append(direct, r.Path)
		}
	}
	report(t, missingDependencies(direct))
}

func report(t *testing.T, broken []string) {
	t.Helper()
	for _, b := range broken {
		t.Error(b)
	}
}

// modulePath is the module's name, which is also the first element of every package path of ours.
const modulePath = "orka"

// pkg is what the rules look at: one package as the product builds it, tests left out.
type pkg struct {
	Path    string // below the module: "." for main, "watch/kube"
	Name    string // of the package clause
	Doc     string // first sentence of the package comment
	Imports []string
	Deps    []string // everything the package links, transitively
}

// rule forbids some packages some imports.
type rule struct {
	name string
	// binds says whether the rule looks at the package at all.
	binds func(path string) bool
	// forbids says whether a bound package may not import imp.
	forbids func(imp string) bool
	// deep looks at everything the package links, not only at what it imports itself.
	deep bool
	why  string
	fix  string
}

// layers lists what each top-level room may import of ours besides itself, in the order data flows.
// Whatever is not listed is forbidden. ui/cli is a room of its own.
var layers = []struct {
	room, why string
	may       []string
}{
	{"watch", "watch is the vocabulary every later stage speaks, so it can know none of them", nil},
	{"shard", "shard turns deltas into a World and must not know who reads it", []string{"watch"}},
	{"search", "search follows the World and must not know who asks or what is done with the answer", []string{"watch", "shard"}},
	{"apply", "apply works on live objects of the API server, never on the snapshot the screens read", []string{"watch"}},
	{"engine", "engine wires the stages together and publishes a View; screens take it, it never calls them", []string{"watch", "shard", "search", "apply"}},
	{"ui", "ui draws what the engine publishes and can be run by any command", []string{"watch", "shard", "search", "apply", "engine"}},
	{"ui/cli", "ui/cli is the last room before main", []string{"watch", "shard", "search", "apply", "engine", "ui"}},
	{".", "main.go only calls ui/cli, so that every command can be tested without a process", []string{"ui/cli"}},
}

// rules is the table of forbidden imports.
var rules = slices.Concat(layerRules(), []rule{
	{
		name:  "client-go",
		binds: func(p string) bool { return !within(p, "watch/kube", "watch/sim", "apply", "engine", "ui/cli") },
		forbids: func(imp string) bool {
			return within(imp, "k8s.io/client-go", "k8s.io/cli-runtime", "k8s.io/kubectl")
		},
		why: "the transport is client-go's and reaches the rest as watch.Source, so that the loop, the store and the screens can be tested and read without a cluster in mind",
		fix: "put the call into watch/kube (reading), apply (writing), engine or ui/cli and hand over a value",
	},
	{
		name:  "sim without a client",
		binds: func(p string) bool { return within(p, "watch/sim") },
		forbids: func(imp string) bool {
			return within(imp, "k8s.io/client-go") && !in(imp, "k8s.io/client-go/kubernetes/scheme", "k8s.io/client-go/applyconfigurations")
		},
		why: "watch/sim plays the server; sharing client code with what it tests would hide a mistake on both sides. " +
			"The root of applyconfigurations is let through for NewTypeConverter alone: the schemas that field ownership of built-in kinds goes by, which are the server's own",
		fix: "encode with apimachinery and client-go/kubernetes/scheme, which is all a server needs",
	},
	{
		name:    "sim is not the product",
		binds:   func(p string) bool { return !within(p, "watch/sim", "ui/cli") },
		forbids: func(imp string) bool { return within(imp, modulePath+"/watch/sim") },
		why:     "the simulated server is for tests and for the demo and sim commands; product code that knows it can behave differently in front of it",
		fix:     "move the use into a _test.go file, or into ui/cli when it serves --demo or orka sim",
	},
	{
		name:    "test helpers are not the product",
		binds:   func(p string) bool { return !within(p, "watch/watchtest") },
		forbids: func(imp string) bool { return within(imp, modulePath+"/watch/watchtest") },
		why:     "watch/watchtest is what tests of several packages share",
		fix:     "move the use into a _test.go file",
	},
	{
		name: "no client underneath",
		binds: func(p string) bool {
			return in(p, "watch", "watch/columns", "watch/recording", "watch/schema", "shard") || within(p, "search")
		},
		forbids: func(imp string) bool {
			return within(imp, "k8s.io/client-go/rest", "k8s.io/client-go/transport", "k8s.io/client-go/tools")
		},
		deep: true,
		why:  "the vocabulary, the store and the index are pure functions of values and must not link a network client, not even through another package",
		fix:  "look with `go list -deps` which import pulls it in and move that part to watch/kube",
	},
	{
		name:    "query stands alone",
		binds:   func(p string) bool { return within(p, "search/query") },
		forbids: func(imp string) bool { return !standard(imp) && !within(imp, modulePath+"/search/query") },
		why:     "the grammar is a leaf: anything may parse a query, and fuzzing it needs nothing else",
		fix:     "let search interpret the parsed query; keep only lexing, parsing and formatting here",
	},
	{
		name:  "screens only in ui",
		binds: func(p string) bool { return !within(p, "ui") },
		forbids: func(imp string) bool {
			return within(imp, "github.com/charmbracelet/bubbletea", "github.com/charmbracelet/bubbles", "github.com/charmbracelet/lipgloss")
		},
		why: "a stage that draws can't be used by a command, a test or another screen",
		fix: "return a value and draw it in ui",
	},
	{
		name:    "flags only in ui/cli",
		binds:   func(p string) bool { return !within(p, "ui/cli") },
		forbids: func(imp string) bool { return within(imp, "github.com/spf13/cobra") },
		why:     "what a package does is decided by its Config, so that it is the same from a flag, the environment, a file and a test",
		fix:     "add a field to the package's Config and fill it in ui/cli",
	},
	{
		name:  "no test libraries",
		binds: func(string) bool { return true },
		forbids: func(imp string) bool {
			return in(imp, "testing", "testing/synctest") || within(imp, "github.com/google/go-cmp", "go.uber.org/goleak", "github.com/rogpeppe/go-internal")
		},
		why: "the binary people run should not carry test code",
		fix: "move the code into a _test.go file",
	},
	{
		name:    "no cgo",
		binds:   func(string) bool { return true },
		forbids: func(imp string) bool { return imp == "C" },
		why:     "orka is one static binary that cross-compiles; cgo ends both",
		fix:     "use a library in Go, or golang.org/x/sys for system calls",
	},
})

// layerRules makes one rule of each line of layers.
func layerRules() []rule {
	out := make([]rule, 0, len(layers))
	for _, l := range layers {
		out = append(out, rule{
			name:  "direction of " + l.room,
			binds: func(p string) bool { return room(p) == l.room },
			forbids: func(imp string) bool {
				ours, ok := strings.CutPrefix(imp, modulePath+"/")
				return ok && room(ours) != l.room && !in(room(ours), l.may...)
			},
			why: l.why,
			fix: "move the shared type to the earliest package that needs it, or take it as a small interface of your own",
		})
	}
	return out
}

// room is the line of layers that a package of ours belongs to.
func room(p string) string {
	if within(p, "ui/cli") {
		return "ui/cli"
	}
	top, _, _ := strings.Cut(p, "/")
	return top
}

// within reports whether p is one of the trees or lies below one.
func within(p string, trees ...string) bool {
	return slices.ContainsFunc(trees, func(t string) bool { return p == t || strings.HasPrefix(p, t+"/") })
}

func in(s string, list ...string) bool { return slices.Contains(list, s) }

// standard reports whether imp is of the standard library: the first element of any other path has a dot
// or is our module.
func standard(imp string) bool {
	first, _, _ := strings.Cut(imp, "/")
	return !strings.Contains(first, ".") && first != modulePath && first != "C"
}

// violations holds every package against every rule. It is a pure function, so that a test can show that
// each rule can fail.
func violations(pkgs []pkg, rules []rule) []string {
	var out []string
	for _, p := range pkgs {
		for _, r := range rules {
			if !r.binds(p.Path) {
				continue
			}
			imports, verb := p.Imports, "imports"
			if r.deep {
				imports, verb = p.Deps, "links"
			}
			for _, imp := range imports {
				if r.forbids(imp) {
					out = append(out, fmt.Sprintf("%s: %s %s %s.\n\twhy not: %s.\n\tinstead: %s.", r.name, display(p.Path), verb, imp, r.why, r.fix))
				}
			}
		}
	}
	return out
}

func display(p string) string {
	if p == "." {
		return "main"
	}
	return p
}

// undocumented names the packages without a package comment.
func undocumented(pkgs []pkg) []string {
	var out []string
	for _, p := range pkgs {
		if p.Doc == "" {
			out = append(out, fmt.Sprintf("%s has no package comment: say in its doc.go (or main file) what it is for, its invariants, and who owns its goroutines.", display(p.Path)))
		}
	}
	return out
}

// roomsOfCode are the top-level folders that may hold Go code. testdata has modules of its own, which are
// no part of the product.
var roomsOfCode = []string{"watch", "shard", "search", "apply", "engine", "ui", "testdata"}

// misplaced names the Go files that lie where no Go code belongs. Paths are slash-separated, below the root.
func misplaced(files []string) []string {
	var out []string
	for _, f := range files {
		top, _, nested := strings.Cut(f, "/")
		switch {
		case nested && in(top, roomsOfCode...):
		case !nested && (f == "main.go" || strings.HasSuffix(f, "_test.go")):
		default:
			out = append(out, fmt.Sprintf("%s: Go code lives in main.go and in %s. A new top-level folder needs a place in ARCHITECTURE.md first; otherwise the file belongs in the room of its concept.",
				f, strings.Join(roomsOfCode, ", ")))
		}
	}
	return out
}

// extraMains names the programs besides the one at the root.
func extraMains(pkgs []pkg) []string {
	var out []string
	for _, p := range pkgs {
		if p.Name == "main" && p.Path != "." {
			out = append(out, fmt.Sprintf("%s is a program of its own: orka is one binary, so make it a command in ui/cli, or a module under testdata when it only serves tests.", p.Path))
		}
	}
	return out
}

// fixedDependencies are the libraries the project is built on; each must stay a direct requirement.
var fixedDependencies = map[string]string{
	"github.com/charmbracelet/bubbletea":  "the terminal loop",
	"github.com/charmbracelet/lipgloss":   "terminal styles",
	"github.com/charmbracelet/bubbles":    "terminal widgets",
	"k8s.io/client-go":                    "transport, discovery and credentials",
	"github.com/prometheus/client_golang": "metrics",
	"github.com/sahilm/fuzzy":             "the scoring that search ranks and highlights by",
}

// missingDependencies names the fixed dependencies that direct (the direct requirements of go.mod) lacks.
func missingDependencies(direct []string) []string {
	var out []string
	for _, m := range slices.Sorted(maps.Keys(fixedDependencies)) {
		if !slices.Contains(direct, m) {
			out = append(out, fmt.Sprintf("go.mod does not require %s directly: orka uses it for %s. Replacing it is a decision for ARCHITECTURE.md, not for a tidy.", m, fixedDependencies[m]))
		}
	}
	return out
}
