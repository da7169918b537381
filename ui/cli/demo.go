package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/client-go/rest"

	"orka/ui"
	"orka/watch/sim"
	"orka/watch/sim/cluster"
)

// demoChurn is how many changes a second the demo makes: enough to see the screen live, little enough to read it.
const demoChurn = 5.0

// demoQuiet is up to how many objects the demo is there before a person wonders.
const demoQuiet = 10_000

// simOptions say what simulated cluster to run.
type simOptions struct {
	objects int
	churn   float64 // changes per second
	seed    uint64
	addr    string // to serve on over TCP; "" is memory only
}

// simulation is a running simulated cluster.
type simulation struct {
	server *sim.Server
	addr   string // over TCP
	cancel context.CancelFunc
	done   chan struct{} // closed when the churn has ended
	err    error         // of the churn; read after done
}

// startSim generates the cluster, serves it, and churns it until close.
func startSim(ctx context.Context, o simOptions) (*simulation, error) {
	c, err := cluster.New(cluster.Config{Seed: o.seed, Objects: o.objects, Now: time.Now()})
	if err != nil {
		return nil, fmt.Errorf("simulated cluster: %w", err)
	}
	server := sim.New(sim.Config{Seed: o.seed})
	if _, err := server.Load(c.Objects()); err != nil {
		server.Close()
		return nil, fmt.Errorf("simulated cluster: %w", err)
	}
	addr := ""
	if o.addr != "" {
		a, err := server.Start(o.addr)
		if err != nil {
			server.Close()
			return nil, fmt.Errorf("simulated cluster at %s: %w", o.addr, err)
		}
		addr = a.String()
	}
	churn, err := cluster.NewChurn(c, o.seed, server)
	if err != nil {
		server.Close()
		return nil, fmt.Errorf("simulated cluster: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	s := &simulation{server: server, addr: addr, cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(s.done)
		if o.churn == 0 {
			<-ctx.Done()
			return
		}
		s.err = churn.Run(ctx, o.churn)
	}()
	return s, nil
}

func (s *simulation) url() string { return "http://" + s.addr }

func (s *simulation) kubeconfig() []byte { return s.server.Kubeconfig() }

// close ends churn and server and returns why the churn ended, if not for that.
func (s *simulation) close() error {
	s.cancel()
	<-s.done
	s.server.Close()
	return s.err
}

// demoContext stands for the kubeconfig's context, which the demo has none of.
const demoContext = "demo"

// openDemo makes a source of an embedded simulated cluster; the real client talks to it over memory.
func (a *app) openDemo(ctx context.Context) (*source, error) {
	if a.demo.objects > demoQuiet && isTerminal(a.errOut) {
		fmt.Fprintf(a.errOut, "generating %d objects…\n", a.demo.objects)
	}
	sim, err := startSim(ctx, simOptions{objects: a.demo.objects, churn: demoChurn, seed: 1})
	if err != nil {
		return nil, err
	}
	client, err := a.newClient(&rest.Config{Host: sim.server.Host(), Dial: sim.server.Dial})
	if err != nil {
		return nil, errors.Join(err, sim.close())
	}
	return &source{
		client:    client,
		info:      ui.Info{Context: demoContext, Cluster: "simulated", User: "demo", Version: buildVersion(), ReadOnly: a.cfg.ReadOnlyIn(demoContext)},
		namespace: "default",
		close: func() {
			client.CloseIdle()
			if err := sim.close(); err != nil {
				a.cfg.Logger.Error("the demo's churn ended early", "err", err)
			}
		},
	}, nil
}
