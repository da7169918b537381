package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/validation/path"

	"orka/engine"
	"orka/watch"
	"orka/watch/kube"
)

// getCommand prints one object as the server has it now, without managedFields and without a Secret's values.
func (a *app) getCommand() *cobra.Command {
	var f format
	cmd := &cobra.Command{
		Use:               "get KIND NAME",
		Short:             "Print one object as the server has it now",
		Example:           "  orka get deploy web -n shop\n  orka get node worker-1 -o json",
		Args:              args(cobra.RangeArgs(1, 2)),
		ValidArgsFunction: a.completeKinds,
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

func (a *app) get(ctx context.Context, kindName, name string, f format) (err error) {
	if err := checkName(name); err != nil {
		return err
	}
	s, err := a.start(ctx, oneShot(func(c *engine.Config, _ *source) {
		c.Select = nothing
	}))
	if err != nil {
		return err
	}
	defer s.closeWith(&err)
	v, err := a.connected(ctx, s)
	if err != nil {
		return err
	}
	kind, err := resolve(v, kindName)
	if err != nil {
		return err
	}
	if !kind.Verbs.Has(watch.VerbGet) {
		return cantBe("read", kind)
	}
	if err := inRecording(s, kind); err != nil {
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
		if kube.IsNotFound(err) && kind.Namespaced {
			return fmt.Errorf("%w; `orka search 'k:%s %s'` looks in all namespaces", err, kind.Resource, name)
		}
		return err
	}
	if kind.Group == "" && kind.Kind == "Secret" && !slices.Contains([]string{formatName, formatJSONPath}, f.name) {
		fmt.Fprintln(a.errOut, "note: values of a Secret are withheld")
	}
	if f.name == formatName {
		_, err := fmt.Fprintln(a.out, nameOf(&watch.Object{Kind: kind, Name: name}))
		return err
	}
	return a.printStructured(f, json.RawMessage(raw))
}

// cantBe says that a kind lacks the verb for what was asked.
func cantBe(done string, kind *watch.Kind) error {
	verbs := orNothing(strings.Join(kind.Verbs.Names(), ", "))
	return fmt.Errorf("%s can't be %s; the server allows: %s", kind.ResourceName(), done, verbs)
}

// maxName is the longest name an object can have, in bytes.
const maxName = 253

// checkName refuses what no object can be called, before it makes another request of a path.
func checkName(name string) error {
	switch problems := path.IsValidPathSegmentName(name); {
	case name == "":
		return usagef("an object's name can't be empty")
	case len(name) > maxName:
		return usagef("the name %q is %d bytes long; names have at most %d", cutName(name), len(name), maxName)
	case len(problems) > 0:
		return usagef("%q can't be an object's name: %s", watch.Sanitize(name), strings.Join(problems, ", "))
	}
	return nil
}
