package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

var order = []string{"etcd", "kube-apiserver"}

// up starts what does not run yet. When it fails, what it started is stopped again.
func up(ctx context.Context, c *cluster) (err error) {
	start := time.Now()
	fresh := !c.running("etcd") && !c.running("kube-apiserver")
	if c.state.Bin, err = build(ctx); err != nil {
		return err
	}
	if fresh {
		if err := c.choosePorts(); err != nil {
			return err
		}
		defer func() {
			if err != nil {
				err = errors.Join(err, down(context.WithoutCancel(ctx), c, false))
			}
		}()
	}
	if err := errors.Join(c.makeCertificates(), c.save()); err != nil {
		return err
	}
	if err := c.writeKubeconfigs(); err != nil {
		return err
	}
	if !c.running("etcd") {
		if err := c.startEtcd(ctx); err != nil {
			return err
		}
	}
	if !c.running("kube-apiserver") {
		if err := c.startAPIServer(ctx); err != nil {
			return err
		}
	}
	if err := c.applyUsers(ctx); err != nil {
		return err
	}
	if err := c.linkKubectl(); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "control plane ready after %s: %s\nusers: reader, editor and nobody have kubeconfigs beside the administrator's; kubectl is %s\nexport KUBECONFIG=%s\n",
		time.Since(start).Round(10*time.Millisecond), c.apiURL(), c.path("kubectl"), c.kubeconfig("admin"))
	fmt.Println(c.kubeconfig("admin"))
	return nil
}

// applyUsers writes rbac.yaml. The server says it is ready a moment before its default namespaces and
// roles are there, so a failure is tried again.
func (c *cluster) applyUsers(ctx context.Context) error {
	return poll(ctx, 20*time.Second, func(ctx context.Context) error {
		cmd := exec.CommandContext(ctx, filepath.Join(c.state.Bin, "kubectl"), "--kubeconfig", c.kubeconfig("admin"),
			"apply", "--server-side", "--field-manager=controlplane", "-f", "rbac.yaml")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("kubectl apply -f rbac.yaml: %w: %s", err, out)
		}
		return nil
	})
}

// linkKubectl puts the kubectl of the server's version into the home.
func (c *cluster) linkKubectl() error {
	link := c.path("kubectl")
	if err := os.Remove(link); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return os.Symlink(filepath.Join(c.state.Bin, "kubectl"), link)
}

// down stops everything, the API server first; wipe deletes the home.
func down(ctx context.Context, c *cluster, wipe bool) error {
	for i := len(order) - 1; i >= 0; i-- {
		ran, err := c.stop(ctx, order[i])
		if err != nil {
			return err
		}
		if ran {
			fmt.Fprintln(os.Stderr, "stopped", order[i])
		}
	}
	if !wipe {
		return nil
	}
	// Only what this program makes is deleted: a home that was set by mistake may hold other things.
	for _, name := range []string{"etcd", "pki", "kubectl", "cluster.json", "lock", "etcd.log", "kube-apiserver.log"} {
		if err := os.RemoveAll(c.path(name)); err != nil {
			return err
		}
	}
	for _, u := range users {
		if err := os.RemoveAll(c.kubeconfig(u.name)); err != nil {
			return err
		}
	}
	fmt.Fprintln(os.Stderr, "deleted data, certificates and kubeconfigs of", c.home)
	_ = os.Remove(c.home) // stays when there is something else in it
	return nil
}

func status(_ context.Context, c *cluster) error {
	for _, name := range order {
		if c.running(name) {
			fmt.Printf("%-15s running, pid %d\n", name, c.state.Pids[name])
		} else {
			fmt.Printf("%-15s stopped\n", name)
		}
	}
	fmt.Printf("%-15s %s\n%-15s %s\n%-15s %s\n", "API server", c.apiURL(), "etcd", c.etcdURL(), "kubeconfig", c.kubeconfig("admin"))
	return nil
}

func stopAPIServer(ctx context.Context, c *cluster) error {
	ran, err := c.stop(ctx, "kube-apiserver")
	if err == nil && !ran {
		fmt.Fprintln(os.Stderr, "kube-apiserver did not run")
	}
	return err
}

func startAPIServer(ctx context.Context, c *cluster) error {
	if !c.running("etcd") {
		return errors.New("etcd does not run; start everything with up.sh")
	}
	if c.running("kube-apiserver") {
		return nil
	}
	return c.startAPIServer(ctx)
}

func restartAPIServer(ctx context.Context, c *cluster) error {
	if _, err := c.stop(ctx, "kube-apiserver"); err != nil {
		return err
	}
	return startAPIServer(ctx, c)
}

func compact(ctx context.Context, c *cluster) error {
	if !c.running("etcd") {
		return errors.New("etcd does not run; start everything with up.sh")
	}
	revision, err := c.compactEtcd(ctx)
	if err == nil {
		fmt.Fprintln(os.Stderr, "compacted etcd up to revision", revision)
	}
	return err
}
