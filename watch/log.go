package watch

// logChange writes what a person would ask about afterwards: phases, restarts and relists, each with its reason.
func (w *Watcher) logChange(was, now *Status) {
	if now.Relists != was.Relists {
		w.log.Info("relist", "reason", now.Reason, "relists", now.Relists)
	}
	if now.Restarts != was.Restarts {
		w.log.Info("stream ended", "reason", now.Reason, "err", now.Err, "restarts", now.Restarts)
	}
	if now.Phase == was.Phase {
		return
	}
	args := []any{"from", was.Phase, "to", now.Phase, "reason", now.Reason}
	if now.Err != "" {
		args = append(args, "err", now.Err)
	}
	if !now.RetryAt.IsZero() {
		args = append(args, "attempt", now.Attempt, "retryAt", now.RetryAt)
	}
	w.log.Info("phase", args...)
}
