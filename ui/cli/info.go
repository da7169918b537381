package cli

import (
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"
)

type pathInfo struct {
	Build      buildInfo `json:"build"`
	Config     string    `json:"config"`
	State      string    `json:"state"`
	Log        string    `json:"log"`
	Kubeconfig []string  `json:"kubeconfig"`
	Context    string    `json:"context"`
}

// infoCommand prints where things lie; it contacts no cluster.
func (a *app) infoCommand() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "info",
		Short: "Print the build and the paths in use",
		Args:  args(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			loader := a.kube.ToRawKubeConfigLoader()
			p := pathInfo{
				Build:      readBuildInfo(),
				Config:     a.configPath(),
				State:      a.stateDir(),
				Log:        a.logPath(),
				Kubeconfig: loader.ConfigAccess().GetLoadingPrecedence(),
				Context:    *a.kube.Context,
			}
			if raw, err := loader.RawConfig(); err == nil && p.Context == "" {
				p.Context = raw.CurrentContext
			}
			return a.printValue(format, p, func() error {
				fmt.Fprintf(a.out, "version     %s (%s)\n", p.Build.Version, p.Build.GoVersion)
				fmt.Fprintf(a.out, "config      %s\n", p.Config)
				fmt.Fprintf(a.out, "state       %s\n", p.State)
				fmt.Fprintf(a.out, "log         %s\n", p.Log)
				for _, k := range p.Kubeconfig {
					fmt.Fprintf(a.out, "kubeconfig  %s\n", k)
				}
				_, err := fmt.Fprintf(a.out, "context     %s\n", orNothing(p.Context))
				return err
			})
		},
	}
	valueFormatFlag(cmd, &format)
	return cmd
}

func (a *app) logPath() string { return filepath.Join(a.stateDir(), "orka.log") }
