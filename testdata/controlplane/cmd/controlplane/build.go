package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// programs are what is built, by package.
var programs = []struct{ name, pkg string }{
	{"etcd", "go.etcd.io/etcd/server/v3"},
	{"kube-apiserver", "k8s.io/kubernetes/cmd/kube-apiserver"},
	{"kubectl", "k8s.io/kubernetes/cmd/kubectl"},
}

// build compiles what is not compiled yet and returns the folder of the programs.
func build(ctx context.Context) (string, error) {
	kubernetes, err := moduleVersion(ctx, "k8s.io/kubernetes")
	if err != nil {
		return "", err
	}
	etcd, err := moduleVersion(ctx, "go.etcd.io/etcd/server/v3")
	if err != nil {
		return "", err
	}
	bin, err := binFolder(kubernetes + "-etcd-" + etcd)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(bin, 0o755); err != nil {
		return "", err
	}
	for _, p := range programs {
		target := filepath.Join(bin, p.name)
		if _, err := os.Stat(target); err == nil {
			continue
		}
		fmt.Fprintf(os.Stderr, "building %s (%s)\n", p.name, kubernetes)
		start := time.Now()
		if err := compile(ctx, p.pkg, target, kubernetes); err != nil {
			return "", fmt.Errorf("building %s: %w", p.name, err)
		}
		fmt.Fprintf(os.Stderr, "built %s in %s\n", target, time.Since(start).Round(time.Second))
	}
	return bin, nil
}

// compile builds one program. The file appears under its name only when it is whole.
func compile(ctx context.Context, pkg, target, kubernetes string) error {
	parts := strings.SplitN(strings.TrimPrefix(kubernetes, "v"), ".", 3)
	if len(parts) != 3 {
		return fmt.Errorf("k8s.io/kubernetes has version %q, not vMAJOR.MINOR.PATCH", kubernetes)
	}
	const x = "k8s.io/component-base/version"
	// A release build stamps its version; without it the server would call itself v0.0.0-master.
	flags := fmt.Sprintf("-s -w -X %[1]s.gitVersion=%[2]s -X %[1]s.gitMajor=%[3]s -X %[1]s.gitMinor=%[4]s -X %[1]s.gitTreeState=clean -X %[1]s.buildDate=2026-01-01T00:00:00Z",
		x, kubernetes, parts[0], parts[1])
	partial := fmt.Sprintf("%s.%d.partial", target, os.Getpid())
	defer os.Remove(partial)
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags", flags, "-o", partial, pkg)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if err := cmd.Run(); err != nil {
		return err
	}
	return os.Rename(partial, target)
}

func moduleVersion(ctx context.Context, module string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Version}}", module)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if errors.Is(err, exec.ErrNotFound) {
		return "", errors.New("no go on the PATH: install Go (https://go.dev/doc/install)")
	}
	if err != nil {
		return "", fmt.Errorf("version of %s: %w (run it through controlplane.sh)", module, err)
	}
	return strings.TrimSpace(string(out)), nil
}

func binFolder(version string) (string, error) {
	if dir := os.Getenv("ORKA_CLUSTER_BIN"); dir != "" {
		return filepath.Abs(dir)
	}
	dir, err := cacheFolder()
	return filepath.Join(dir, "controlplane", version), err
}

// cacheFolder is $XDG_CACHE_HOME/orka or ~/.cache/orka, on every system.
func cacheFolder() (string, error) {
	if dir := os.Getenv("XDG_CACHE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "orka"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("no folder for the programs: %w; set XDG_CACHE_HOME", err)
	}
	return filepath.Join(home, ".cache", "orka"), nil
}
