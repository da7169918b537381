package columns

import (
	"encoding/json"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

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
	inGroup("apiextensions.k8s.io", "v1", "CustomResourceDefinition"): {
		columns: createdColumns,
		project: projectRawCustomResourceDefinition,
	},
}

// projectRawCustomResourceDefinition reads what the table shows and leaves the schemas, which are most of the
// object, undecoded.
func projectRawCustomResourceDefinition(raw []byte, r *row) error {
	var c struct {
		Metadata struct {
			Name              string      `json:"name"`
			CreationTimestamp metav1.Time `json:"creationTimestamp"`
		} `json:"metadata"`
		Spec struct {
			Group string `json:"group"`
			Scope string `json:"scope"`
			Names struct {
				Kind string `json:"kind"`
			} `json:"names"`
			Versions []struct {
				Name   string `json:"name"`
				Served bool   `json:"served"`
			} `json:"versions"`
		} `json:"spec"`
		Status struct {
			Conditions []apiextensionsv1.CustomResourceDefinitionCondition `json:"conditions"`
		} `json:"status"`
	}
	if err := json.Unmarshal(raw, &c); err != nil {
		return err
	}
	crd := apiextensionsv1.CustomResourceDefinition{}
	crd.Name, crd.CreationTimestamp = c.Metadata.Name, c.Metadata.CreationTimestamp
	crd.Spec.Group, crd.Spec.Names.Kind, crd.Spec.Scope = c.Spec.Group, c.Spec.Names.Kind, apiextensionsv1.ResourceScope(c.Spec.Scope)
	for _, v := range c.Spec.Versions {
		crd.Spec.Versions = append(crd.Spec.Versions, apiextensionsv1.CustomResourceDefinitionVersion{Name: v.Name, Served: v.Served})
	}
	crd.Status.Conditions = c.Status.Conditions
	projectCustomResourceDefinition(&crd, r)
	return nil
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
