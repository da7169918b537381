package cli

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"orka/engine"
)

// completeWithin bounds what a shell waits for the names of kinds.
const completeWithin = 3 * time.Second

// completeKinds offers the kinds that the server serves, for commands that take KIND first; nothing where it can't be
// asked in time, as there is nobody to tell.
func (a *app) completeKinds(cmd *cobra.Command, words []string, begun string) ([]string, cobra.ShellCompDirective) {
	if len(words) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), completeWithin)
	defer cancel()
	s, err := a.start(ctx, oneShot(func(c *engine.Config, _ *source) { c.Select = nothing }))
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	defer func() { _ = s.close() }()
	v, err := s.await(ctx, func(v *engine.View) bool { return v.Health.Server.Connected || v.Health.Server.Err != "" })
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var out []string
	for _, k := range v.Health.Kinds {
		if name := k.ResourceName(); strings.HasPrefix(name, strings.ToLower(begun)) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return slices.Compact(out), cobra.ShellCompDirectiveNoFileComp
}
