package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"orka/engine"
	"orka/watch"
	"orka/watch/kube"
)

// getCommand prints one object as the server has it now, without managedFields and without a Secret's values.
func (a *app) getCommand() *cobra.Command {
	var f format
	cmd := &cobra.Command{
		Use:     "get KIND NAME",
		Short:   "Print one object as the server has it now",
		Example: "  orka get deploy web -n shop\n  orka get node worker-1 -o json",
		Args:    args(cobra.RangeArgs(1, 2)),
		RunE: func(cmd *cobra.Command, words []string) error {
			kind, name, ok := splitKindName(words)
			if !ok {
				return usagef("get: want KIND NAME or KIND/NAME; `orka ls %s` lists names", words[0])
			}
			return a.get(cmd.Context(), kind, name, f)
		},
	}
	formatFlag(cmd, &f, formatYAML, formatJSON, formatName, formatJSONPath)
	return cmd
}

func splitKindName(words []string) (kind, name string, ok bool) {
	if len(words) == 2 {
		return words[0], words[1], true
	}
	i := strings.LastIndexByte(words[0], '/')
	if i <= 0 || i == len(words[0])-1 {
		return "", "", false
	}
	return words[0][:i], words[0][i+1:], true
}

func (a *app) get(ctx context.Context, kindName, name string, f format) error {
	s, err := a.start(ctx, func(c *engine.Config, _ *source) {
		c.Select = nothing
	})
	if err != nil {
		return err
	}
	defer s.close() //nolint:errcheck // nothing is watched
	v, err := s.connected(ctx)
	if err != nil {
		return err
	}
	kind, err := resolve(v, kindName)
	if err != nil {
		return err
	}
	namespace := ""
	if kind.Namespaced {
		if namespace = a.namespaceOf(s.source); namespace == "" {
			return usagef("get: %s %q needs a namespace: -n NAMESPACE instead of -A", kind.ResourceName(), name)
		}
	}
	raw, err := s.Fetch(ctx, kind, namespace, name)
	if err != nil {
		if kube.IsNotFound(err) {
			return fmt.Errorf("%w; `orka search 'k:%s %s'` looks in all namespaces", err, kind.Resource, name)
		}
		return err
	}
	if kind.Group == "" && kind.Kind == "Secret" && !slices.Contains([]string{formatName, formatJSONPath}, f.name) {
		fmt.Fprintln(a.errOut, "note: values of a Secret are withheld")
	}
	if f.name == formatName {
		fmt.Fprintln(a.out, nameOf(&watch.Object{Kind: kind, Name: name}))
		return nil
	}
	return printStructured(a.out, f, json.RawMessage(raw))
}
