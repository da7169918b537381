package apply

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// drawn writes a difference as lines of mark, text, and what is special about them.
func drawn(d *Diff) string {
	var b strings.Builder
	for _, h := range d.Hunks {
		b.WriteString("@@\n")
		for _, l := range h.Lines {
			fmt.Fprintf(&b, "%c %s", l.Op, l.Text)
			for _, e := range l.Emphasis {
				fmt.Fprintf(&b, " <%s>", l.Text[e[0]:e[1]])
			}
			if l.Unexplained {
				b.WriteString(" !")
			}
			b.WriteByte('\n')
		}
	}
	return b.String()
}

func object(t testing.TB, text string) *unstructured.Unstructured {
	t.Helper()
	return &unstructured.Unstructured{Object: parsed(t, text)}
}

func TestNewDiff(t *testing.T) {
	live := `{kind: X, metadata: {name: x, resourceVersion: "1", generation: 1, managedFields: [{manager: a}]}, spec: {a: one two, b: 2, c: [1, 2], d: e, f: g, h: i, j: k, l: m, nn: o, p: q}}`
	result := `{kind: X, metadata: {name: x, resourceVersion: "2", generation: 2}, spec: {a: one three, b: 2, c: [1, 2], d: e, f: g, h: i, j: k, l: m, nn: changed, p: q, z: default}}`
	expected := `{kind: X, metadata: {name: x}, spec: {a: one three, b: 2, c: [1, 2], d: e, f: g, h: i, j: k, l: m, nn: o, p: q}}`
	d, err := newDiff(deployments, object(t, live), object(t, result), object(t, expected))
	if err != nil {
		t.Fatal(err)
	}
	want := `@@
  metadata:
    name: x
  spec:
-   a: one two <wo>
+   a: one three <hree>
    b: 2
    c:
    - 1
@@
    h: i
    j: k
    l: m
-   nn: o <o> !
+   nn: changed <changed> !
    p: q
+   z: default !
`
	if diff := cmp.Diff(want, drawn(d)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if d.Added != 3 || d.Deleted != 2 || d.Unexplained != 3 || d.Empty() {
		t.Errorf("%d added, %d deleted, %d unexplained", d.Added, d.Deleted, d.Unexplained)
	}
	first := d.Hunks[0].Lines
	if diff := cmp.Diff([]int{5, 0, 0, 5}, []int{first[3].Old, first[3].New, first[4].Old, first[4].New}); diff != "" {
		t.Errorf("numbers:\n%s", diff)
	}

	same, err := newDiff(deployments, object(t, live), object(t, live), nil)
	if err != nil || !same.Empty() || len(same.Hunks) != 0 {
		t.Errorf("%v %+v", err, same)
	}
	for name, pair := range map[string][2]*unstructured.Unstructured{"created": {nil, object(t, expected)}, "gone": {object(t, expected), nil}} {
		d, err := newDiff(deployments, pair[0], pair[1], nil)
		if err != nil || d.Added+d.Deleted != 16 || (d.Added != 0 && d.Deleted != 0) {
			t.Errorf("%s: %v, %d added, %d deleted\n%s", name, err, d.Added, d.Deleted, drawn(d))
		}
	}
}

func TestSameChange(t *testing.T) {
	diff := func(before, after string) *Diff {
		d, err := newDiff(deployments, object(t, before), object(t, after), nil)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	a := diff("{spec: {a: 1, b: 2}}", "{spec: {a: 3, b: 2}}")
	tests := map[string]struct {
		d    *Diff
		want bool
	}{
		"itself":          {a, true},
		"other context":   {diff("{spec: {A: 9, B: 9, C: 9, D: 9, a: 1, b: 7}}", "{spec: {A: 9, B: 9, C: 9, D: 9, a: 3, b: 7}}"), true},
		"another value":   {diff("{spec: {a: 1}}", "{spec: {a: 4}}"), false},
		"another old one": {diff("{spec: {a: 2}}", "{spec: {a: 3}}"), false},
		"one change more": {diff("{spec: {a: 1, b: 2}}", "{spec: {a: 3, b: 3}}"), false},
		"nothing":         {diff("{spec: {a: 1}}", "{spec: {a: 1}}"), false},
		"no diff":         {nil, false},
		"the other way":   {diff("{spec: {a: 3}}", "{spec: {a: 1}}"), false},
	}
	for name, tt := range tests {
		if got := sameChange(a, tt.d); got != tt.want {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
}

func TestEmphasis(t *testing.T) {
	tests := []struct{ a, b, inA, inB string }{
		{"  image: a:1", "  image: a:2", "1", "2"},
		{"  image: aé1", "  image: aè1", "é", "è"}, // they share their first byte
		{"  x: ☃", "  x: ☂", "☃", "☂"},
		{"  x: a", "  x: ab", "", "b"},
		{"  one: 1", "  two: 2", "", ""},
		{"- a", "- b", "", ""},
		{"", "x", "", ""},
		{"x: same", "x: same", "", ""},
	}
	cut := func(s string, e [][2]int) string {
		var out string
		for _, r := range e {
			out += s[r[0]:r[1]]
		}
		return out
	}
	for _, tt := range tests {
		a, b := differing(tt.a, tt.b)
		if cut(tt.a, a) != tt.inA || cut(tt.b, b) != tt.inB {
			t.Errorf("%q, %q: %q, %q; want %q, %q", tt.a, tt.b, cut(tt.a, a), cut(tt.b, b), tt.inA, tt.inB)
		}
	}
}

// markers are secret values, and nothing that is made for eyes may hold one of them in any form.
var markers = []string{"hunter2-old", "hunter2-new", "quo\"ted-secret", "string-secret", "\x00\xff\xfebinary-secret", "gone-secret", "kept-secret"}

func leaks(t *testing.T, what, text string) {
	t.Helper()
	for _, m := range markers {
		quoted, _ := json.Marshal(m)
		for _, form := range []string{m, base64.StdEncoding.EncodeToString([]byte(m)), base64.RawURLEncoding.EncodeToString([]byte(m)), strings.Trim(string(quoted), `"`)} {
			if strings.Contains(text, form) {
				t.Errorf("%s holds %q:\n%s", what, form, text)
			}
		}
	}
}

func encode(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

func TestSecretsAreMasked(t *testing.T) {
	secret := func(data map[string]any, change func(o map[string]any)) *unstructured.Unstructured {
		o := map[string]any{"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": "s", "annotations": map[string]any{}}, "type": "Opaque", "data": data}
		change(o)
		return &unstructured.Unstructured{Object: o}
	}
	annotate := func(o map[string]any, name, value string) {
		o["metadata"].(map[string]any)["annotations"].(map[string]any)[name] = value
	}
	before := secret(map[string]any{"changed": encode(markers[0]), "kept": encode(markers[6]), "gone": encode(markers[5]), "quoted": encode(markers[2])}, func(o map[string]any) {
		annotate(o, "kubectl.kubernetes.io/last-applied-configuration", `{"data":{"old":"`+encode("never-seen")+`"}}`)
		annotate(o, "tool.dev/copy", `{"p":"`+encode(markers[0])+`"}`)
		annotate(o, "tool.dev/plain", "it is "+markers[5])
		annotate(o, "tool.dev/json", `{"p":"quo\"ted-secret"}`)
		annotate(o, "note", "kept note")
		o["metadata"].(map[string]any)["labels"] = map[string]any{"oops": markers[6]}
		o["metadata"].(map[string]any)["finalizers"] = []any{"a.b/" + markers[5]}
	})
	after := secret(map[string]any{"changed": encode(markers[1]), "kept": encode(markers[6]), "added": encode(markers[4]), "quoted": encode(markers[2])}, func(o map[string]any) {
		o["stringData"] = map[string]any{"plain": markers[3]}
		annotate(o, "kubectl.kubernetes.io/last-applied-configuration", `{"data":{"old":"`+encode("never-seen-2")+`"}}`)
		annotate(o, "tool.dev/copy", `{"p":"`+encode(markers[1])+`"}`)
		annotate(o, "tool.dev/json", `{"p":"quo\"ted-secret"}`)
		annotate(o, "tool.dev/url", base64.RawURLEncoding.EncodeToString([]byte(markers[4])))
		annotate(o, "note", "another note")
	})
	d, err := newDiff(secrets, before, after, before)
	if err != nil {
		t.Fatal(err)
	}
	leaks(t, "the diff", drawn(d))
	leaks(t, "before", d.Before)
	leaks(t, "after", d.After)
	for _, gone := range []string{encode("never-seen"), "never-seen"} {
		if strings.Contains(d.Before+d.After, gone) {
			t.Errorf("an annotation shows a manifest: %s", d.Before+d.After)
		}
	}
	want := `@@
  apiVersion: v1
  data:
-   changed: '*** (before)' <before>
-   gone: '***'
+   added: '***' !
+   changed: '*** (after)' <after> !
    kept: '***'
    quoted: '***'
  kind: Secret
  metadata:
    annotations:
-     kubectl.kubernetes.io/last-applied-configuration: '*** (before)'
-     note: kept note
-     tool.dev/copy: '*** (before)'
+     kubectl.kubernetes.io/last-applied-configuration: '*** (after)'
+     note: another note
+     tool.dev/copy: '*** (after)'
      tool.dev/json: '***'
-     tool.dev/plain: '***'
-   finalizers:
-   - '***'
-   labels:
-     oops: '***'
+     tool.dev/url: '***'
    name: s
+ stringData:
+   plain: '***'
  type: Opaque
`
	// What is marked and emphasised is TestNewDiff's business.
	plainly := func(s string) string {
		var out []string
		for _, l := range strings.Split(s, "\n") {
			l, _, _ = strings.Cut(strings.TrimSuffix(l, " !"), " <")
			out = append(out, l)
		}
		return strings.Join(out, "\n")
	}
	if diff := cmp.Diff(plainly(want), plainly(drawn(d))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if before.Object["data"].(map[string]any)["kept"] != encode(markers[6]) {
		t.Error("the object itself was masked")
	}

	odd := secret(nil, func(o map[string]any) {
		o["data"] = []any{encode(markers[0])}
		o["extra"] = map[string]any{"x": markers[0]}
		o["stringData"] = map[string]any{"p": markers[0]}
	})
	d, err = newDiff(secrets, odd, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	leaks(t, "an odd one", d.Before+drawn(d))
}

// TestSecretErrors: neither a refused draft nor what changed underneath tells a value.
func TestSecretErrors(t *testing.T) {
	text := fmt.Sprintf(`{type: Opaque, data: {a: %s, b: %s}}`, encode(markers[0]), encode(markers[6]))
	c := newCluster(t, secrets, text)
	b := c.base()
	for name, edit := range map[string]func(o map[string]any){
		"not base64": func(o map[string]any) { o["data"].(map[string]any)["a"] = markers[1] + "!" },
		"a list":     func(o map[string]any) { o["data"].(map[string]any)["a"] = []any{markers[1]} },
		"a field":    func(o map[string]any) { o["dta"] = map[string]any{"a": markers[1]} },
		"data":       func(o map[string]any) { o["data"] = encode(markers[1]) },
		"annotation": func(o map[string]any) {
			o["metadata"].(map[string]any)["annotations"] = map[string]any{"kubectl.kubernetes.io/last-applied-configuration": markers[1]}
		},
	} {
		_, err := c.edit(b, edit)
		var draft *DraftError
		if !errors.As(err, &draft) {
			t.Errorf("%s: %v, want a DraftError", name, err)
			continue
		}
		leaks(t, name, err.Error())
	}
	for _, broken := range []string{"data: {a: \"hunter2-new}\n", "data: {a: 'hunter2-new': b}\n", "data:\n  a: *hunter2-new\n", "data:\n  a: !hunter2-new x\n  b: @hunter2-new\n", "data:\n  hunter2-new\n  a: b\n", "data: {a: !!int hunter2-new}\n", "data: {a: !!binary hunter2-new}\n"} {
		_, err := parseDraft([]byte("kind: Secret\n"+broken), 0, 0)
		if err != nil {
			leaks(t, broken, err.Error())
		}
	}
	i, err := c.edit(b, func(o map[string]any) { o["data"].(map[string]any)["a"] = encode(markers[1]) })
	if err != nil {
		t.Fatal(err)
	}
	live := *b
	live.Object = b.Object.DeepCopy()
	live.Object.Object["data"].(map[string]any)["a"] = encode(markers[5])
	got := changedUnderneath(c.types, b, i, &live)
	if d := cmp.Diff([]Versions{{Path: ".data.a", Base: "***", Yours: "*** (yours)", Their: "*** (theirs)"}}, got); d != "" {
		t.Error(d)
	}
	delete(live.Object.Object, "data")
	got = changedUnderneath(c.types, b, i, &live)
	if d := cmp.Diff([]Versions{{Path: ".data", Base: "***", Yours: "*** (yours)"}}, got); d != "" {
		t.Error(d)
	}
}
