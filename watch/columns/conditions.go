package columns

import (
	"strings"

	"orka/watch"
)

// condition is one of status.conditions, as nearly every kind has them.
type condition struct{ kind, status, reason string }

// Conditions that sum up an object when they are True, the most telling first; the first that is there is
// the object's status.
var summaryConditions = []string{"Ready", "Available", "Synced", "Healthy", "Programmed", "Accepted", "Reconciled", "Established", "Succeeded", "Complete"}

// Conditions that are bad news when they are True.
var adverseConditions = []string{"Stalled", "Degraded", "Failed", "Failure", "Error", "ReconcileError", "ReplicaFailure"}

// Conditions that say, when True, that a controller is at work.
var busyConditions = []string{"Progressing", "Reconciling", "Updating", "Issuing", "Creating", "Deleting"}

// readiness is a condition in a word: "Ready", "NotReady: reason", "Unknown: reason".
func readiness(kind, status, reason string) string {
	word := "Unknown"
	switch status {
	case "True":
		return kind
	case "False":
		word = "Not" + kind
	}
	if reason == "" {
		return word
	}
	return word + ": " + reason
}

// judge is status and health by conditions; found is false when none of them sums up the object. outdated is
// set when its controller has not seen the current spec yet.
func judge(conditions []condition, outdated bool) (status string, health watch.Health, found bool) {
	busy := false
	for _, name := range busyConditions {
		c := findCondition(conditions, name)
		busy = busy || c != nil && c.status == "True"
	}
	for _, name := range summaryConditions {
		c := findCondition(conditions, name)
		if c == nil {
			continue
		}
		verdict := watch.HealthProgressing
		switch {
		case c.status == "True":
			verdict = watch.HealthOK
		case c.status == "False" && !busy && !outdated:
			verdict = watch.HealthBad
		}
		// The first one names the status, unless a later one is worse.
		if !found || verdict == watch.HealthBad && health != watch.HealthBad {
			status, health, found = readiness(c.kind, c.status, c.reason), verdict, true
		}
	}
	for _, name := range adverseConditions {
		if c := findCondition(conditions, name); c != nil && c.status == "True" {
			if health != watch.HealthBad {
				status = readiness(c.kind, c.status, "")
				if c.reason != "" {
					status += ": " + c.reason
				}
			}
			return status, watch.HealthBad, true
		}
	}
	if health == watch.HealthOK && outdated {
		health = watch.HealthProgressing
	}
	return status, health, found
}

func findCondition(conditions []condition, kind string) *condition {
	for i := range conditions {
		if conditions[i].kind == kind {
			return &conditions[i]
		}
	}
	return nil
}

// phaseHealth reads a word of status.phase or status.state. A word nobody agreed on says nothing.
func phaseHealth(phase string) watch.Health {
	switch strings.ToLower(phase) {
	case "ready", "running", "active", "available", "bound", "healthy", "synced", "succeeded", "success", "successful",
		"complete", "completed", "deployed", "established", "installed", "online", "ok", "valid", "issued", "enabled":
		return watch.HealthOK
	case "failed", "failure", "error", "errored", "degraded", "unhealthy", "lost", "crashloopbackoff", "invalid", "offline",
		"notready", "unavailable", "expired", "rejected", "denied", "stalled":
		return watch.HealthBad
	case "pending", "creating", "progressing", "provisioning", "initializing", "starting", "installing", "updating", "upgrading",
		"scaling", "reconciling", "deleting", "terminating", "waiting", "queued", "inprogress", "in progress", "new":
		return watch.HealthProgressing
	}
	return watch.HealthUnknown
}
