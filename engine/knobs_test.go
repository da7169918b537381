package engine

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func origin(label string, values map[string]string) Origin {
	return Origin{
		Label:  func(k Knob) string { return label + k.Name },
		Lookup: func(k Knob) (string, bool) { v, ok := values[k.Name]; return v, ok },
	}
}

func TestLoadPrecedence(t *testing.T) {
	cfg, settings, err := Load(
		origin("--", map[string]string{"relist_secs": "60"}),
		origin("env ", map[string]string{"relist_secs": "120", "shards": "8"}),
		origin("file ", map[string]string{"shards": "16", "queue_cap": "4096"}),
	)
	if err != nil {
		t.Fatal(err)
	}
	if cfg.RelistEvery != time.Minute || cfg.Shards != 8 || cfg.QueueCap != 4096 || cfg.PageLimit != DefaultConfig().PageLimit {
		t.Errorf("got relist %s, shards %d, queue %d, page %d", cfg.RelistEvery, cfg.Shards, cfg.QueueCap, cfg.PageLimit)
	}
	got := map[string]string{}
	for _, s := range settings {
		got[s.Name] = s.Source
	}
	want := map[string]string{"relist_secs": "--relist_secs", "shards": "env shards", "queue_cap": "file queue_cap", "log": "default"}
	for name, source := range want {
		if got[name] != source {
			t.Errorf("%s comes from %q, want %q", name, got[name], source)
		}
	}
	if len(settings) != len(Knobs()) {
		t.Errorf("%d settings for %d knobs", len(settings), len(Knobs()))
	}
}

func TestKnobRefusesBadValues(t *testing.T) {
	bad := map[string][]string{
		"shards":                 {"", "0", "-1", "4.5", "many", "100000"},
		"relist_secs":            {"5s", "0", "9", "99999999999999999999"},
		"watch_backoff_max_secs": {"0", "x"},
		"queue_cap":              {"1", "none"},
		"snapshot_page_limit":    {"0", "1e3"},
		"max_labels_per_obj":     {"-1", "all"},
		"max_rss_mb":             {"0", "800MB"},
		"max_raw_bytes":          {"-5", "1GiB"},
		"search_limit":           {"0", "none"},
		"search_min_score":       {"high"},
		"metrics_addr":           {"9898", "host:port:port", "localhost:99999"},
		"log":                    {"loud"},
		"readonly":               {"maybe"},
	}
	for name, values := range bad {
		for _, v := range values {
			_, _, err := Load(origin("ORKA_", map[string]string{name: v}))
			var knobErr *KnobError
			if !errors.As(err, &knobErr) {
				t.Errorf("%s=%q: got %v, want a KnobError", name, v, err)
				continue
			}
			if !strings.Contains(err.Error(), name) || knobErr.Want == "" {
				t.Errorf("%s=%q: the error %q names neither knob nor what is allowed", name, v, err)
			}
		}
	}
}

// TestKnobRoundTrip: what a knob prints it also takes, so that `orka stats` shows values one can set.
func TestKnobRoundTrip(t *testing.T) {
	want := DefaultConfig()
	got := DefaultConfig()
	for _, k := range Knobs() {
		printed := k.get(&want)
		if err := k.Set(&got, k.Name, printed); err != nil {
			t.Errorf("%s does not take its own default %q: %v", k.Name, printed, err)
		}
	}
	want.Logger, got.Logger = nil, nil
	if d := cmp.Diff(want, got, cmp.AllowUnexported()); d != "" {
		t.Error(d)
	}
}

func TestMetricsAddressIsLoopbackUnlessNamed(t *testing.T) {
	for in, want := range map[string]string{":9898": "127.0.0.1:9898", "0.0.0.0:9898": "0.0.0.0:9898", "[::1]:1": "[::1]:1", "": "", "off": ""} {
		var c Config
		if err := setMetricsAddr(&c, in); err != nil || c.MetricsAddr != want {
			t.Errorf("%q: got %q, %v; want %q", in, c.MetricsAddr, err, want)
		}
	}
}
