package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
)

// simCommand serves the simulated cluster on loopback until interrupted.
func (a *app) simCommand() *cobra.Command {
	objects, churn, addr := defaultDemoObjects, 5.0, "127.0.0.1:0"
	var seed uint64 = 1
	cmd := &cobra.Command{
		Use:   "sim",
		Short: "Serve a simulated cluster on loopback; its kubeconfig goes to stdout",
		Example: `  orka sim > /tmp/sim.kubeconfig &
  kubectl --kubeconfig /tmp/sim.kubeconfig get pods -A`,
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if objects < 1 || objects > maxDemoObjects {
				return usagef("sim: --objects %d: want a number from 1 to %d", objects, maxDemoObjects)
			}
			if churn < 0 || churn > 100000 {
				return usagef("sim: --churn %g: want changes per second from 0 to 100000", churn)
			}
			sim, err := startSim(cmd.Context(), simOptions{objects: objects, churn: churn, seed: seed, addr: addr})
			if err != nil {
				return err
			}
			if _, err := a.out.Write(sim.kubeconfig()); err != nil {
				return errors.Join(err, sim.close())
			}
			fmt.Fprintf(a.errOut, "serving %d objects at %s, %g changes a second, seed %d; ctrl-c ends it\n", objects, sim.url(), churn, seed)
			select {
			case <-cmd.Context().Done():
			case <-sim.done: // the churn failed
			}
			return sim.close()
		},
	}
	f := cmd.Flags()
	f.IntVar(&objects, "objects", objects, "number of objects")
	f.Float64Var(&churn, "churn", churn, "changes per second")
	f.Uint64Var(&seed, "seed", seed, "seed of objects and churn: the same seed gives the same cluster")
	f.StringVar(&addr, "addr", addr, "address to listen on")
	return cmd
}
