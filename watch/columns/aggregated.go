package columns

import (
	"encoding/json"

	"orka/watch"
)

// aggregatedKind is a kind of the control plane whose Go type is not in k8s.io/api, so that it comes as JSON.
type aggregatedKind struct {
	columns []watch.Column
	project func(raw []byte, r *row) error
}

var aggregated = map[watch.GVK]aggregatedKind{
	inGroup("apiregistration.k8s.io", "v1", "APIService"): {
		columns: cols(nameColumn, text("SERVICE"), text("AVAILABLE"), ageColumn),
		project: projectAPIService,
	},
}

// projectAPIService follows kube-aggregator's table convertor.
func projectAPIService(raw []byte, r *row) error {
	var a struct {
		Spec struct {
			Group, Version string
			Service        *struct{ Namespace, Name string }
		}
		Status struct {
			Conditions []struct{ Type, Status, Reason string }
		}
	}
	if err := json.Unmarshal(raw, &a); err != nil {
		return err
	}
	service := "Local"
	if s := a.Spec.Service; s != nil {
		service = s.Namespace + "/" + s.Name
	}
	available, cell := "Unknown", "Unknown"
	for _, c := range a.Status.Conditions {
		if c.Type != "Available" {
			continue
		}
		available, cell = c.Status, c.Status
		if c.Status != "True" && c.Reason != "" {
			cell += " (" + c.Reason + ")"
		}
		r.setStatus(readiness("Available", c.Status, c.Reason))
		break
	}
	r.name()
	r.text(service)
	r.text(cell)
	r.age()
	r.health = reached(available == "False", available == "True")
	r.field("spec.group", a.Spec.Group)
	r.field("spec.service", service)
	r.field("spec.version", a.Spec.Version)
	r.field("status.conditions.Available", available)
	return nil
}
