package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"orka/engine"
	"orka/watch"
	"orka/watch/columns"
	"orka/watch/kube"
)

// lsCommand prints a kind's objects as kubectl get does.
func (a *app) lsCommand() *cobra.Command {
	var f format
	var noHeaders bool
	cmd := &cobra.Command{
		Use:               "ls KIND",
		Aliases:           []string{"list"},
		Short:             "Print the table of a kind, as kubectl get prints it",
		Example:           "  orka ls pods -A\n  orka ls deploy.apps -n shop -o wide\n  orka ls certificates -o json",
		Args:              args(cobra.ExactArgs(1)),
		ValidArgsFunction: a.completeKinds,
		RunE: func(cmd *cobra.Command, words []string) error {
			return a.list(cmd.Context(), words[0], f, noHeaders)
		},
	}
	formatFlag(cmd, &f, formatHuman, formatWide, formatJSON, formatYAML, formatName, formatCSV, formatJSONPath)
	cmd.Flags().BoolVar(&noHeaders, "no-headers", false, "leave the header line out")
	return cmd
}

func (a *app) list(ctx context.Context, name string, f format, noHeaders bool) (err error) {
	s, kind, err := a.startKind(ctx, name, func(c *engine.Config) {
		c.MetricsAddr = ""            // as oneShot
		c.KeepBodies = f.structured() // the others print none
	})
	if err != nil {
		return err
	}
	defer s.closeWith(&err)
	v, lacks := a.complete(ctx, s)
	if v == nil {
		return lacks
	}
	if lacks == nil && v.World.Count(kind) == 0 && (f.name == formatHuman || f.name == formatWide) {
		fmt.Fprintln(a.errOut, noneFound(kind, s.Config().Namespace))
		return nil
	}
	if err := a.printObjects(ctx, s, v, kind, f, noHeaders); err != nil {
		return err
	}
	return lacks
}

// startKind starts an engine for one kind and resolves its name. The kind's watcher is in the View.
func (a *app) startKind(ctx context.Context, name string, adjust func(*engine.Config)) (*session, *watch.Kind, error) {
	s, err := a.start(ctx, func(c *engine.Config, src *source) {
		c.Select = only(name)
		c.Namespace = a.namespaceOf(src)
		adjust(c)
	})
	if err != nil {
		return nil, nil, err
	}
	v, err := a.connected(ctx, s)
	if err == nil {
		var kind *watch.Kind
		if kind, err = resolve(v, name); err == nil {
			if !kind.Verbs.Has(watch.VerbList) {
				err = cantBe("listed", kind)
			} else if err = inRecording(s, kind); err == nil {
				return s, kind, nil
			}
		}
	}
	_ = s.close() // the reason it could not start is the one to tell
	return nil, nil, err
}

func (a *app) printObjects(ctx context.Context, s *session, v *engine.View, kind *watch.Kind, f format, noHeaders bool) error {
	switch f.name {
	case formatName:
		return a.lines(func(yield func(string) bool) {
			for _, o := range v.World.Sorted(kind) {
				if !yield(nameOf(o)) {
					return
				}
			}
		})
	case formatJSON, formatYAML, formatJSONPath:
		return a.printBodies(ctx, s, v, kind, f)
	}
	objects := v.World.Sorted(kind)
	if len(objects) == 0 && f.name != formatCSV {
		return nil // what is missing is named on stderr
	}
	return a.printTable(kind, objects, f, noHeaders, kind.Namespaced && s.Config().Namespace == "")
}

func noneFound(kind *watch.Kind, namespace string) string {
	if kind.Namespaced && namespace != "" {
		return fmt.Sprintf("No %s found in namespace %s.", kind.ResourceName(), namespace)
	}
	return fmt.Sprintf("No %s found.", kind.ResourceName())
}

// nameOf is the form of -o name: "pod/nginx", "deployment.apps/web".
func nameOf(o *watch.Object) string {
	kind := strings.ToLower(o.Kind.Kind)
	if o.Kind.Group != "" {
		kind += "." + o.Kind.Group
	}
	return kind + "/" + o.Name
}

func (a *app) printTable(kind *watch.Kind, objects []*watch.Object, f format, noHeaders, withNamespace bool) error {
	now := time.Now()
	var header []string
	if withNamespace {
		header = append(header, "NAMESPACE")
	}
	var shown []int
	for i, c := range kind.Columns {
		if !c.Wide || f.name != formatHuman {
			shown = append(shown, i)
			header = append(header, c.Name)
		}
	}
	return a.table(f.name, noHeaders, header, func(yield func([]string) bool) {
		row := make([]string, 0, len(header))
		for _, o := range objects {
			row = row[:0]
			if withNamespace {
				row = append(row, o.Namespace)
			}
			for _, i := range shown {
				row = append(row, columns.Render(kind.Columns[i], i, o, now))
			}
			if !yield(row) {
				return
			}
		}
	})
}

// fetchParallel is how many objects without a kept body (Secrets) are fetched at a time.
const fetchParallel = 4

// objectList is what the structured formats of ls print: a List as kubectl's, and how far it may be believed.
type objectList struct {
	APIVersion  string            `json:"apiVersion"`
	Kind        string            `json:"kind"`
	Fresh       bool              `json:"fresh"`
	ConfirmedAt *time.Time        `json:"confirmedAt,omitempty"`
	StaleReason string            `json:"staleReason,omitempty"`
	Items       []json.RawMessage `json:"items"`
}

func (a *app) printBodies(ctx context.Context, s *session, v *engine.View, kind *watch.Kind, f format) error {
	list := objectList{APIVersion: "v1", Kind: "List", Items: []json.RawMessage{}}
	list.Fresh, list.ConfirmedAt, list.StaleReason = freshness(v, kind)
	objects := v.World.Sorted(kind)
	items := make([]json.RawMessage, len(objects))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(fetchParallel)
	for i, o := range objects {
		g.Go(func() error {
			item, _, err := s.JSON(gctx, o)
			if err != nil && !kube.IsNotFound(err) { // not found: deleted since
				return fmt.Errorf("%s: %w", nameOf(o), err)
			}
			items[i] = item
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	list.Items = append(list.Items, slices.DeleteFunc(items, func(item json.RawMessage) bool { return item == nil })...)
	return a.printStructured(f, list)
}

// freshness is the verdict on some kinds of a View in the words of the JSON output.
func freshness(v *engine.View, kinds ...*watch.Kind) (fresh bool, confirmedAt *time.Time, reason string) {
	fr := v.Health.Freshness(time.Now(), kinds...)
	if fr.Least != nil && !fr.Least.ConfirmedAt.IsZero() {
		confirmedAt = &fr.Least.ConfirmedAt
	}
	if !fr.Fresh {
		reason = "not watched"
		if fr.Least != nil {
			reason = fr.Least.Scope.String() + ": " + fr.Least.Phase.String()
			if fr.Least.Err != "" {
				reason += ": " + fr.Least.Err
			}
		}
	}
	return fr.Fresh, confirmedAt, reason
}
