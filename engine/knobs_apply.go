package engine

import (
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"
)

// inStateDir stands for a history in the state directory.
const inStateDir = "(state directory)"

// applyKnobs are the knobs of what applies.
func applyKnobs() []Knob {
	return []Knob{
		{
			Name: "readonly_contexts", Doc: "contexts of the kubeconfig in which every write is refused",
			Want: "names or globs, separated by commas: prod-*,live; or none",
			set:  setReadOnlyContexts,
			get:  func(c *Config) string { return orNone(strings.Join(c.ReadOnlyContexts, ",")) },
		},
		secondsKnob("max_snapshot_age_secs", "age of a kind's last confirmation beyond which nothing of it is applied", 1, 3600, func(c *Config) *time.Duration { return &c.MaxSnapshotAge }),
		{
			Name: "disable_apply_preflight", Doc: "apply without looking at the view's freshness and at the object once more; the server still refuses a stale patch",
			Want: "1, 0, true or false",
			set:  func(c *Config, s string) (err error) { c.DisableApplyPreflight, err = strconv.ParseBool(s); return err },
			get:  func(c *Config) string { return strconv.FormatBool(c.DisableApplyPreflight) },
		},
		intKnob("max_yaml_bytes", "longest draft or document of a file, bytes", 1<<10, 1<<30, func(c *Config) *int { return &c.MaxYAMLBytes }),
		intKnob("max_yaml_nodes", "values in a draft or a document of a file, aliases expanded", 100, 100_000_000, func(c *Config) *int { return &c.MaxYAMLNodes }),
		{
			Name: "db_path", Doc: "file of the history of applies",
			Want: "the path of a file, or none for the state directory",
			set:  setDBPath,
			get: func(c *Config) string {
				if c.DBPath == "" {
					return inStateDir
				}
				return c.DBPath
			},
		},
	}
}

func setReadOnlyContexts(c *Config, s string) error {
	c.ReadOnlyContexts = nil
	if s == "" || isNone(s) {
		return nil
	}
	for p := range strings.SplitSeq(s, ",") {
		p = strings.TrimSpace(p)
		if _, err := path.Match(p, ""); err != nil || p == "" {
			return fmt.Errorf("pattern %q", p)
		}
		c.ReadOnlyContexts = append(c.ReadOnlyContexts, p)
	}
	return nil
}

// ReadOnlyIn reports whether orka is read-only in a context.
func (c *Config) ReadOnlyIn(context string) bool {
	if c.ReadOnly {
		return true
	}
	for _, p := range c.ReadOnlyContexts {
		if ok, _ := path.Match(p, context); ok {
			return true
		}
	}
	return false
}

func setDBPath(c *Config, s string) error {
	switch {
	case s == "" || isNone(s) || s == inStateDir:
		c.DBPath = ""
	case strings.HasSuffix(s, "/"):
		return fmt.Errorf("a directory")
	default:
		c.DBPath = s
	}
	return nil
}
