package cli

import (
	"fmt"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"orka/engine"
)

type pathInfo struct {
	Build      buildInfo `json:"build"`
	Config     string    `json:"config"`
	State      string    `json:"state"`
	Log        string    `json:"log"`
	History    string    `json:"history"`
	Drafts     string    `json:"drafts"`
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
				History:    a.historyInForce(),
				Drafts:     a.draftsPath(),
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
				fmt.Fprintf(a.out, "history     %s\n", p.History)
				fmt.Fprintf(a.out, "drafts      %s\n", p.Drafts)
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

// historyPath is where the history of applies lies. That of the demo, whose objects come and go with it, is kept apart.
func (a *app) historyPath() string {
	name := "history.db"
	if a.demo.on {
		name = "demo-history.db"
	}
	return filepath.Join(a.stateDir(), name)
}

// historyInForce is historyPath, or what ORKA_DB_PATH says. A configuration that can't be read is not info's to refuse.
func (a *app) historyInForce() string {
	i := slices.IndexFunc(engine.Knobs(), func(k engine.Knob) bool { return k.Name == "db_path" })
	k := engine.Knobs()[i]
	_, values, _ := a.configFile()
	path := values[k.Name]
	if v, ok := a.lookupEnv(k.Env()); ok {
		path = v
	}
	if a.changed(k.Flag()) {
		path = *a.knobFlags[k.Name]
	}
	cfg, _, err := engine.Load(engine.Origin{
		Label:  func(k engine.Knob) string { return k.Name },
		Lookup: func(other engine.Knob) (string, bool) { return path, other.Name == k.Name && path != "" },
	})
	if err != nil || cfg.DBPath == "" {
		return a.historyPath()
	}
	return cfg.DBPath
}

// draftsPath is where edits that were not applied are kept.
func (a *app) draftsPath() string { return filepath.Join(a.stateDir(), "drafts") }

func (a *app) logPath() string { return filepath.Join(a.stateDir(), "orka.log") }
