package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// version is stamped by the linker (make build); a plain `go build` says what the module knows.
var version string

func buildVersion() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}

type buildInfo struct {
	Version   string `json:"version"`
	Revision  string `json:"revision,omitempty"`
	Time      string `json:"time,omitempty"`
	GoVersion string `json:"goVersion"`
	Platform  string `json:"platform"`
	ClientGo  string `json:"clientGo,omitempty"`
}

func readBuildInfo() buildInfo {
	b := buildInfo{Version: buildVersion(), GoVersion: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Revision = s.Value
		case "vcs.time":
			b.Time = s.Value
		}
	}
	for _, d := range info.Deps {
		if d.Path == "k8s.io/client-go" {
			b.ClientGo = d.Version
		}
	}
	return b
}

func (a *app) versionCommand() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the build",
		Args:  args(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			b := readBuildInfo()
			return a.printValue(format, b, func() error {
				_, err := fmt.Fprintf(a.out, "orka %s (%s, %s, client-go %s)\n", b.Version, b.GoVersion, b.Platform, b.ClientGo)
				return err
			})
		},
	}
	valueFormatFlag(cmd, &format)
	return cmd
}
