package cli

import (
	"context"
	"sort"

	"orka/ui"
	"orka/watch"
)

// contexts lists the kubeconfig's contexts and moves the terminal UI from one to another.
type contexts struct {
	app     *app
	ctx     context.Context //nolint:containedctx // of the program: an engine outlives the call that starts it
	current *session
}

func (c *contexts) List() ([]ui.Context, error) {
	raw, err := c.app.kube.ToRawKubeConfigLoader().RawConfig()
	if err != nil {
		return nil, kubeconfigError(err)
	}
	out := make([]ui.Context, 0, len(raw.Contexts))
	for name, entry := range raw.Contexts {
		row := ui.Context{
			Name:      name,
			User:      watch.Sanitize(entry.AuthInfo),
			Namespace: watch.Sanitize(entry.Namespace),
			Current:   watch.Sanitize(name) == c.current.source.info.Context,
		}
		if cluster := raw.Clusters[entry.Cluster]; cluster != nil {
			row.Cluster = watch.Sanitize(cluster.Server)
		}
		out = append(out, row)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out, nil
}

// Switch starts an engine on another context, then ends the one before: when the new one can't be had, the old
// one goes on.
func (c *contexts) Switch(_ context.Context, name string) (ui.Engine, ui.Info, error) {
	src, err := c.app.open(c.ctx, name)
	if err != nil {
		return nil, ui.Info{}, err
	}
	next, err := c.app.startOn(c.ctx, src, nil)
	if err != nil {
		src.close()
		return nil, ui.Info{}, err
	}
	old := c.current
	c.current = next
	if err := old.close(); err != nil {
		c.app.cfg.Logger.Warn("engine of the context before ended badly", "err", err)
	}
	return next, src.info, nil
}
