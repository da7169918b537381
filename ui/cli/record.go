package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"orka/engine"
	"orka/watch"
	"orka/watch/recording"
)

type recordFlags struct {
	length time.Duration // 0 is until interrupted
	force  bool
}

// recordCommand writes what list and watch deliver to a file.
func (a *app) recordCommand() *cobra.Command {
	var f recordFlags
	cmd := &cobra.Command{
		Use:   "record FILE [KIND...]",
		Short: "Record what the cluster delivers to a file, for --replay",
		Long: `Record what list and watch deliver, of all kinds or of those named, until ctrl-c or for a time.
orka --replay FILE plays it back.

The file holds the objects as the server sent them, but no values of Secrets. It is written once a
second; what a crash leaves can be played up to the last whole frame. It ends with code 0 after --for,
and as every command with 130 after ctrl-c: the recording is complete in both cases.`,
		Example:           "  orka record /tmp/incident.orka\n  orka record pods.orka --for 5m pods events\n  orka --replay /tmp/incident.orka",
		Args:              args(cobra.MinimumNArgs(1)),
		ValidArgsFunction: a.completeRecord,
		RunE: func(cmd *cobra.Command, words []string) error {
			if cmd.Flags().Changed("for") && f.length <= 0 {
				return usagef("record: --for %s: want a time above 0, such as 30s or 5m", f.length)
			}
			return a.record(cmd.Context(), words[0], words[1:], f)
		},
	}
	cmd.Flags().DurationVar(&f.length, "for", 0, "how long to record, such as 30s or 5m; until ctrl-c unless given")
	cmd.Flags().BoolVar(&f.force, "force", false, "overwrite the file")
	return cmd
}

func (a *app) completeRecord(cmd *cobra.Command, words []string, prefix string) ([]string, cobra.ShellCompDirective) {
	if len(words) == 0 {
		return nil, cobra.ShellCompDirectiveDefault
	}
	return a.completeKinds(cmd, nil, prefix)
}

func (a *app) record(ctx context.Context, path string, names []string, f recordFlags) (err error) {
	if a.replay.file != "" {
		return usagef("record: --replay plays what is recorded already")
	}
	if err := mayCreate(path, f.force); err != nil {
		return err
	}
	header := recording.Header{Orka: buildVersion(), Kinds: names}
	if !a.allNamespaces {
		header.Namespace = *a.kube.Namespace
	}
	a.recorder = recording.NewWriter()
	defer a.recorder.Abandon() // whoever waits for the disk after an error
	s, err := a.start(ctx, oneShot(func(c *engine.Config, src *source) {
		c.KeepBodies, c.Namespace = false, header.Namespace
		header.Context, header.Cluster = src.info.Context, src.info.Cluster
		if len(names) > 0 {
			c.Select = anyOf(names)
		}
	}))
	if err != nil {
		return err
	}
	defer s.closeWith(&err)
	v, err := a.connected(ctx, s)
	if err != nil {
		return err
	}
	for _, n := range names {
		k, err := resolve(v, n)
		if err == nil && !k.Verbs.Has(watch.VerbList) {
			err = cantBe("listed", k)
		}
		if err != nil {
			return err
		}
	}
	file, err := create(path, f.force)
	if err != nil {
		return err
	}
	err = a.recordTo(ctx, s, file, header, f.length)
	if cerr := file.Close(); err == nil && cerr != nil {
		err = fmt.Errorf("recording %s: %w", path, cerr)
	}
	if err == nil {
		fmt.Fprintf(a.errOut, "recorded %s in %s\n", progressOf(a.recorder.Stats()), path)
	}
	return err
}

// recordTo records until ctx ends, or for a time, and ends the session: the end of each stream is in the recording.
func (a *app) recordTo(ctx context.Context, s *session, file *os.File, header recording.Header, length time.Duration) error {
	wctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	written := make(chan error, 1)
	go func() { written <- a.recorder.Run(wctx, file, header) }()
	if length > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, length)
		defer cancel()
	}
	clear := a.recordProgress(ctx)
	var failed error
	select {
	case failed = <-written:
	case <-ctx.Done():
	case <-s.done:
	}
	if failed != nil {
		clear()
		return errors.Join(failed, s.close())
	}
	err := s.close()
	stop()
	failed = <-written
	clear()
	if failed == nil {
		failed = file.Sync()
	}
	return errors.Join(failed, err)
}

// recordProgress draws how far the recording is on a terminal, until clear is called.
func (a *app) recordProgress(ctx context.Context) (clear func()) {
	if !isTerminal(a.errOut) {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		t := time.NewTicker(progressEvery)
		defer t.Stop()
		for {
			select {
			case <-ctx.Done():
				fmt.Fprint(a.errOut, "\r\x1b[K")
				return
			case <-t.C:
				line := "recording: " + progressOf(a.recorder.Stats()) + " · ctrl-c ends it"
				fmt.Fprint(a.errOut, "\r\x1b[K"+cut(line, terminalWidth(a.errOut)-1))
			}
		}
	}()
	return func() { cancel(); <-done }
}

// progressOf is "35s: 61 kinds, 2345 objects, 678 events, 1.2 MiB".
func progressOf(s recording.Stats) string {
	text := fmt.Sprintf("%s: %s, %s, %s, %s", s.Took.Round(time.Second),
		many(s.Scopes, "kind"), many(s.Objects, "object"), many(s.Events, "event"), sizeText(s.Written))
	if s.Failures > 0 {
		text += ", " + many(s.Failures, "failure") + " of the server"
	}
	return text
}

// sizeText writes bytes in binary units: "1.2 MiB".
func sizeText(n uint64) string {
	switch {
	case n < 1<<10:
		return fmt.Sprintf("%d bytes", n)
	case n < 1<<20:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	default:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	}
}

func many[T int | uint64](n T, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// mayCreate refuses a file that is there.
func mayCreate(path string, force bool) error {
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return fmt.Errorf("recording: %s is a directory; name a file", path)
	case err == nil && info.Mode()&fs.ModeNamedPipe != 0: // opening it would wait for a reader
		return fmt.Errorf("recording: %s is a pipe; name a file", path)
	}
	if force || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		return fmt.Errorf("recording: %s is there already; --force overwrites it", path)
	}
	return fmt.Errorf("recording: %w", err)
}

func create(path string, force bool) (*os.File, error) {
	mode := os.O_CREATE | os.O_WRONLY | os.O_EXCL
	if force {
		mode = os.O_CREATE | os.O_WRONLY | os.O_TRUNC
	}
	f, err := os.OpenFile(path, mode, 0o600) //nolint:gosec // the file a person named
	if errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("recording: %s is there already; --force overwrites it", path)
	}
	if err != nil {
		return nil, fmt.Errorf("recording: %w", err)
	}
	return f, nil
}

// anyOf selects some kinds by name.
func anyOf(names []string) func(engine.Served) []*watch.Kind {
	return func(served engine.Served) []*watch.Kind {
		var out []*watch.Kind
		for _, n := range names {
			if k := served.Kind(n); k != nil && !slices.Contains(out, k) {
				out = append(out, k)
			}
		}
		return out
	}
}
