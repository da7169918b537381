package cli

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"orka/engine"
	"orka/search"
	"orka/search/query"
	"orka/watch"
	"orka/watch/columns"
)

// searchFlags are the flags of search that override knobs for one run.
type searchFlags struct {
	explain, noHeaders bool
	format             format
}

func (a *app) searchCommand() *cobra.Command {
	var f searchFlags
	cmd := &cobra.Command{
		Use:   "search QUERY",
		Short: "Find objects of any kind; the query is that of the terminal UI",
		Example: `  orka search 'checkout is:unhealthy'
  orka search 'k:pod ns:shop-* field:spec.nodeName=worker-3' -o wide
  orka search 'k:deploy label:app=web' -o json`,
		Args: args(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, words []string) error {
			return a.search(cmd.Context(), strings.Join(words, " "), f)
		},
	}
	formatFlag(cmd, &f.format, formatHuman, formatWide, formatJSON, formatYAML, formatName, formatCSV, formatJSONPath)
	cmd.Flags().BoolVar(&f.explain, "explain", false, "say of each hit how it was ranked")
	cmd.Flags().BoolVar(&f.noHeaders, "no-headers", false, "leave the header line out")
	for alias, knob := range map[string]string{"limit": "search_limit", "max-candidates": "search_max_candidates", "min-score": "search_min_score"} {
		k := findKnob(knob)
		cmd.Flags().Func(alias, k.Doc, func(value string) error {
			a.aliases[knob] = alias
			return cmd.Root().PersistentFlags().Set(k.Flag(), value)
		})
	}
	return cmd
}

func findKnob(name string) engine.Knob {
	for _, k := range engine.Knobs() {
		if k.Name == name {
			return k
		}
	}
	panic("no knob " + name)
}

// searchOptions are the search knobs in force.
func (a *app) searchOptions() search.Options {
	return search.Options{Limit: a.cfg.SearchLimit, MaxCandidates: a.cfg.SearchMaxCandidates, MinScore: a.cfg.SearchMinScore}
}

func (a *app) search(ctx context.Context, text string, f searchFlags) (err error) {
	q, err := query.Parse(text)
	if err != nil {
		return usageError{err}
	}
	selects := func(k *watch.Kind) bool { return search.SelectsKind(q, k) }
	s, err := a.start(ctx, oneShot(func(c *engine.Config, _ *source) {
		c.KeepBodies = false
		c.Select = func(served engine.Served) []*watch.Kind {
			return slices.DeleteFunc(slices.Clone(served.Kinds), func(k *watch.Kind) bool { return !selects(k) })
		}
		if ns := *a.kube.Namespace; ns != "" && !a.allNamespaces {
			c.Namespace = ns
		}
	}))
	if err != nil {
		return err
	}
	defer s.closeWith(&err)
	v, err := a.connected(ctx, s)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(v.Health.Kinds, selects) {
		return usagef("search: the cluster serves no kind that %q asks for%s; `orka discover` lists all kinds", q, notAnswering(v))
	}
	if p := s.source.client.Player(); p != nil && !slices.ContainsFunc(v.Health.Kinds, func(k *watch.Kind) bool { return selects(k) && p.File().Covers(k) }) {
		return fmt.Errorf("search: the recording holds no kind that %q asks for", q)
	}
	v, lacks := a.complete(ctx, s)
	if v == nil {
		return lacks
	}
	if groups := missingGroups(v); len(groups) > 0 {
		lacks = partial(append(groups, missingLists(v)...))
	}
	opt := a.searchOptions()
	opt.Explain, opt.Now = f.explain, time.Now()
	stale := staleKinds(v, opt.Now)
	opt.Stale = func(o *watch.Object) bool { return stale[o.Kind] }
	res, err := v.Index.Search(ctx, q, opt)
	if err != nil {
		return err
	}
	if err := a.printHits(v, res, f); err != nil {
		return err
	}
	return lacks
}

// staleKinds are the kinds of a View whose rows may not be called fresh.
func staleKinds(v *engine.View, now time.Time) map[*watch.Kind]bool {
	out := map[*watch.Kind]bool{}
	for _, k := range v.Health.Kinds {
		out[k] = !v.Health.Freshness(now, k).Fresh
	}
	return out
}

type jsonHit struct {
	Kind       string `json:"kind"`
	APIVersion string `json:"apiVersion"`
	Namespace  string `json:"namespace,omitempty"`
	Name       string `json:"name"`
	UID        string `json:"uid"`
	Status     string `json:"status,omitempty"`
	Health     string `json:"health"`
	Score      int    `json:"score"`
	Explain    string `json:"explain,omitempty"`
}

type jsonResult struct {
	Total       int        `json:"total"`
	Searched    int        `json:"searched"`
	TookMS      float64    `json:"tookMs"`
	Partial     string     `json:"partial,omitempty"`
	Fresh       bool       `json:"fresh"`
	ConfirmedAt *time.Time `json:"confirmedAt,omitempty"`
	StaleReason string     `json:"staleReason,omitempty"`
	Hits        []jsonHit  `json:"hits"`
}

func (a *app) printHits(v *engine.View, res *search.Result, f searchFlags) error {
	switch f.format.name {
	case formatJSON, formatYAML, formatJSONPath:
		out := jsonResult{Total: res.Total, Searched: v.Index.World().Len(), TookMS: float64(res.Elapsed.Microseconds()) / 1000, Partial: res.Partial, Hits: []jsonHit{}}
		out.Fresh, out.ConfirmedAt, out.StaleReason = freshness(v)
		for _, h := range res.Hits {
			o := h.Object
			out.Hits = append(out.Hits, jsonHit{o.Kind.Kind, o.Kind.GroupVersion(), o.Namespace, o.Name, o.UID, o.Status, o.Health.String(), h.Score, h.Explain})
		}
		return a.printStructured(f.format, out)
	case formatName:
		return a.lines(func(yield func(string) bool) {
			for _, h := range res.Hits {
				if !yield(nameOf(h.Object)) {
					return
				}
			}
		})
	}
	if len(res.Hits) > 0 || f.format.name == formatCSV {
		if err := a.hitTable(res, f); err != nil {
			return err
		}
	}
	fmt.Fprintf(a.errOut, "%d of %d objects in %.1f ms", res.Total, v.Index.World().Len(), float64(res.Elapsed.Microseconds())/1000)
	if len(res.Hits) < res.Total {
		fmt.Fprintf(a.errOut, ", the first %d shown (--limit)", len(res.Hits))
	}
	if res.Partial != "" {
		fmt.Fprintf(a.errOut, "; partial: %s", res.Partial)
	}
	fmt.Fprintln(a.errOut)
	return nil
}

func (a *app) hitTable(res *search.Result, f searchFlags) error {
	header := []string{"KIND", "NAMESPACE/NAME", "SCORE"}
	wide := f.format.name != formatHuman
	if wide {
		header = append(header, "STATUS", "HEALTH", "AGE")
	}
	if f.explain {
		header = append(header, "EXPLAIN")
	}
	now := time.Now()
	return a.table(f.format.name, f.noHeaders, header, func(yield func([]string) bool) {
		for _, h := range res.Hits {
			row := []string{h.Object.Kind.Kind, h.Object.NamespacedName(), strconv.Itoa(h.Score)}
			if wide {
				row = append(row, h.Object.Status, h.Object.Health.String(), columns.Age(h.Object.Age(now)))
			}
			if f.explain {
				row = append(row, h.Explain)
			}
			if !yield(row) {
				return
			}
		}
	})
}
