package cli

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/cli-runtime/pkg/printers"
	"k8s.io/client-go/util/jsonpath"

	"orka/watch"
	"orka/watch/kube"
)

// The formats of -o. jsonpath takes its template behind "=".
const (
	formatHuman    = "human"
	formatWide     = "wide"
	formatJSON     = "json"
	formatYAML     = "yaml"
	formatName     = "name"
	formatCSV      = "csv"
	formatJSONPath = "jsonpath"
)

// format is a checked -o.
type format struct {
	name     string
	template string // of jsonpath
}

// formatFlag adds -o with the formats a command has.
func formatFlag(cmd *cobra.Command, f *format, allowed ...string) {
	f.name = allowed[0]
	cmd.Flags().VarP(&formatValue{f: f, allowed: allowed}, "output", "o", "output format: "+strings.Join(allowed, ", "))
}

type formatValue struct {
	f       *format
	allowed []string
}

func (v *formatValue) String() string { return v.f.name }
func (v *formatValue) Type() string   { return "format" }

func (v *formatValue) Set(s string) error {
	name, template, has := strings.Cut(s, "=")
	if !slices.Contains(v.allowed, name) {
		return fmt.Errorf("want one of %s", strings.Join(v.allowed, ", "))
	}
	if has != (name == formatJSONPath) || has && template == "" {
		return fmt.Errorf("%s: a template goes with jsonpath, and with it alone: -o jsonpath='{.items[*].metadata.name}'", s)
	}
	if has {
		if err := jsonpath.New("out").Parse(template); err != nil {
			return fmt.Errorf("jsonpath: %w", err)
		}
	}
	*v.f = format{name: name, template: template}
	return nil
}

// valueFormatFlag is -o of commands that print one value.
func valueFormatFlag(cmd *cobra.Command, name *string) {
	f := &format{}
	formatFlag(cmd, f, formatHuman, formatJSON, formatYAML)
	prev := cmd.PreRunE
	cmd.PreRunE = func(c *cobra.Command, args []string) error {
		*name = f.name
		if prev != nil {
			return prev(c, args)
		}
		return nil
	}
}

// printValue prints v as JSON or YAML, or by human.
func (a *app) printValue(name string, v any, human func() error) error {
	if name == formatHuman {
		return human()
	}
	return a.printStructured(format{name: name}, v)
}

// structured reports whether whole objects are printed.
func (f format) structured() bool {
	return f.name == formatJSON || f.name == formatYAML || f.name == formatJSONPath
}

// printStructured prints v as json, yaml or through a jsonpath template. A pipe gets the strings as they are; on a
// terminal what would steer it is made visible.
func (a *app) printStructured(f format, v any) error {
	if !isTerminal(a.out) {
		return printStructured(a.out, f, v)
	}
	var b bytes.Buffer
	if err := printStructured(&b, f, v); err != nil {
		return err
	}
	_, err := io.WriteString(a.out, watch.SanitizeText(b.String()))
	return err
}

func printStructured(w io.Writer, f format, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	switch f.name {
	case formatYAML:
		if b, err = kube.JSONToYAML(b); err != nil {
			return err
		}
	case formatJSONPath:
		return printJSONPath(w, f.template, b)
	default:
		b = append(b, '\n')
	}
	_, err = w.Write(b)
	return err
}

func printJSONPath(w io.Writer, template string, b []byte) error {
	var plain any
	if err := utiljson.Unmarshal(b, &plain); err != nil { // whole numbers stay whole
		return err
	}
	p := jsonpath.New("out").AllowMissingKeys(true)
	if err := p.Parse(template); err != nil {
		return usagef("-o jsonpath: %w", err)
	}
	if err := p.Execute(w, plain); err != nil {
		return usagef("-o jsonpath: %w", err)
	}
	return nil
}

// lines prints one line after the other.
func (a *app) lines(all iter.Seq[string]) error {
	w := bufio.NewWriter(a.out)
	for line := range all {
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return w.Flush()
}

// table prints rows as kubectl does: left-aligned columns parted by three spaces.
func (a *app) table(name string, noHeaders bool, header []string, rows func(yield func([]string) bool)) error {
	if name == formatCSV {
		return a.csv(noHeaders, header, rows)
	}
	w := printers.GetNewTabWriter(a.out)
	if !noHeaders {
		if _, err := fmt.Fprintln(w, strings.Join(header, "\t")); err != nil {
			return err
		}
	}
	for row := range rows {
		if _, err := fmt.Fprintln(w, strings.Join(row, "\t")); err != nil {
			return err
		}
	}
	return w.Flush()
}

func (a *app) csv(noHeaders bool, header []string, rows func(yield func([]string) bool)) error {
	w := csv.NewWriter(a.out)
	if !noHeaders {
		if err := w.Write(header); err != nil {
			return err
		}
	}
	for row := range rows {
		if err := w.Write(row); err != nil {
			return err
		}
	}
	w.Flush()
	return w.Error()
}
