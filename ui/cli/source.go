package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sort"
	"strings"

	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"

	"orka/ui"
	"orka/watch"
	"orka/watch/kube"
)

// source is where objects come from: a cluster of the kubeconfig, the embedded simulated one, or a recording.
type source struct {
	client    *kube.Client
	info      ui.Info
	namespace string // the context's
	close     func()
}

// clusterDefault is the server that client-go falls back to where nothing is configured; nobody means it.
const clusterDefault = "http://localhost:8080"

// clusterFlags choose a cluster.
var clusterFlags = []string{"kubeconfig", "context", "cluster", "user", "server"}

// noCluster refuses flags that choose a cluster beside one that chooses another source: whoever gave both would read the one
// as the other.
func (a *app) noCluster(flag string) error {
	for _, name := range clusterFlags {
		if a.changed(name) {
			return usagef("%s and --%s: one of them", flag, name)
		}
	}
	return nil
}

// open connects to the chosen source; contextName "" is the current context. Nothing is sent yet.
func (a *app) open(ctx context.Context, contextName string) (*source, error) {
	if a.replay.file != "" {
		if err := a.noCluster("--replay"); err != nil {
			return nil, err
		}
		return a.openReplay()
	}
	if a.replay.speed.given {
		return nil, usagef("--replay-speed: there is no --replay FILE to play")
	}
	if a.demo.on {
		if err := a.noCluster("--demo"); err != nil {
			return nil, err
		}
		return a.openDemo(ctx)
	}
	loader := a.flagsFor(contextName).ToRawKubeConfigLoader()
	raw, err := loader.RawConfig()
	if err != nil {
		return nil, kubeconfigError(err)
	}
	cfg, err := loader.ClientConfig()
	if err != nil {
		return nil, a.configError(err, &raw, contextName)
	}
	if len(raw.Clusters) == 0 && *a.kube.APIServer == "" && cfg.Host == clusterDefault {
		return nil, a.configError(clientcmd.ErrEmptyConfig, &raw, contextName)
	}
	if a.onScreen && cfg.ExecProvider != nil {
		// A plugin that asks for a password would fight with the screen for the keys.
		cfg.ExecProvider.StdinUnavailable = true
		cfg.ExecProvider.StdinUnavailableMessage = "the terminal belongs to orka's screen; log in with kubectl first"
	}
	namespace, _, err := loader.Namespace()
	if err != nil {
		return nil, kubeconfigError(err)
	}
	client, err := a.newClient(cfg)
	if err != nil {
		return nil, err
	}
	return &source{client: client, info: a.infoOf(&raw, cfg, contextName), namespace: namespace, close: client.CloseIdle}, nil
}

// flagsFor are the kube flags for a context chosen on screen: --cluster, --user and -n belong to the one the program
// was started with and are left out.
func (a *app) flagsFor(contextName string) *genericclioptions.ConfigFlags {
	if contextName == "" {
		return a.kube
	}
	f := genericclioptions.NewConfigFlags(true)
	f.KubeConfig, f.Context = a.kube.KubeConfig, &contextName
	f.Impersonate, f.ImpersonateUID, f.ImpersonateGroup = a.kube.Impersonate, a.kube.ImpersonateUID, a.kube.ImpersonateGroup
	f.DisableCompression = a.kube.DisableCompression
	return f
}

func (a *app) newClient(cfg *rest.Config) (*kube.Client, error) {
	client, err := kube.New(cfg, kube.Options{
		Limits:    kube.Limits{MaxLabels: a.cfg.MaxLabels, MaxAnnos: a.cfg.MaxAnnos},
		Logger:    a.cfg.Logger,
		UserAgent: "orka/" + buildVersion(),
		Recorder:  a.recorder,
	})
	if err != nil {
		return nil, fmt.Errorf("cluster configuration: %w", err)
	}
	return client, nil
}

// infoOf is what the header shows of the connection.
func (a *app) infoOf(raw *api.Config, cfg *rest.Config, contextName string) ui.Info {
	if contextName == "" {
		contextName = raw.CurrentContext
		if *a.kube.Context != "" {
			contextName = *a.kube.Context
		}
	}
	info := ui.Info{
		Context:       watch.Sanitize(contextName),
		Cluster:       watch.Sanitize(cfg.Host),
		Version:       buildVersion(),
		ReadOnly:      a.cfg.ReadOnlyIn(contextName),
		Impersonating: watch.Sanitize(cfg.Impersonate.UserName),
	}
	if c := raw.Contexts[contextName]; c != nil {
		info.User = watch.Sanitize(c.AuthInfo)
	}
	return info
}

// configError turns clientcmd's errors into ones that name the way out.
func (a *app) configError(err error, raw *api.Config, contextName string) error {
	if contextName == "" {
		contextName = *a.kube.Context
	}
	unknown := func(what, name string, names []string) error {
		return fmt.Errorf("%s %q is not in the kubeconfig%s; it has: %s", what, cutName(name), didYouMean(name, names), orNothing(strings.Join(names, ", ")))
	}
	switch {
	case clientcmd.IsEmptyConfig(err):
		return errors.New("no cluster is configured: " + a.kubeconfigPlaces() +
			".\nPass --kubeconfig FILE, set KUBECONFIG, or try `orka --demo` for a simulated cluster")
	case clientcmd.IsContextNotFound(err) || (contextName != "" && raw.Contexts[contextName] == nil):
		return unknown("context", contextName, names(raw.Contexts))
	case *a.kube.ClusterName != "" && raw.Clusters[*a.kube.ClusterName] == nil:
		return unknown("cluster", *a.kube.ClusterName, names(raw.Clusters))
	case *a.kube.AuthInfoName != "" && raw.AuthInfos[*a.kube.AuthInfoName] == nil:
		return unknown("user", *a.kube.AuthInfoName, names(raw.AuthInfos))
	default:
		return kubeconfigError(err)
	}
}

// kubeconfigPlaces says where a kubeconfig was looked for.
func (a *app) kubeconfigPlaces() string {
	if f := *a.kube.KubeConfig; f != "" {
		return f + " holds no cluster"
	}
	if env, ok := a.lookupEnv(clientcmd.RecommendedConfigPathEnvVar); ok && env != "" {
		return "KUBECONFIG is " + env + ", which holds no cluster"
	}
	return "KUBECONFIG is not set and " + clientcmd.RecommendedHomeFile + " holds no cluster"
}

func kubeconfigError(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("kubeconfig: %w; pass an existing file to --kubeconfig or KUBECONFIG, or try `orka --demo`", err)
	}
	return fmt.Errorf("kubeconfig: %w", err)
}

// names lists the names of one part of a kubeconfig.
func names[T any](part map[string]T) []string {
	out := make([]string, 0, len(part))
	for n := range part {
		out = append(out, watch.Sanitize(n))
	}
	sort.Strings(out)
	return out
}

func orNothing(s string) string {
	if s == "" {
		return "nothing"
	}
	return s
}
