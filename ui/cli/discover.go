package cli

import (
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"orka/engine"
	"orka/watch"
)

type discovered struct {
	Name       string   `json:"name"`
	ShortNames []string `json:"shortNames,omitempty"`
	APIVersion string   `json:"apiVersion"`
	Namespaced bool     `json:"namespaced"`
	Kind       string   `json:"kind"`
	Verbs      []string `json:"verbs"`
	Categories []string `json:"categories,omitempty"`
}

// discoverCommand lists the served kinds, as kubectl api-resources does.
func (a *app) discoverCommand() *cobra.Command {
	var f format
	var noHeaders bool
	cmd := &cobra.Command{
		Use:     "discover",
		Aliases: []string{"api-resources"},
		Short:   "List the kinds the cluster serves, CRDs included",
		Args:    args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			s, err := a.start(cmd.Context(), oneShot(func(c *engine.Config, _ *source) {
				c.Select = nothing
			}))
			if err != nil {
				return err
			}
			defer s.closeWith(&err)
			v, err := a.connected(cmd.Context(), s)
			if err != nil {
				return err
			}
			if err := a.printKinds(f, noHeaders, everyName(v.Health.Served)); err != nil {
				return err
			}
			return partial(missingGroups(v))
		},
	}
	formatFlag(cmd, &f, formatHuman, formatWide, formatJSON, formatYAML, formatName, formatCSV, formatJSONPath)
	cmd.Flags().BoolVar(&noHeaders, "no-headers", false, "leave the header line out")
	return cmd
}

// everyName is what the server serves, aliases in their place.
func everyName(served engine.Served) []*watch.Kind {
	kinds := slices.Clone(served.Kinds)
	for _, alias := range served.Aliases {
		kinds = append(kinds, alias.Kind)
	}
	slices.SortStableFunc(kinds, func(a, b *watch.Kind) int { return a.Compare(b.GVK) })
	return kinds
}

func (a *app) printKinds(f format, noHeaders bool, kinds []*watch.Kind) error {
	switch f.name {
	case formatName:
		return a.lines(func(yield func(string) bool) {
			for _, k := range kinds {
				if !yield(k.ResourceName()) {
					return
				}
			}
		})
	case formatJSON, formatYAML, formatJSONPath:
		out := make([]discovered, len(kinds))
		for i, k := range kinds {
			out[i] = discovered{k.Resource, k.ShortNames, k.GroupVersion(), k.Namespaced, k.Kind, k.Verbs.Names(), k.Categories}
		}
		return a.printStructured(f, map[string]any{"items": out})
	}
	header := []string{"NAME", "SHORTNAMES", "APIVERSION", "NAMESPACED", "KIND"}
	if f.name != formatHuman {
		header = append(header, "VERBS", "CATEGORIES")
	}
	return a.table(f.name, noHeaders, header, func(yield func([]string) bool) {
		for _, k := range kinds {
			row := []string{k.Resource, strings.Join(k.ShortNames, ","), k.GroupVersion(), strconv.FormatBool(k.Namespaced), k.Kind}
			if f.name != formatHuman {
				row = append(row, strings.Join(k.Verbs.Names(), ","), strings.Join(k.Categories, ","))
			}
			if !yield(row) {
				return
			}
		}
	})
}

// namespaceOf is the namespace a command looks in: -n, else the context's; "" with -A.
func (a *app) namespaceOf(src *source) string {
	switch {
	case a.allNamespaces:
		return ""
	case *a.kube.Namespace != "":
		return *a.kube.Namespace
	default:
		return src.namespace
	}
}
