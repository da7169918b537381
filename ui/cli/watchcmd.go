package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"orka/engine"
	"orka/shard"
	"orka/watch"
	"orka/watch/columns"
)

// watchCommand prints one line per change of a kind until interrupted.
func (a *app) watchCommand() *cobra.Command {
	var f format
	cmd := &cobra.Command{
		Use:   "watch KIND",
		Short: "Print one line per change: + for created or changed, - for deleted",
		Long: `Print one line per change of a kind: "+" for an object that was created or changed, "-" for one that
is gone. The objects that are there at the start come first.

Changes are those between published snapshots: several changes of one object within 50 ms show as
one, and a delete that happened while the watch was interrupted shows when the relist has found it.`,
		Args:              args(cobra.ExactArgs(1)),
		ValidArgsFunction: a.completeKinds,
		RunE: func(cmd *cobra.Command, words []string) error {
			return a.watch(cmd.Context(), words[0], f)
		},
	}
	formatFlag(cmd, &f, formatHuman, formatWide, formatJSON, formatName)
	return cmd
}

func (a *app) watch(ctx context.Context, name string, f format) (err error) {
	s, kind, err := a.startKind(ctx, name, func(c *engine.Config) { c.KeepBodies = false })
	if err != nil {
		return err
	}
	defer s.closeWith(&err)
	v, lacks := a.listed(ctx, s)
	if v == nil {
		return lacks
	}
	if lacks != nil {
		if !slices.ContainsFunc(v.Health.Of(kind), func(st *watch.Status) bool { return st.Complete }) {
			return lacks // nothing of the kind can be seen
		}
		fmt.Fprintf(a.errOut, "# %s\n", errorText(lacks))
	}
	shown := shard.BuildWorld(shard.Modulo(1))
	p := &changePrinter{app: a, format: f, kind: kind}
	over := false // it was a recording, and it has been played
	for {
		now := sameKind(v, p.kind)
		switch {
		case now == nil:
			return fmt.Errorf("the cluster no longer serves %s", p.kind.ResourceName())
		case now != p.kind: // its definition changed: the objects are listed anew, as another kind
			fmt.Fprintf(a.errOut, "# %s: the definition changed; all objects follow anew\n", p.kind.ResourceName())
			p.kind, shown = now, shard.BuildWorld(shard.Modulo(1))
		}
		for c := range shard.Diff(shown, v.World, p.kind) {
			if err := p.print(c); err != nil {
				return err
			}
		}
		shown = v.World
		if over {
			fmt.Fprintf(a.errOut, "# %s\n", v.Health.Watchers[0].Err)
			return nil
		}
		p.health(v)
		if over = v.Health.Ended(); over { // what was read last may not be in this View yet
			if v, err = s.Played(ctx); err != nil {
				return err
			}
			continue
		}
		seq := v.Seq
		if v, err = s.await(ctx, func(now *engine.View) bool { return now.Seq > seq }); err != nil {
			return err
		}
	}
}

// sameKind is the kind of that resource as it is served now; nil when it is gone.
func sameKind(v *engine.View, kind *watch.Kind) *watch.Kind {
	for _, k := range v.Health.Kinds {
		if k.Group == kind.Group && k.Resource == kind.Resource {
			return k
		}
	}
	return nil
}

// changePrinter writes changes to stdout, and to stderr what a person must know of the watch itself.
type changePrinter struct {
	*app
	format format
	kind   *watch.Kind
	phase  watch.Phase
}

// jsonChange is one line of -o json.
type jsonChange struct {
	Type            string            `json:"type"` // ADDED, MODIFIED, DELETED
	At              time.Time         `json:"at"`
	Kind            string            `json:"kind"`
	APIVersion      string            `json:"apiVersion"`
	Namespace       string            `json:"namespace,omitempty"`
	Name            string            `json:"name"`
	UID             string            `json:"uid"`
	ResourceVersion string            `json:"resourceVersion"`
	Status          string            `json:"status,omitempty"`
	Columns         map[string]string `json:"columns,omitempty"`
}

func (p *changePrinter) print(c shard.Change) error {
	o, op, kind := c.New, "+", "MODIFIED"
	switch {
	case c.New == nil:
		o, op, kind = c.Old, "-", "DELETED"
	case c.Old == nil:
		kind = "ADDED"
	}
	now := time.Now()
	switch p.format.name {
	case formatName:
		_, err := fmt.Fprintf(p.out, "%s %s\n", op, nameOf(o))
		return err
	case formatJSON:
		line := jsonChange{Type: kind, At: now, Kind: o.Kind.Kind, APIVersion: o.Kind.GroupVersion(), Namespace: o.Namespace, Name: o.Name,
			UID: o.UID, ResourceVersion: o.ResourceVersion, Status: o.Status, Columns: map[string]string{}}
		for i, col := range o.Kind.Columns {
			if col.Type != watch.ColumnName {
				line.Columns[col.Name] = columns.Render(col, i, o, now)
			}
		}
		return json.NewEncoder(p.out).Encode(line)
	}
	text := op + " " + o.NamespacedName()
	for i, col := range o.Kind.Columns {
		if col.Type != watch.ColumnName && (!col.Wide || p.format.name == formatWide) {
			text += "  " + columns.Render(col, i, o, now)
		}
	}
	_, err := fmt.Fprintln(p.out, text)
	return err
}

// health says on stderr when the watch stops being live, and when it is again.
func (p *changePrinter) health(v *engine.View) {
	fr := v.Health.Freshness(time.Now(), p.kind)
	if fr.Least == nil || fr.Least.Phase == p.phase {
		return
	}
	was := p.phase
	p.phase = fr.Least.Phase
	switch {
	case fr.Least.Phase == watch.Live && was != watch.Queued && was != watch.Listing:
		fmt.Fprintf(p.errOut, "# %s: live again\n", fr.Least.Scope)
	case fr.Least.Phase != watch.Live:
		fmt.Fprintf(p.errOut, "# %s: %s %s\n", fr.Least.Scope, fr.Least.Phase, fr.Least.Err)
	}
}
