package columns

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"

	"orka/watch"
)

var widgetKind = &watch.Kind{
	GVK: watch.GVK{Group: "example.org", Version: "v1", Kind: "Widget"},
	Columns: []watch.Column{
		{Name: "NAME", Type: watch.ColumnName},
		{Name: "SIZE", Type: watch.ColumnNumber, Path: ".spec.size"},
		{Name: "RATIO", Type: watch.ColumnDecimal, Path: ".spec.ratio"},
		{Name: "ON", Type: watch.ColumnBoolean, Path: ".spec.on"},
		{Name: "HOSTS", Path: ".spec.hosts"},
		{Name: "FIRST", Path: ".spec.hosts[0]"},
		{Name: "READY", Path: `.status.conditions[?(@.type=="Ready")].status`},
		{Name: "SYNCED AT", Type: watch.ColumnSince, Path: ".status.syncedAt"},
		{Name: "AGE", Type: watch.ColumnAge, Path: ".metadata.creationTimestamp"},
		{Name: "OWNER", Path: `.metadata.annotations.example\.org/owner`, Wide: true},
	},
}

func TestProjectJSON(t *testing.T) {
	raw := `{
	  "apiVersion": "example.org/v1", "kind": "Widget",
	  "metadata": {"name": "w", "creationTimestamp": "2026-03-01T11:00:00Z", "annotations": {"example.org/owner": "team\u0020<a>\u202e"}, "generation": 2},
	  "spec": {"size": 3, "ratio": 1.5, "on": true, "hosts": ["a.example", "b.example"]},
	  "status": {"observedGeneration": 2, "syncedAt": "2026-03-01T11:58:00Z", "phase": "Pending",
	    "conditions": [{"type": "Ready", "status": "True", "reason": "Up"}, {"type": "Synced", "status": "True"}]}
	}`
	p, err := ProjectJSON(widgetKind, []byte(raw), nil)
	if err != nil {
		t.Fatal(err)
	}
	o := &watch.Object{Name: "w", Created: now.Add(-time.Hour).Unix(), Cells: p.Cells}
	var cells []string
	for i, c := range widgetKind.Columns {
		cells = append(cells, Render(c, i, o, now))
	}
	want := []string{"w", "3", "1.5", "true", `["a.example","b.example"]`, "a.example", "True", "2m", "60m", `team <a>\u202e`}
	if diff := cmp.Diff(want, cells); diff != "" {
		t.Errorf("cells: -want +got\n%s", diff)
	}
	if p.Status != "Ready" || p.Health != watch.HealthOK {
		t.Errorf("status %q, %v", p.Status, p.Health)
	}
	fields := map[string]string{}
	for k, v := range p.Fields.All() {
		fields[k] = v
	}
	wantFields := map[string]string{
		"metadata.annotations.example.org/owner": `team <a>\u202e`, "spec.size": "3", "spec.ratio": "1.5", "spec.on": "true",
		"spec.hosts": `["a.example","b.example"]`, "status.conditions.Ready": "True", "status.conditions.Synced": "True",
		"status.conditions.Ready.status": "True", "status.syncedAt": "2026-03-01T11:58:00Z", "status.phase": "Pending",
	}
	if diff := cmp.Diff(wantFields, fields); diff != "" {
		t.Errorf("fields: -want +got\n%s", diff)
	}
}

// TestProjectJSONCells holds what the server makes of values that are missing or of another type.
func TestProjectJSONCells(t *testing.T) {
	tests := []struct{ raw, want string }{
		{`{}`, "\x1f\x1f\x1f\x1f\x1f\x1f\x1f\x1f\x1f"},
		{`{"spec":null,"status":[]}`, "\x1f\x1f\x1f\x1f\x1f\x1f\x1f\x1f\x1f"},
		{`{"spec":{"size":"3","on":null},"status":{"syncedAt":"yesterday"}}`, "\x1f\x1f\x1f\x1f\x1f\x1f\x1f<invalid>\x1f\x1f"},
		{`{"spec":{"size":3.9,"on":"yes","hosts":null}}`, "\x1f3\x1f\x1f\x1f<no value>\x1f\x1f\x1f\x1f\x1f"},
		{`{"spec":{"size":-7,"ratio":12345678.5},"status":{"syncedAt":""}}`, "\x1f-7\x1f1.23456785e+07\x1f\x1f\x1f\x1f\x1f<unknown>\x1f\x1f"},
	}
	for _, tt := range tests {
		p, err := ProjectJSON(widgetKind, []byte(tt.raw), nil)
		if err != nil || string(p.Cells) != tt.want {
			t.Errorf("%s: cells %q, %v; want %q", tt.raw, p.Cells, err, tt.want)
		}
	}
}

func TestProjectJSONHealth(t *testing.T) {
	condition := func(kind, status, reason string) string {
		return fmt.Sprintf(`{"type":%q,"status":%q,"reason":%q}`, kind, status, reason)
	}
	tests := []struct {
		name, status string // the JSON of status
		want         string
		health       watch.Health
	}{
		{"nothing", `{}`, "", watch.HealthUnknown},
		{"ready", condition("Ready", "True", ""), "Ready", watch.HealthOK},
		{"not ready", condition("Ready", "False", "NoQuorum"), "NotReady: NoQuorum", watch.HealthBad},
		{"not ready, no reason", condition("Ready", "False", ""), "NotReady", watch.HealthBad},
		{"unknown", condition("Ready", "Unknown", "Wait"), "Unknown: Wait", watch.HealthProgressing},
		{"not ready but at work", condition("Ready", "False", "Rolling") + "," + condition("Reconciling", "True", ""), "NotReady: Rolling", watch.HealthProgressing},
		{"ready, not synced", condition("Ready", "True", "") + "," + condition("Synced", "False", "ReconcileError"), "NotSynced: ReconcileError", watch.HealthBad},
		{"available", condition("Available", "True", ""), "Available", watch.HealthOK},
		{"ready and stalled", condition("Ready", "True", "") + "," + condition("Stalled", "True", "Quota"), "Stalled: Quota", watch.HealthBad},
		{"succeeded", condition("Succeeded", "Unknown", "Running"), "Unknown: Running", watch.HealthProgressing},
		{"a condition nobody knows", condition("Painted", "False", ""), "", watch.HealthUnknown},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			status := tt.status
			if status != "{}" {
				status = `{"conditions":[` + status + `]}`
			}
			p, err := ProjectJSON(widgetKind, []byte(`{"status":`+status+`}`), nil)
			if err != nil || p.Status != tt.want || p.Health != tt.health {
				t.Errorf("status %q, %v, %v; want %q, %v", p.Status, p.Health, err, tt.want, tt.health)
			}
		})
	}
	for raw, want := range map[string]Projection{
		`{"status":{"phase":"Failed"}}`:                             {Status: "Failed", Health: watch.HealthBad},
		`{"status":{"state":"running"}}`:                            {Status: "running", Health: watch.HealthOK},
		`{"status":{"phase":"Purple"}}`:                             {Status: "Purple", Health: watch.HealthUnknown},
		`{"status":{"phase":{"x":1}}}`:                              {},
		`{"metadata":{"deletionTimestamp":"2026-03-01T11:00:00Z"}}`: {Status: "Terminating", Health: watch.HealthProgressing},
		`{"metadata":{"generation":3},"status":{"observedGeneration":2,"conditions":[{"type":"Ready","status":"True"}]}}`: {Status: "Ready", Health: watch.HealthProgressing},
	} {
		p, err := ProjectJSON(widgetKind, []byte(raw), nil)
		if err != nil || p.Status != want.Status || p.Health != want.Health {
			t.Errorf("%s: status %q, %v, %v", raw, p.Status, p.Health, err)
		}
	}
}

func TestProjectJSONErrors(t *testing.T) {
	for _, raw := range []string{``, `[]`, `"x"`, `{"a":`, `{"a"}`, `{"a":1`, `{"metadata":{"name":"x"`, `{"a":1 "b":2}`} {
		if _, err := ProjectJSON(widgetKind, []byte(raw), nil); err == nil || !strings.Contains(err.Error(), "example.org/v1/Widget") {
			t.Errorf("%s: error %v", raw, err)
		}
	}
}

func TestAPIService(t *testing.T) {
	kind := &watch.Kind{GVK: watch.GVK{Group: "apiregistration.k8s.io", Version: "v1", Kind: "APIService"}}
	kind.Columns = For(kind.GVK)
	for raw, want := range map[string]Projection{
		`{"spec":{"group":"apps","version":"v1"},"status":{"conditions":[{"type":"Available","status":"True","reason":"Local"}]}}`: {
			Status: "Available", Health: watch.HealthOK, Cells: "\x1fLocal\x1fTrue\x1f",
			Fields: "spec.group=apps\x1fspec.service=Local\x1fspec.version=v1\x1fstatus.conditions.Available=True"},
		`{"spec":{"service":{"namespace":"kube-system","name":"metrics"}},"status":{"conditions":[{"type":"Available","status":"False","reason":"MissingEndpoints"}]}}`: {
			Status: "NotAvailable: MissingEndpoints", Health: watch.HealthBad, Cells: "\x1fkube-system/metrics\x1fFalse (MissingEndpoints)\x1f",
			Fields: "spec.service=kube-system/metrics\x1fstatus.conditions.Available=False"},
	} {
		p, err := ProjectJSON(kind, []byte(raw), nil)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, p); diff != "" {
			t.Errorf("-want +got\n%s", diff)
		}
	}
}

func TestFromCRD(t *testing.T) {
	crd := &apiextensionsv1.CustomResourceDefinition{Spec: apiextensionsv1.CustomResourceDefinitionSpec{Versions: []apiextensionsv1.CustomResourceDefinitionVersion{
		{Name: "v1", AdditionalPrinterColumns: []apiextensionsv1.CustomResourceColumnDefinition{
			{Name: "Size", Type: "integer", JSONPath: ".spec.size"},
			{Name: "Ready", Type: "string", JSONPath: `.status.conditions[?(@.type=="Ready")].status`},
			{Name: "Synced At", Type: "date", JSONPath: ".status.syncedAt", Priority: 1},
			{Name: "Age", Type: "date", JSONPath: ".metadata.creationTimestamp"},
		}},
		{Name: "v2"},
		{Name: "v3", AdditionalPrinterColumns: []apiextensionsv1.CustomResourceColumnDefinition{
			{Name: "Good", Type: "string", JSONPath: ".spec.good"},
			{Name: "Broken", Type: "string", JSONPath: ".spec[broken"},
			{Name: "After", Type: "string", JSONPath: ".spec.after"},
		}},
	}}}
	age := watch.Column{Name: "AGE", Type: watch.ColumnAge, Path: ".metadata.creationTimestamp"}
	for version, want := range map[string][]watch.Column{
		"v1": {nameColumn, {Name: "SIZE", Type: watch.ColumnNumber, Path: ".spec.size"}, {Name: "READY", Path: `.status.conditions[?(@.type=="Ready")].status`},
			{Name: "SYNCED AT", Type: watch.ColumnSince, Wide: true, Path: ".status.syncedAt"}, age},
		"v2": {nameColumn, age},
		"v3": {nameColumn, {Name: "GOOD", Path: ".spec.good"}},
		"v9": {nameColumn, age},
	} {
		if diff := cmp.Diff(want, FromCRD(crd, version)); diff != "" {
			t.Errorf("%s: -want +got\n%s", version, diff)
		}
	}
}

func TestPlanCacheStartsAnew(t *testing.T) {
	var c planCache
	for range maxPlans + 10 {
		c.of(&watch.Kind{})
	}
	if n := len(c.plans); n != 10 {
		t.Errorf("%d plans kept", n)
	}
}

func BenchmarkProjectJSON(b *testing.B) {
	raw := []byte(`{"apiVersion":"example.org/v1","kind":"Widget","metadata":{"name":"w","namespace":"team-a","uid":"5a1","generation":2,"annotations":{"notes":"` +
		strings.Repeat("some text ", 200) + `"}},"spec":{"size":3,"ratio":1.5,"on":true,"hosts":["a.example","b.example"],"template":{"x":"` + strings.Repeat("y", 2000) +
		`"}},"status":{"observedGeneration":2,"syncedAt":"2026-03-01T11:58:00Z","conditions":[{"type":"Ready","status":"True","reason":"Up"}]}}`)
	in := &watch.Interner{}
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ProjectJSON(widgetKind, raw, in); err != nil {
			b.Fatal(err)
		}
	}
}
