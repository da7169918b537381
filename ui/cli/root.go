package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/klog/v2"

	"orka/engine"
	"orka/watch/recording"
)

// gcPercent is how much garbage may gather, in percent of what is in use, where GOGC doesn't say.
const gcPercent = 50

// Main runs orka with the process's own arguments and streams and returns its exit code.
func Main() int {
	// What is kept lives long and garbage comes in bursts of relists: a smaller reserve costs little time.
	if _, set := os.LookupEnv("GOGC"); !set {
		debug.SetGCPercent(gcPercent)
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	signals := make(chan os.Signal, 1)
	// A terminal that closes and a ctrl-\ end the program as ctrl-c does, so that the terminal is left as it was.
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	klog.SetSlogLogger(slog.New(slog.DiscardHandler)) // client-go's remarks; what matters comes back as errors
	a := newApp(os.Stdin, os.Stdout, os.Stderr, os.LookupEnv)
	go func() {
		s := <-signals
		for a.away.Load() && (s == os.Interrupt || s == syscall.SIGQUIT) {
			s = <-signals // meant for the editor
		}
		signal.Stop(signals) // a second ctrl-c ends a process that hangs
		cancel(&signalError{s})
	}()
	return a.run(ctx, filepath.Base(os.Args[0]), os.Args[1:])
}

// Run is Main on given arguments, streams and environment.
func Run(ctx context.Context, name string, args []string, in io.Reader, out, errOut io.Writer, lookupEnv func(string) (string, bool)) int {
	return newApp(in, out, errOut, lookupEnv).run(ctx, name, args)
}

func newApp(in io.Reader, out, errOut io.Writer, lookupEnv func(string) (string, bool)) *app {
	return &app{in: in, out: out, errOut: errOut, lookupEnv: lookupEnv, kube: genericclioptions.NewConfigFlags(true), aliases: map[string]string{}}
}

func (a *app) run(ctx context.Context, name string, args []string) int {
	in, out, errOut := a.in, a.out, a.errOut
	root := a.rootCommand(programName(name))
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errOut)
	err := execute(ctx, root)
	code := exitCode(ctx, err)
	if err != nil && code == ExitError && oneIsAnswer(root, args) {
		var own *exitError
		if !errors.As(err, &own) {
			code = ExitPartial
		}
	}
	if text := errorText(err); text != "" && !errors.Is(context.Cause(ctx), errInterrupted) {
		fmt.Fprintf(errOut, "%s: %s\n", programName(name), text)
		var bug *panicError
		if errors.As(err, &bug) && a.cfg.LogLevel <= slog.LevelDebug {
			fmt.Fprintf(errOut, "%s\n", bug.stack)
		}
		var usage usageError
		if errors.As(err, &usage) {
			fmt.Fprintf(errOut, "Run '%s --help' for usage.\n", programName(name))
		}
	}
	return code
}

// oneIsAnswer reports whether the command that the arguments name says something by ExitDiffers.
func oneIsAnswer(root *cobra.Command, args []string) bool {
	cmd, _, err := root.Find(args)
	return err == nil && cmd.Annotations[oneDiffers] != ""
}

// execute runs the command; a panic comes back as an error, so that a person reads what happened and not a trace.
func execute(ctx context.Context, root *cobra.Command) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &panicError{value: v, stack: debug.Stack()}
		}
	}()
	return root.ExecuteContext(ctx)
}

// programName makes "kubectl orka" of a kubectl plugin's file name.
func programName(file string) string {
	file = strings.TrimSuffix(file, ".exe")
	switch file {
	case "kubectl-orka", "kubectl_orka":
		return "kubectl orka"
	case "orkactl":
		return "orkactl"
	default:
		return "orka"
	}
}

// app is what all commands share.
type app struct {
	in        io.Reader
	out       io.Writer
	errOut    io.Writer
	lookupEnv func(string) (string, bool)

	kube          *genericclioptions.ConfigFlags
	demo          demoFlag
	replay        replayFlags
	recorder      *recording.Writer // of orka record; nil elsewhere
	allNamespaces bool
	knobFlags     map[string]*string
	changed       func(flag string) bool // whether a flag was given

	aliases map[string]string // knob to the command's own flag for it, where that was given

	cfg            engine.Config
	settings       []engine.Setting
	requestTimeout time.Duration // 0 is none
	onScreen       bool          // the terminal UI has the terminal
	away           atomic.Bool   // it has given it to an editor
}

func (a *app) rootCommand(name string) *cobra.Command {
	root := &cobra.Command{
		Use:   strings.Fields(name)[len(strings.Fields(name))-1],
		Short: "Explore a Kubernetes cluster from the terminal",
		Long: `orka lists and watches every kind of a cluster and makes all of it searchable as you type.

Run it without a command for the terminal UI. It needs a kubeconfig, or --demo for an embedded
simulated cluster, or --replay with a recording.`,
		Args: a.noCommand,

		SuggestionsMinimumDistance: 2,
		SilenceErrors:              true,
		SilenceUsage:               true,
		PersistentPreRunE:          a.prepare,
		RunE:                       func(cmd *cobra.Command, _ []string) error { return a.runTerminal(cmd.Context()) },
		Annotations:                map[string]string{cobra.CommandDisplayNameAnnotation: name},
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	a.addFlags(root)
	root.AddCommand(
		a.bounded(a.discoverCommand()), a.bounded(a.lsCommand()), a.watchCommand(), a.bounded(a.getCommand()), a.bounded(a.searchCommand()),
		a.bounded(a.diffCommand()), a.bounded(a.editCommand()), a.lastAppliedCommand(),
		a.recordCommand(), a.statsCommand(), a.simCommand(), a.versionCommand(), a.infoCommand(),
	)
	root.InitDefaultCompletionCmd(root.Name())
	return root
}

// noCommand refuses words that are no command, with what was meant perhaps.
func (a *app) noCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	hint := ""
	if s := cmd.SuggestionsFor(args[0]); len(s) > 0 {
		hint = "; did you mean " + strings.Join(s, " or ") + "?"
	}
	return usagef("unknown command %q%s", args[0], hint)
}

// args wraps a cobra argument check so that its refusal is a usage error.
func args(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, a []string) error {
		if err := check(cmd, a); err != nil {
			return usagef("%s: %w (usage: %s)", cmd.Name(), err, cmd.UseLine())
		}
		return nil
	}
}
