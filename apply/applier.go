package apply

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"k8s.io/client-go/rest"

	"orka/apply/history"
)

// Journal is where a commit is recorded. *history.Store is the one of the product.
type Journal interface {
	// Begin records what is about to be written; it is durable on return.
	Begin(ctx context.Context, i history.Intent) (history.ID, error)
	// Finish records what became of it.
	Finish(ctx context.Context, id history.ID, o history.Outcome) error
}

// Config is what an Applier works with.
type Config struct {
	REST     *rest.Config // address and encoding; credentials are HTTP's
	HTTP     *http.Client // authenticated
	Identity Identity
	Journal  Journal
	// Look says what the watch knows now; it never waits.
	Look func(Target) Sight

	ReadOnly       bool
	MaxSnapshotAge time.Duration // 0 is 75 s
	SkipPreflight  bool
	MaxYAMLBytes   int // of a draft; 0 is 1 MiB
	MaxYAMLNodes   int // of a draft, aliases expanded; 0 is 100,000

	// FaultPoint is called with the name of each step of a commit; tests end the process in it. nil is none.
	FaultPoint func(step string)
}

// maxRebases is how often a commit follows an object that moves before it asks again.
const maxRebases = 3

// What a draft or a file may be when Config doesn't say.
const (
	defaultYAMLBytes = 1 << 20
	defaultYAMLNodes = 100_000
)

// Applier edits the objects of one cluster. Its methods may be called from any goroutine; none of them leaves one behind.
type Applier struct {
	// Immutable.
	cfg     Config
	http    *http.Client
	base    *url.URL
	schemas *schemas
}

// New makes an Applier; it sends nothing. Without a Journal everything but Commit works.
func New(cfg Config) (*Applier, error) {
	if cfg.REST == nil || cfg.HTTP == nil {
		return nil, errors.New("apply: no connection was given")
	}
	base, _, err := rest.DefaultServerUrlFor(cfg.REST)
	if err != nil {
		return nil, errors.New("apply: the server's address is not usable") // not err: it repeats the address
	}
	if cfg.Look == nil {
		cfg.Look = func(Target) Sight { return Sight{} }
	}
	if cfg.FaultPoint == nil {
		cfg.FaultPoint = func(string) {}
	}
	if cfg.MaxYAMLBytes <= 0 {
		cfg.MaxYAMLBytes = defaultYAMLBytes
	}
	if cfg.MaxYAMLNodes <= 0 {
		cfg.MaxYAMLNodes = defaultYAMLNodes
	}
	// A redirect of a write is an answer to be shown, not to be followed: the body would go to another server.
	client := *cfg.HTTP
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	client.Timeout = 0 // each request has its own
	a := &Applier{cfg: cfg, http: &client, base: base}
	a.schemas = newSchemas(a.fetch)
	return a, nil
}

// typer is the typed view of a kind.
func (a *Applier) typer(ctx context.Context, t Target) (*typer, error) {
	ty, err := a.schemas.of(ctx, t.Kind)
	if err != nil {
		return nil, fmt.Errorf("%s: its schema: %w", t, err)
	}
	return ty, nil
}

// now is the wall clock, which goes on while the machine sleeps.
func now() time.Time { return time.Now().Round(0) }
