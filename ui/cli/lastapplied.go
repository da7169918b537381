package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/util/duration"

	"orka/apply/history"
	"orka/watch"
	"orka/watch/kube"
)

// reachWithin is how long the history waits for the server before it answers alone.
const reachWithin = 5 * time.Second

// lastAppliedCommand is what orka remembers of its applies.
func (a *app) lastAppliedCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "last-applied",
		Short: "Look at what orka applied before",
		Args:  args(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			return usagef("last-applied: want `orka last-applied get KIND NAME`")
		},
	}
	cmd.AddCommand(a.bounded(a.lastAppliedGetCommand()))
	return cmd
}

// lastAppliedOptions are the flags of last-applied get.
type lastAppliedOptions struct {
	format  format
	chosen  bool // -o was given
	all     bool
	version string
}

func (a *app) lastAppliedGetCommand() *cobra.Command {
	var o lastAppliedOptions
	cmd := &cobra.Command{
		Use:   "get KIND NAME",
		Short: "Print the object as orka applied it last",
		Long: `get prints the object as it was stored by orka's last apply, from the history on this machine, and
says when that was, by whom, and whether the object still looks so. It also works when the object is
gone or the server can't be reached.

The last three versions of an object are kept: --version takes one by its resourceVersion. --all
lists every recorded apply with what became of it; one without an outcome is unknown. Of Secrets no
values are kept; whether they are still those that were applied can be told all the same.`,
		Example:           "  orka last-applied get deploy web -n shop\n  orka last-applied get deploy web --all",
		Args:              args(cobra.RangeArgs(1, 2)),
		ValidArgsFunction: a.completeKinds,
		RunE: func(cmd *cobra.Command, words []string) error {
			o.chosen = cmd.Flags().Changed("output")
			if o.all && o.version != "" {
				return usagef("last-applied get: --all lists every version and --version takes one; want one of them")
			}
			return a.lastApplied(cmd.Context(), o, words)
		},
	}
	formatFlag(cmd, &o.format, formatYAML, formatJSON, formatName)
	cmd.Flags().BoolVar(&o.all, "all", false, "list every recorded apply of the object")
	cmd.Flags().StringVar(&o.version, "version", "", "the version to print, as its apply named it")
	return cmd
}

func (a *app) lastApplied(ctx context.Context, o lastAppliedOptions, words []string) (err error) {
	s, m, err := a.remember(ctx, "last-applied get", words)
	if err != nil {
		return err
	}
	defer s.closeWith(&err)
	if o.all {
		return a.printEntries(ctx, m, s, o)
	}
	v, err := m.newest(ctx, s, o.version)
	if err != nil {
		return err
	}
	r := m.record(v, m.entry(v))
	if o.format.name == formatName {
		_, err := fmt.Fprintln(a.out, m.resource+"/"+m.name)
		return err
	}
	fmt.Fprintln(a.errOut, watch.Sanitize(m.sentence(v, r)))
	if m.kind != nil && kube.IsSecret(m.kind) || v.Digest != "" {
		fmt.Fprintln(a.errOut, "note: values of a Secret are not kept")
		return a.printStructured(o.format, r)
	}
	return a.printStructured(o.format, json.RawMessage(v.Object))
}

// record is an entry of the history as JSON.
type record struct {
	ID        int64     `json:"id"`
	At        time.Time `json:"at"`
	Cluster   string    `json:"cluster"`
	Context   string    `json:"context,omitempty"`
	User      string    `json:"user,omitempty"`
	Resource  string    `json:"resource"`
	Namespace string    `json:"namespace,omitempty"`
	Name      string    `json:"name"`
	UID       string    `json:"uid"`
	Base      string    `json:"baseVersion,omitempty"`
	Route     string    `json:"route,omitempty"`
	Force     bool      `json:"force"`
	Fields    []string  `json:"fields"`
	Outcome   string    `json:"outcome"`
	Version   string    `json:"version,omitempty"`
	Code      int       `json:"code,omitempty"`
	Reason    string    `json:"reason,omitempty"`
	Message   string    `json:"message,omitempty"`
	// Live says how the kept version compares with the object as it is: same, differs, gone, recreated or unknown; ""
	// where no version is kept.
	Live string `json:"live,omitempty"`
}

// record joins a kept version and the entry of its apply; either may be missing.
func (m *remembered) record(v history.Version, e *history.Entry) record {
	r := record{
		ID: int64(v.ID), At: v.At, Cluster: v.Cluster, Resource: m.resource, Namespace: m.namespace, Name: m.name, UID: v.UID,
		Fields: []string{}, Outcome: string(history.Applied), Version: v.Version,
	}
	if v.ID != 0 {
		r.Live = m.match(v)
	}
	if e != nil {
		r.ID, r.At, r.Cluster, r.Context, r.User, r.UID = int64(e.ID), e.Intent.At, e.Intent.Cluster, e.Intent.Context, e.Intent.User, e.Intent.UID
		r.Base, r.Route, r.Force, r.Fields = e.Intent.BaseVersion, e.Intent.Route, e.Intent.Force, append(r.Fields, e.Intent.Fields...)
		r.Outcome, r.Code, r.Reason, r.Message = string(e.Outcome.State), e.Outcome.Code, e.Outcome.Reason, e.Outcome.Message
		if e.Outcome.Version != "" {
			r.Version = e.Outcome.Version
		}
	}
	return r
}

// sentence says of a kept version what a person wants to know first.
func (m *remembered) sentence(v history.Version, r record) string {
	by := ""
	if r.Context != "" {
		by = " by " + orNothing(r.User) + " in context " + r.Context
	}
	live := map[string]string{
		matchSame:    "it still looks so",
		matchDiffers: "it has changed since",
		matchGone:    "it is gone",
		matchAnew:    "it was deleted and made anew since",
		matchUnknown: "how it looks now is not known",
	}[r.Live]
	if r.Live == matchDiffers && v.Digest == "" {
		live += "; `orka diff --last-applied` shows how"
	}
	return fmt.Sprintf("%s: applied %s (%s ago)%s, version %s; %s", m, v.At.Local().Format(time.RFC3339), duration.HumanDuration(time.Since(v.At)), by, v.Version, live)
}

// printEntries lists every recorded apply.
func (a *app) printEntries(ctx context.Context, m *remembered, s *session, o lastAppliedOptions) error {
	if len(m.entries) == 0 {
		_, err := m.newest(ctx, s, "")
		return err
	}
	kept, err := m.versions(ctx)
	if err != nil {
		return err
	}
	records := make([]record, len(m.entries))
	for i := range m.entries {
		var v history.Version
		if j := slices.IndexFunc(kept, func(v history.Version) bool { return v.ID == m.entries[i].ID }); j >= 0 {
			v = kept[j]
		}
		records[i] = m.record(v, &m.entries[i])
	}
	if o.chosen && o.format.name != formatName {
		return a.printStructured(o.format, map[string]any{"items": records})
	}
	return a.table(formatHuman, false, []string{"APPLIED", "AGE", "OUTCOME", "VERSION", "LIVE", "CONTEXT", "USER", "FIELDS"}, func(yield func([]string) bool) {
		for _, r := range records {
			row := []string{
				r.At.Local().Format(time.RFC3339), duration.HumanDuration(time.Since(r.At)), r.Outcome, dashed(r.Version), dashed(r.Live),
				dashed(watch.Sanitize(r.Context)), dashed(watch.Sanitize(r.User)), dashed(watch.Sanitize(shortList(r.Fields))),
			}
			if !yield(row) {
				return
			}
		}
	})
}

func dashed(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// shortList names the first few.
func shortList(all []string) string {
	const few = 3
	if len(all) > few {
		return strings.Join(all[:few], ",") + fmt.Sprintf(" and %d more", len(all)-few)
	}
	return strings.Join(all, ",")
}
