// Command controlplane builds, starts and stops a real Kubernetes control plane on loopback: etcd and
// kube-apiserver, compiled from their Go modules at the versions of this module's go.mod, and kubectl.
//
// It needs Go and nothing else. There are no controllers and no kubelet: objects stay as they are
// written, service accounts are not required of pods, and a deleted namespace stays Terminating.
//
// Several control planes can stand side by side, each in a home of its own. Every process listens on
// 127.0.0.1, on ports the system had free.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

const usage = `usage: controlplane.sh COMMAND    (or the script of that name)

  build              compile etcd, kube-apiserver and kubectl (the first time takes minutes)
  up                 start, and print the administrator's kubeconfig
  down [-w]          stop; -w also deletes the home with all data and certificates
  status             what runs, and where
  stop-apiserver     stop the API server alone; watches break, etcd keeps the data
  start-apiserver    start it again
  restart-apiserver  both; its watch cache begins anew
  compact            compact etcd up to now, so that older resourceVersions are gone (410)

environment:
  ORKA_CLUSTER_HOME   state, logs, kubeconfigs (default: orka/cluster in the user's cache folder);
                      ORKA_E2E_HOME, which the integration tests set, comes before it
  ORKA_CLUSTER_BIN    programs (default: orka/controlplane/VERSION in the user's cache folder)
  ORKA_CLUSTER_ARGS   further flags of kube-apiserver, separated by spaces
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1:])
	if err == nil {
		return
	}
	fmt.Fprintln(os.Stderr, "controlplane:", err)
	if errors.Is(err, errUsage) {
		os.Exit(2)
	}
	os.Exit(1)
}

var errUsage = errors.New("no such command; see the usage above")

func run(ctx context.Context, args []string) error {
	command, rest := "", []string(nil)
	if len(args) > 0 {
		command, rest = args[0], args[1:]
	}
	wipe := command == "down" && len(rest) == 1 && rest[0] == "-w"
	if len(rest) > 0 && !wipe {
		fmt.Fprint(os.Stderr, usage)
		return errUsage
	}
	if command == "build" {
		_, err := build(ctx)
		return err
	}
	commands := map[string]func(context.Context, *cluster) error{
		"up":                up,
		"down":              func(ctx context.Context, c *cluster) error { return down(ctx, c, wipe) },
		"status":            status,
		"stop-apiserver":    stopAPIServer,
		"start-apiserver":   startAPIServer,
		"restart-apiserver": restartAPIServer,
		"compact":           compact,
	}
	do, ok := commands[command]
	if !ok {
		fmt.Fprint(os.Stderr, usage)
		return errUsage
	}
	c, err := open(command == "up")
	if errors.Is(err, os.ErrNotExist) && (command == "down" || command == "status") {
		fmt.Fprintln(os.Stderr, "no control plane there")
		return nil
	}
	if err != nil {
		return err
	}
	defer c.close()
	return do(ctx, c)
}
