package main_test

import (
	"maps"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestDepsRulesCanFail shows each check one tree that breaks it and that the neighbouring, legal tree passes.
func TestDepsRulesCanFail(t *testing.T) {
	imports := func(p string, imports ...string) []pkg {
		return []pkg{{Path: p, Name: path.Base(p), Doc: "doc", Imports: imports, Deps: imports}}
	}
	tests := []struct {
		name string
		tree []pkg
		want []string // names of the broken rules
	}{
		{"the flow forwards", slices.Concat(
			imports("watch/kube", "orka/watch", "k8s.io/client-go/rest"),
			imports("shard", "orka/watch"),
			imports("search", "orka/watch", "orka/shard", "orka/search/query"),
			imports("apply", "orka/watch", "k8s.io/client-go/rest"),
			imports("engine", "orka/watch/kube", "orka/shard", "orka/search", "orka/apply", "k8s.io/client-go/rest"),
			imports("ui", "orka/engine", "orka/search", "orka/watch", "github.com/charmbracelet/bubbletea"),
			imports("ui/cli", "orka/ui", "orka/engine", "orka/watch/sim", "github.com/spf13/cobra", "k8s.io/cli-runtime/pkg/genericclioptions"),
			imports(".", "orka/ui/cli"),
		), nil},
		{"watch looks ahead", imports("watch", "orka/shard"), []string{"direction of watch"}},
		{"shard looks ahead", imports("shard", "orka/search"), []string{"direction of shard"}},
		{"search looks ahead", imports("search", "orka/engine"), []string{"direction of search"}},
		{"search applies", imports("search", "orka/apply/history"), []string{"direction of search"}},
		{"apply reads the snapshot", imports("apply", "orka/shard"), []string{"direction of apply"}},
		{"engine draws", imports("engine", "orka/ui"), []string{"direction of engine"}},
		{"ui runs commands", imports("ui/table", "orka/ui/cli"), []string{"direction of ui"}},
		{"main reaches past ui/cli", imports(".", "orka/engine"), []string{"direction of ."}},
		{"shard talks to the server", imports("shard", "k8s.io/client-go/kubernetes"), []string{"client-go"}},
		{"ui talks to the server", imports("ui", "k8s.io/kubectl/pkg/describe"), []string{"client-go"}},
		{"sim encodes", imports("watch/sim", "k8s.io/client-go/kubernetes/scheme", "k8s.io/api/core/v1"), nil},
		{"sim is a client", imports("watch/sim", "k8s.io/client-go/kubernetes"), []string{"sim without a client"}},
		{"engine knows the simulator", imports("engine", "orka/watch/sim"), []string{"sim is not the product"}},
		{"product with test helpers", imports("ui/cli", "orka/watch/watchtest"), []string{"test helpers are not the product"}},
		{
			"search links a client by way of another",
			[]pkg{{Path: "search", Imports: []string{"orka/watch"}, Deps: []string{"orka/watch", "k8s.io/client-go/rest"}}},
			[]string{"no client underneath"},
		},
		{"query with the standard library", imports("search/query", "strings", "go/token", "orka/search/query/lex"), nil},
		{"query with a library", imports("search/query", "golang.org/x/text/width"), []string{"query stands alone"}},
		{"query with the vocabulary", imports("search/query", "orka/watch"), []string{"query stands alone"}},
		{"engine with styles", imports("engine", "github.com/charmbracelet/lipgloss"), []string{"screens only in ui"}},
		{"ui with flags", imports("ui", "github.com/spf13/cobra"), []string{"flags only in ui/cli"}},
		{"product with a test library", imports("shard", "github.com/google/go-cmp/cmp"), []string{"no test libraries"}},
		{"product with testing", imports("watch/sim", "testing"), []string{"no test libraries"}},
		{"cgo", imports("engine", "C"), []string{"no cgo"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, v := range violations(tt.tree, rules) {
				name, _, _ := strings.Cut(v, ":")
				got = append(got, name)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("broken rules (-want +got):\n%s", diff)
			}
		})
	}

	counts := []struct {
		name string
		got  []string
		want int
	}{
		{"a package without comment", undocumented([]pkg{{Path: "watch", Doc: "Package watch is."}, {Path: "shard"}}), 1},
		{"a second program", extraMains([]pkg{{Path: ".", Name: "main"}, {Path: "watch/tool", Name: "main"}}), 1},
		{"code in a new folder", misplaced([]string{"main.go", "deps_test.go", "watch/kind.go", "testdata/x/main.go", "internal/x.go", "util.go"}), 2},
		{"a library gone", missingDependencies([]string{"k8s.io/client-go"}), len(fixedDependencies) - 1},
		{"all libraries there", missingDependencies(slices.Collect(maps.Keys(fixedDependencies))), 0},
	}
	for _, tt := range counts {
		if len(tt.got) != tt.want {
			t.Errorf("%s: got %d complaints, want %d: %q", tt.name, len(tt.got), tt.want, tt.got)
		}
	}
}
