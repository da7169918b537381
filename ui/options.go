package ui

import (
	"context"
	"io"
	"log/slog"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"orka/apply"
	"orka/engine"
	"orka/search"
	"orka/watch"
)

// Viewer publishes what there is to see. *engine.Engine is the one of the product.
type Viewer interface {
	// View is the newest View; never nil, never waits.
	View() *engine.View
	// Changed is a channel that is closed once a newer View is published.
	Changed() <-chan struct{}
}

// Reader fetches what the snapshot doesn't hold; it may take as long as the network does.
type Reader interface {
	YAML(ctx context.Context, o *watch.Object) ([]byte, engine.Source, error)
	Describe(ctx context.Context, o *watch.Object) (string, error)
}

// Controller takes intent; it never waits.
type Controller interface {
	// Retry makes the watchers of the kinds try again now; no kinds means all of them.
	Retry(kinds ...*watch.Kind)
	// Want says which kinds somebody looks at now; no kinds means none in particular.
	Want(kinds ...*watch.Kind)
	// ObserveSearch takes the measures of a search, for the metrics. It may be called from any goroutine.
	ObserveSearch(candidates int, took time.Duration, partial bool)
}

// Editor makes a preview of an edit; nothing it does changes the cluster. Each call may take as long as the network
// does, and its errors are those of package apply.
type Editor interface {
	// OpenEdit reads an object and writes the draft that is edited.
	OpenEdit(ctx context.Context, t apply.Target) (*apply.Base, []byte, error)
	// Intent is what an edited draft means to change.
	Intent(ctx context.Context, b *apply.Base, draft []byte) (*apply.Intent, error)
	// Preview has the server try it.
	Preview(ctx context.Context, b *apply.Base, i *apply.Intent, c apply.Consent) (*apply.Preview, error)
}

// Committer writes what was previewed.
type Committer interface {
	// Checks is the guard as it stands now; it never waits.
	Checks(p *apply.Preview, c apply.Consent) []apply.Check
	Commit(ctx context.Context, p *apply.Preview, c apply.Consent) (*apply.Result, error)
}

// Engine is all that the screens see of the engine.
type Engine interface {
	Viewer
	Reader
	Controller
	Editor
	Committer
}

// Context is one entry of the kubeconfig.
type Context struct {
	Name, Cluster, User, Namespace string
	Current                        bool
}

// Contexts lists the kubeconfig's contexts and moves to another one.
type Contexts interface {
	List() ([]Context, error)
	// Switch returns a running engine for the context. The engine before it is the implementer's to end.
	Switch(ctx context.Context, name string) (Engine, Info, error)
}

// Info is what is known of the connection from the start.
type Info struct {
	Context, Cluster, User string
	Version                string // of orka
	ReadOnly               bool
	Impersonating          string // the user that is impersonated; "" when none
	// Recording is the time that is played of a recording; nil where there is a cluster.
	Recording func() time.Time
}

// Options are what Run needs. Engine is required; the zero value of all else will do.
type Options struct {
	Engine   Engine
	Info     Info
	Contexts Contexts // nil where there is only one
	// Search is the base of every search: Limit is the first page of hits, MaxCandidates and MinScore as the
	// knobs have them.
	Search   search.Options
	Settings []engine.Setting // the knobs in force, for Stats
	Query    string           // what the query line says at the start
	// Namespaces narrow the view from the start; none is all.
	Namespaces []string
	// Keys remaps commands: name of a command (see Commands) to its keys.
	Keys map[string][]string

	// StateDir is orka's state directory; drafts of edits lie in a folder of it. Without one nothing can be edited.
	StateDir string

	Input  io.Reader // the terminal by default
	Output io.Writer
	// Away is told when the terminal is an editor's, and when it is back: meanwhile ctrl-c is not meant for orka.
	Away   func(bool)
	Logger *slog.Logger // where a crash of the screen is written; never the terminal

	// now is the wall clock; tests hold it.
	now func() time.Time
	th  *theme
	// w and h are of a terminal that does not say how large it is: that of a test.
	w, h int
	// suffix ends the names of drafts; random letters by default.
	suffix func() string
	// exec gives the terminal away to a command: tea.Exec; tests run the command beside the screen.
	exec func(tea.ExecCommand, tea.ExecCallback) tea.Cmd
}
