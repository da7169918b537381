package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"orka/engine"
)

// statsCommand prints the knobs in force; it contacts no cluster.
func (a *app) statsCommand() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "stats",
		Short: "Print the runtime knobs with their origin, and the metrics endpoint",
		Args:  args(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			value := struct {
				Knobs           []engine.Setting `json:"knobs"`
				MetricsEndpoint string           `json:"metricsEndpoint,omitempty"`
			}{Knobs: a.settings}
			if a.cfg.MetricsAddr != "" {
				value.MetricsEndpoint = "http://" + a.cfg.MetricsAddr + "/metrics"
			}
			return a.printValue(format, value, func() error {
				for _, s := range a.settings {
					line := s.Name + ": " + s.Value
					if s.Name == "metrics_addr" && a.cfg.MetricsAddr != "" {
						line += " (exposes Prometheus /metrics)"
					}
					if s.Source != "default" {
						line += "  # from " + s.Source
					}
					if _, err := fmt.Fprintln(a.out, line); err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
	valueFormatFlag(cmd, &format)
	return cmd
}
