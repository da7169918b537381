package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/adrg/xdg"
	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/yaml"

	"orka/engine"
	"orka/watch"
)

// defaultDemoObjects is the size of the demo cluster when --demo names none.
const defaultDemoObjects = 2000

// maxDemoObjects bounds --demo: a million is what one process is made for.
const maxDemoObjects = 1_000_000

// demoFlag is --demo or --demo=N.
type demoFlag struct {
	on      bool
	objects int
}

func (d *demoFlag) String() string {
	if !d.on {
		return ""
	}
	return strconv.Itoa(d.objects)
}

func (d *demoFlag) Type() string { return "objects" }

func (d *demoFlag) Set(s string) error {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > maxDemoObjects {
		return fmt.Errorf("want a number of objects from 1 to %d", maxDemoObjects)
	}
	d.on, d.objects = true, n
	return nil
}

func (a *app) addFlags(root *cobra.Command) {
	f := root.PersistentFlags()
	a.kube.AddFlags(f)
	f.Var(&a.demo, "demo", "use an embedded simulated cluster of this many objects instead of a real one")
	f.Lookup("demo").NoOptDefVal = strconv.Itoa(defaultDemoObjects)
	f.Var(&a.replay.file, "replay", "play this recording of orka record instead of asking a cluster; nothing can be applied")
	f.Var(&a.replay.speed, "replay-speed", "how many times as fast as recorded to play, 0 being without pauses (1 on screen, 0 for commands)")
	f.BoolVarP(&a.allNamespaces, "all-namespaces", "A", false, "look in all namespaces")
	a.knobFlags = map[string]*string{}
	for _, k := range engine.Knobs() {
		a.knobFlags[k.Name] = f.String(k.Flag(), "", k.Doc+" ("+k.Env()+")")
	}
	a.changed = func(flag string) bool { return f.Changed(flag) }
}

// prepare loads the knobs before any command runs.
func (a *app) prepare(cmd *cobra.Command, _ []string) error {
	if needsNoConfig(cmd) {
		a.cfg = engine.DefaultConfig()
		return nil
	}
	if err := a.checkKubeFlags(); err != nil {
		return err
	}
	file, values, err := a.configFile()
	if err != nil {
		return err
	}
	a.cfg, a.settings, err = engine.Load(
		engine.Origin{
			Label:  a.flagLabel,
			Lookup: func(k engine.Knob) (string, bool) { return *a.knobFlags[k.Name], a.changed(k.Flag()) },
		},
		engine.Origin{
			Label:  func(k engine.Knob) string { return k.Env() },
			Lookup: func(k engine.Knob) (string, bool) { return a.lookupEnv(k.Env()) },
		},
		engine.Origin{
			Label:  func(k engine.Knob) string { return k.Name + " in " + file },
			Lookup: func(k engine.Knob) (string, bool) { v, ok := values[k.Name]; return v, ok },
		},
	)
	if err != nil {
		return usageError{err}
	}
	return nil
}

// needsNoConfig reports whether a command must work whatever the knobs and the config file say.
func needsNoConfig(cmd *cobra.Command) bool {
	for c := cmd; c != nil; c = c.Parent() {
		switch c.Name() {
		case "completion", "help", "version", "info", cobra.ShellCompRequestCmd, cobra.ShellCompNoDescRequestCmd:
			return true
		}
	}
	return false
}

// flagLabel is the flag a person typed for a knob.
func (a *app) flagLabel(k engine.Knob) string {
	if alias, ok := a.aliases[k.Name]; ok {
		return "--" + alias
	}
	return "--" + k.Flag()
}

// checkKubeFlags refuses values that would otherwise fail late or mean something else.
func (a *app) checkKubeFlags() error {
	timeout, err := clientcmd.ParseTimeout(*a.kube.Timeout)
	if err != nil || timeout < 0 {
		return usagef("--request-timeout: %q is not allowed; want seconds or a duration such as 30s or 2m; 0 is none", *a.kube.Timeout)
	}
	a.requestTimeout = timeout
	if ns := *a.kube.Namespace; ns != "" {
		if problems := validation.IsDNS1123Label(ns); len(problems) > 0 {
			return usagef("--namespace: %q can't be a namespace: %s", cutName(ns), problems[0])
		}
	}
	return nil
}

// cutName shortens a name for an error.
func cutName(s string) string {
	if r := []rune(s); len(r) > 64 {
		s = string(r[:64]) + "…"
	}
	return watch.Sanitize(s)
}

// configPath is where the config file lies, whether or not there is one.
func (a *app) configPath() string {
	if dir, ok := a.lookupEnv("XDG_CONFIG_HOME"); ok && dir != "" {
		return filepath.Join(dir, "orka", "config.yaml")
	}
	return filepath.Join(xdg.ConfigHome, "orka", "config.yaml")
}

// stateDir is where the log file lies.
func (a *app) stateDir() string {
	if dir, ok := a.lookupEnv("XDG_STATE_HOME"); ok && dir != "" {
		return filepath.Join(dir, "orka")
	}
	return filepath.Join(xdg.StateHome, "orka")
}

// configFile reads the config file: one knob a line, `relist_secs: 120`. A name it doesn't know is an error.
func (a *app) configFile() (path string, values map[string]string, err error) {
	path = a.configPath()
	b, err := os.ReadFile(path) //nolint:gosec // the user's own config file
	if errors.Is(err, fs.ErrNotExist) {
		return path, nil, nil
	}
	if err != nil {
		return path, nil, fmt.Errorf("config file: %w", err)
	}
	var raw map[string]json.RawMessage // a value as it is written: by way of a float 1000000 would become 1e+06
	if err := yaml.UnmarshalStrict(b, &raw); err != nil {
		return path, nil, usagef("config file %s: %w", path, err)
	}
	known := map[string]bool{}
	var names []string
	for _, k := range engine.Knobs() {
		known[k.Name] = true
		names = append(names, k.Name)
	}
	values = map[string]string{}
	for name, v := range raw {
		if !known[name] {
			return path, nil, usagef("config file %s: unknown setting %q%s", path, watch.Sanitize(name), didYouMean(name, names))
		}
		if values[name], err = scalar(v); err != nil {
			return path, nil, usagef("config file %s: %s: %w", path, name, err)
		}
	}
	return path, values, nil
}

// scalar is a JSON number, string or truth value as text; null is "".
func scalar(v json.RawMessage) (string, error) {
	var s string
	switch {
	case len(v) == 0 || string(v) == "null":
		return "", nil
	case v[0] == '{' || v[0] == '[':
		return "", errors.New("want a single value")
	case v[0] == '"':
		err := json.Unmarshal(v, &s)
		return s, err
	default:
		return string(v), nil
	}
}
