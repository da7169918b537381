package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"k8s.io/klog/v2"

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
	if !a.demo.on {
		opts.Contexts = contexts
	}
	runErr := ui.Run(ctx, opts)
	if err := contexts.close(); runErr == nil {
		runErr = err
	}
	return runErr
}

// logToFile sends all logs, klog's too, to the log file: a line on the screen would tear it.
func (a *app) logToFile() (closeLog func(), err error) {
	path := a.logPath()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("state directory: %w; set XDG_STATE_HOME to one that can be written", err)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600) //nolint:gosec // the user's own state directory
	if err != nil {
		return nil, fmt.Errorf("log file: %w; set XDG_STATE_HOME to a directory that can be written", err)
	}
	a.cfg.Logger = slog.New(slog.NewTextHandler(f, &slog.HandlerOptions{Level: a.cfg.LogLevel}))
	klog.SetSlogLogger(a.cfg.Logger)
	stderr := os.Stderr
	os.Stderr = f // exec plugins of the kubeconfig write there
	return func() {
		os.Stderr = stderr
		_ = f.Close()
	}, nil
}
