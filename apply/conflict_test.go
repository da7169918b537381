package apply

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestConflictsOf(t *testing.T) {
	cause := func(field, message string) string {
		return fmt.Sprintf(`{"reason":"FieldManagerConflict","message":%q,"field":%q}`, message, field)
	}
	for _, c := range []struct {
		name   string
		code   int
		causes string
		want   []Conflict
		ours   bool
	}{
		{name: "an apply", code: 409, causes: cause(".spec.replicas", `conflict with "argocd"`),
			want: []Conflict{{Path: ".spec.replicas", Manager: "argocd", Message: `conflict with "argocd"`}}},
		{name: "an update", code: 409, causes: cause(".a", `conflict with "kubectl-edit" using apps/v1 at 2026-01-02T03:04:05Z`),
			want: []Conflict{{Path: ".a", Manager: "kubectl-edit", Message: `conflict with "kubectl-edit" using apps/v1 at 2026-01-02T03:04:05Z`}}},
		{name: "a subresource", code: 409, causes: cause(".a", `conflict with "kubectl" with subresource "scale" using apps/v1`),
			want: []Conflict{{Path: ".a", Manager: "kubectl (scale)", Message: `conflict with "kubectl" with subresource "scale" using apps/v1`}}},
		{name: "a name with quotes", code: 409, causes: cause(".a", `conflict with "x\" using \u202e"`),
			want: []Conflict{{Path: ".a", Manager: `x" using \u202e`, Message: `conflict with "x\" using \u202e"`}}},
		{name: "our own patch", code: 409, causes: cause(".a", `conflict with "orka" using v1`), ours: true},
		{name: "our own patch and another's", code: 409, causes: cause(".a", `conflict with "orka" using v1`) + "," + cause(".b", `conflict with "helm"`), ours: true,
			want: []Conflict{{Path: ".b", Manager: "helm", Message: `conflict with "helm"`}}},
		{name: "orka by a subresource is somebody else", code: 409, causes: cause(".a", `conflict with "orka" with subresource "scale" using v1`),
			want: []Conflict{{Path: ".a", Manager: "orka (scale)", Message: `conflict with "orka" with subresource "scale" using v1`}}},
		{name: "words of another server", code: 409, causes: cause(".a", `owned by x`), want: []Conflict{{Path: ".a", Manager: "owned by x", Message: "owned by x"}}},
		{name: "no conflict", code: 409, causes: `{"reason":"Other","field":".a"}`},
		{name: "another code", code: 422, causes: cause(".a", `conflict with "argocd"`)},
	} {
		t.Run(c.name, func(t *testing.T) {
			body := `{"kind":"Status","code":409,"reason":"Conflict","details":{"causes":[` + c.causes + `]}}`
			got, ours := conflictsOf(&answer{code: c.code, body: []byte(body)})
			if diff := cmp.Diff(c.want, got); diff != "" || ours != c.ours {
				t.Errorf("ours %t (-want +got):\n%s", ours, diff)
			}
		})
	}
}

func TestSameConflicts(t *testing.T) {
	a := []Conflict{{Path: ".a", Manager: "x", Message: "at noon"}, {Path: ".b", Manager: "y"}}
	for _, c := range []struct {
		name string
		b    []Conflict
		want bool
	}{
		{"order and words aside", []Conflict{{Path: ".b", Manager: "y"}, {Path: ".a", Manager: "x", Message: "later"}}, true},
		{"one less", a[:1], false},
		{"another manager", []Conflict{{Path: ".a", Manager: "z"}, {Path: ".b", Manager: "y"}}, false},
		{"a removal", []Conflict{{Path: ".a", Manager: "x", Removes: true}, {Path: ".b", Manager: "y"}}, false},
	} {
		if got := sameConflicts(a, c.b); got != c.want {
			t.Errorf("%s: %t", c.name, got)
		}
	}
}
