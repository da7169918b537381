package cli

import (
	"context"
	"errors"

	"orka/ui"
)

// runTerminal is orka without a command.
func (a *app) runTerminal(ctx context.Context) error {
	if !isTerminal(a.in) || !isTerminal(a.out) {
		return errors.New("the terminal UI needs a terminal on stdin and stdout; `orka search QUERY` and `orka ls KIND` work without one")
	}
	closeLog, err := a.logToFile()
	if err != nil {
		return err
	}
	defer closeLog()
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	a.onScreen = true
	s, err := a.start(ctx, nil)
	if err != nil {
		return err
	}
	contexts := newContexts(ctx, a, fail, s)
	opts := ui.Options{
		Engine:   s,
		Info:     s.source.info,
		Settings: a.settings,
		Search:   a.searchOptions(),
		Logger:   a.cfg.Logger,
		StateDir: a.stateDir(),
		Input:    a.in,
		Output:   a.out,
		Away:     a.away.Store,
	}
	if ns := *a.kube.Namespace; ns != "" && !a.allNamespaces {
		opts.Namespaces = []string{ns}
	}
	if !a.demo.on && a.replay.file == "" {
		opts.Contexts = contexts
	}
	runErr := ui.Run(ctx, opts)
	if err := contexts.close(); runErr == nil {
		runErr = err
	}
	return runErr
}
