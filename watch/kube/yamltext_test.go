package kube

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

// What is written as YAML is read back as it was, whatever is in it.
func TestYAMLKeepsEveryText(t *testing.T) {
	parts := []string{
		"a", "b c", ": ", "- ", "#", "'", `"`, "\\", "\n", "\r", "\t", " ", "\x01", "\x1b", "\x7f", "\u0080", "\u0085", "\u009f", "\u00a0", "\u2028", "\ufeff",
		"\ufffe", "\uffff", "\U0001f600", "<<", "Verbatim", "Verbatim0E", "*", "&", "!", "%", "1e3", "yes", "null", "~", "e\u0301",
	}
	seed := uint64(time.Now().UnixNano())
	r := rand.New(rand.NewPCG(seed, 0))
	word := func() string {
		var b strings.Builder
		for range 1 + r.IntN(4) {
			b.WriteString(parts[r.IntN(len(parts))])
		}
		return b.String()
	}
	for range 5000 {
		want := map[string]any{word(): word(), word(): map[string]any{word(): []any{word(), "<<", map[string]any{"<<": word()}}}}
		text, err := MarshalYAML(want)
		if err != nil {
			t.Fatalf("seed %d: %q: %v", seed, want, err)
		}
		var got map[string]any
		if err := yaml.Unmarshal(text, &got); err != nil {
			t.Fatalf("seed %d: %q as %q: %v", seed, want, text, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("seed %d: %q (-want +got):\n%s", seed, text, diff)
		}
	}
}

// A body of an apply is read as YAML by the server.
func TestEscapeJSONIsReadAsYAML(t *testing.T) {
	want := map[string]any{"k": "p\u0085q\x7f\ufffe\u2028\n", "n\u0085": "plain"}
	b, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var asYAML, asJSON map[string]any
	if err := yaml.Unmarshal(EscapeJSON(b), &asYAML); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(EscapeJSON(b), &asJSON); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, asYAML) + cmp.Diff(want, asJSON); diff != "" {
		t.Error(diff)
	}
	if plain := []byte(`{"a":"b é"}`); string(EscapeJSON(plain)) != string(plain) {
		t.Error("what needs no escapes is changed")
	}
}

func TestYAMLKeepsTheOrderOfKeys(t *testing.T) {
	got, err := MarshalYAML(map[string]any{"a": 1, "b\u0085": 2, "c": map[string]any{"<<": "x"}})
	if want := "a: 1\n\"b\\u0085\": 2\nc:\n  \"<<\": x\n"; err != nil || string(got) != want {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
}
