package engine

import (
	"fmt"
	"math"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Knob is one setting a person may turn: flag over environment over config file over default.
type Knob struct {
	Name string // as `orka stats` and the config file write it: "relist_secs"
	Doc  string // one line, with unit and what it is for
	Want string // what values are allowed, for the error

	set func(*Config, string) error
	get func(*Config) string
}

// Env is the environment variable: "ORKA_RELIST_SECS".
func (k Knob) Env() string { return "ORKA_" + strings.ToUpper(k.Name) }

// Flag is the command-line flag without its dashes: "relist-secs".
func (k Knob) Flag() string { return strings.ReplaceAll(k.Name, "_", "-") }

// Set gives the knob a value, or answers a *KnobError.
func (k Knob) Set(cfg *Config, source, value string) error {
	if err := k.set(cfg, strings.TrimSpace(value)); err != nil {
		return &KnobError{Source: source, Value: value, Want: k.Want}
	}
	return nil
}

// Setting is the value in force and where it came from.
type Setting struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Source string `json:"source"` // "default", "file PATH", "ORKA_…", "--…"
	Doc    string `json:"doc"`
}

// KnobError is a value a knob can't take.
type KnobError struct {
	Source, Value, Want string
}

func (e *KnobError) Error() string {
	return fmt.Sprintf("%s: %q is not allowed; want %s", e.Source, e.Value, e.Want)
}

// Origin is one place values come from, in falling precedence when passed to Load.
type Origin struct {
	// Label names the knob at this place, for errors and `orka stats`.
	Label func(Knob) string
	// Lookup returns the raw value and whether the place has one.
	Lookup func(Knob) (string, bool)
}

// Load makes a Config of the defaults and the origins, the first origin that has a value winning. The
// settings come in the order of Knobs.
func Load(origins ...Origin) (Config, []Setting, error) {
	cfg := DefaultConfig()
	var settings []Setting
	for _, k := range Knobs() {
		source := "default"
		for _, o := range origins {
			raw, ok := o.Lookup(k)
			if !ok {
				continue
			}
			source = o.Label(k)
			if err := k.Set(&cfg, source, raw); err != nil {
				return cfg, nil, err
			}
			break
		}
		settings = append(settings, Setting{Name: k.Name, Value: k.get(&cfg), Source: source, Doc: k.Doc})
	}
	return cfg, settings, nil
}

const none = "(none)"

// Knobs is the table of all knobs, in the order they are printed.
func Knobs() []Knob {
	return append([]Knob{
		intKnob("shards", "namespace buckets per kind", 1, 1024, func(c *Config) *int { return &c.Shards }),
		secondsKnob("relist_secs", "period of the relist that repairs what a watch lost, ±10%", 10, 86400, func(c *Config) *time.Duration { return &c.RelistEvery }),
		secondsKnob("watch_backoff_max_secs", "longest pause between attempts of a watcher", 1, 3600, func(c *Config) *time.Duration { return &c.BackoffMax }),
		intKnob("queue_cap", "distinct objects a shard's queue may hold", 16, 1<<20, func(c *Config) *int { return &c.QueueCap }),
		intKnob("snapshot_page_limit", "objects per list page", 10, 10000, func(c *Config) *int { return &c.PageLimit }),
		optionalKnob("max_labels_per_obj", "labels kept per object", func(c *Config) *int { return &c.MaxLabels }),
		optionalKnob("max_annos_per_obj", "annotations kept per object", func(c *Config) *int { return &c.MaxAnnos }),
		bytesKnob("max_rss_mb", "memory budget in MiB: gauges are held against it", 1<<20, 64, 1<<20, func(c *Config) *uint64 { return &c.MaxRSS }),
		optionalBytesKnob("max_raw_bytes", "cap of the compressed bodies in bytes; the least recently used go first", func(c *Config) *uint64 { return &c.MaxRawBytes }),
		secondsKnob("drop_raw_ttl_secs", "age at which a body nobody looked at may be dropped", 1, 7*86400, func(c *Config) *time.Duration { return &c.DropRawTTL }),
		intKnob("search_limit", "hits a search returns", 1, 100000, func(c *Config) *int { return &c.SearchLimit }),
		optionalKnob("search_max_candidates", "documents a search may score before it answers with a partial result", func(c *Config) *int { return &c.SearchMaxCandidates }),
		minScoreKnob(),
		{
			Name: "metrics_addr", Doc: "address of the Prometheus endpoint /metrics; off when empty",
			Want: "host:port, :port (loopback), or \"\" for off",
			set:  setMetricsAddr,
			get:  func(c *Config) string { return orNone(c.MetricsAddr) },
		},
		{
			Name: "log", Doc: "least severe level written to the log file",
			Want: "debug, info, warn or error",
			set:  func(c *Config, s string) error { return c.LogLevel.UnmarshalText([]byte(s)) },
			get:  func(c *Config) string { return strings.ToLower(c.LogLevel.String()) },
		},
		{
			Name: "readonly", Doc: "refuse every write to the cluster",
			Want: "1, 0, true or false",
			set:  func(c *Config, s string) (err error) { c.ReadOnly, err = strconv.ParseBool(s); return err },
			get:  func(c *Config) string { return strconv.FormatBool(c.ReadOnly) },
		},
	}, applyKnobs()...)
}

func intKnob(name, doc string, lo, hi int, field func(*Config) *int) Knob {
	return Knob{
		Name: name, Doc: doc, Want: fmt.Sprintf("a whole number from %d to %d", lo, hi),
		set: func(c *Config, s string) error { return setInt(field(c), s, lo, hi) },
		get: func(c *Config) string { return strconv.Itoa(*field(c)) },
	}
}

// optionalKnob takes "none" (or 0) for no limit.
func optionalKnob(name, doc string, field func(*Config) *int) Knob {
	return Knob{
		Name: name, Doc: doc, Want: "a whole number from 1 up, or none",
		set: func(c *Config, s string) error {
			if isNone(s) {
				*field(c) = 0
				return nil
			}
			return setInt(field(c), s, 0, math.MaxInt32)
		},
		get: func(c *Config) string {
			if *field(c) == 0 {
				return none
			}
			return strconv.Itoa(*field(c))
		},
	}
}

func secondsKnob(name, doc string, lo, hi int, field func(*Config) *time.Duration) Knob {
	return Knob{
		Name: name, Doc: doc, Want: fmt.Sprintf("a whole number of seconds from %d to %d", lo, hi),
		set: func(c *Config, s string) error {
			var n int
			if err := setInt(&n, s, lo, hi); err != nil {
				return err
			}
			*field(c) = time.Duration(n) * time.Second
			return nil
		},
		get: func(c *Config) string { return strconv.Itoa(int(*field(c) / time.Second)) },
	}
}

func bytesKnob(name, doc string, unit uint64, lo, hi int, field func(*Config) *uint64) Knob {
	return Knob{
		Name: name, Doc: doc, Want: fmt.Sprintf("a whole number from %d to %d", lo, hi),
		set: func(c *Config, s string) error {
			var n int
			if err := setInt(&n, s, lo, hi); err != nil {
				return err
			}
			*field(c) = uint64(n) * unit //nolint:gosec // n is at least lo, which is not negative
			return nil
		},
		get: func(c *Config) string { return strconv.FormatUint(*field(c)/unit, 10) },
	}
}

func optionalBytesKnob(name, doc string, field func(*Config) *uint64) Knob {
	return Knob{
		Name: name, Doc: doc, Want: "a number of bytes, or none",
		set: func(c *Config, s string) (err error) {
			if isNone(s) {
				*field(c) = 0
				return nil
			}
			*field(c), err = strconv.ParseUint(s, 10, 63)
			return err
		},
		get: func(c *Config) string {
			if *field(c) == 0 {
				return none
			}
			return strconv.FormatUint(*field(c), 10)
		},
	}
}

func minScoreKnob() Knob {
	return Knob{
		Name: "search_min_score", Doc: "score below which a hit is left out", Want: "a whole number, or none",
		set: func(c *Config, s string) (err error) {
			if isNone(s) {
				s = "0"
			}
			c.SearchMinScore, err = strconv.Atoi(s)
			return err
		},
		get: func(c *Config) string {
			if c.SearchMinScore == 0 {
				return none
			}
			return strconv.Itoa(c.SearchMinScore)
		},
	}
}

func setMetricsAddr(c *Config, s string) error {
	if slices.Contains([]string{"", "off", "none", none}, s) {
		c.MetricsAddr = ""
		return nil
	}
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return err
	}
	if _, err := net.LookupPort("tcp", port); err != nil {
		return err
	}
	if host == "" {
		host = "127.0.0.1" // loopback unless named otherwise
	}
	c.MetricsAddr = net.JoinHostPort(host, port)
	return nil
}

func setInt(dst *int, s string, lo, hi int) error {
	n, err := strconv.Atoi(s)
	if err != nil {
		return err
	}
	if n < lo || n > hi {
		return strconv.ErrRange
	}
	*dst = n
	return nil
}

func isNone(s string) bool { return s == "none" || s == none || s == "0" }

func orNone(s string) string {
	if s == "" {
		return none
	}
	return s
}
