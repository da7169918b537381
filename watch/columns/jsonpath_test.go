package columns

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/client-go/util/jsonpath"
)

var testPaths = []string{
	".a", ".a.b", ".a.b.c", ".list[0]", ".list[1].a", ".list[-1]", ".list[-1].a", ".list[*]", ".list[*].a", ".list[0:1]", ".list[1:]", ".list[:2].a",
	".list[0:3:2].a", ".list[-2:].a", ".a['b']", `.a.x\.y/z`, `.a['x\.y/z']`, ".*", ".a.*", "..c", "..a", ".a..c", ".list[0,1].a", ".list[7]", ".a[0]", ".none.b",
	`.list[?(@.type=="Ready")].status`, `.list[?(@.type=='Ready')].status`, `.list[?(@.type!="Ready")].status`, `.list[?(@.a)].a`, `.list[?(@.n>2)].n`,
	`.list[?(@.n<=2)].type`, `.list[?(@.type == "Ready")].status`, `.list[?(@.b==true)].type`, `.list[?(@.type==@.status)].n`, `.list[?(@.type=="Ready")]`,
	`.a[?(@.type=="Ready")]`, ".list", ".a", ".n", ".b", "{.a}", ".a.", "", ".",
}

// randomJSON is a value with the keys that the paths ask for.
func randomJSON(rng *rand.Rand, depth int) any {
	words := []string{"Ready", "True", "False", "x", "a<b", "é\n\"q\"", ""}
	switch n := rng.IntN(10); {
	case n < 3 && depth < 4:
		m := map[string]any{}
		for _, k := range []string{"a", "b", "c", "n", "list", "x.y/z", "type", "status"} {
			if rng.IntN(2) == 0 {
				m[k] = randomJSON(rng, depth+1)
			}
		}
		return m
	case n < 5 && depth < 4:
		l := make([]any, rng.IntN(4))
		for i := range l {
			l[i] = randomJSON(rng, depth+1)
		}
		return l
	case n == 5:
		return rng.Int64N(5) - 1
	case n == 6:
		return rng.Float64() * 1e7
	case n == 7:
		return rng.IntN(2) == 0
	case n == 8:
		return nil
	}
	return words[rng.IntN(len(words))]
}

// conditionsLike is an object whose list looks like status.conditions, half of the time.
func conditionsLike(rng *rand.Rand) map[string]any {
	root := map[string]any{}
	for _, k := range []string{"a", "b", "n", "list"} {
		if rng.IntN(4) > 0 {
			root[k] = randomJSON(rng, 0)
		}
	}
	if rng.IntN(2) == 0 {
		var list []any
		for range rng.IntN(5) {
			list = append(list, map[string]any{"type": []string{"Ready", "Synced"}[rng.IntN(2)], "status": []string{"True", "Ready"}[rng.IntN(2)], "n": rng.Int64N(5), "b": rng.IntN(2) == 0, "a": rng.Int64N(3)})
		}
		root["list"] = list
	}
	return root
}

// TestPathAgreesWithClientGo compares every path with k8s.io/client-go/util/jsonpath, used as the API server's
// table convertor of custom resources uses it.
func TestPathAgreesWithClientGo(t *testing.T) {
	rng := newRand(t)
	found := map[string]int{}
	for range 300 {
		raw, err := json.Marshal(conditionsLike(rng))
		if err != nil {
			t.Fatal(err)
		}
		if rng.IntN(2) == 0 {
			var b bytes.Buffer
			if err := json.Indent(&b, raw, "", " "); err != nil {
				t.Fatal(err)
			}
			raw = b.Bytes()
		}
		for _, text := range testPaths {
			want, ok := reference(t, text, raw)
			p, err := parsePath(text)
			if err != nil {
				continue
			}
			v := p.first(raw)
			got := ""
			if string(v) == "null" {
				got = "<no value>" // as printed has it
			} else if v != nil {
				got = scalar(v)
			}
			if ok && got != want {
				t.Fatalf("%s: want %q\ngot  %q\nof\n%s", text, want, got, raw)
			}
			if got != "" {
				found[text]++
			}
		}
	}
	for _, text := range testPaths {
		if found[text] == 0 && !slices.Contains([]string{".list[7]", ".none.b", ".a[?(@.type==\"Ready\")]", "{.a}", ".list[?(@.type==@.status)].n", ".a."}, text) {
			t.Errorf("%s never found anything", text)
		}
	}
}

// reference evaluates as the server does. ok is false where its answer is not determined: it takes the values of
// an object in the random order of a Go map.
func reference(t *testing.T, text string, raw []byte) (want string, ok bool) {
	t.Helper()
	j := jsonpath.New("column").AllowMissingKeys(true)
	if err := j.Parse("{" + text + "}"); err != nil {
		return "", false
	}
	var data map[string]any
	if err := utiljson.Unmarshal(raw, &data); err != nil {
		t.Fatal(err)
	}
	if slices.Contains([]string{".*", ".a.*", "..c", "..a", ".a..c", "", "."}, text) {
		return "", false
	}
	results, err := j.FindResults(data)
	if err != nil || len(results) == 0 || len(results[0]) == 0 {
		return "", true
	}
	value := results[0][0].Interface()
	var b bytes.Buffer
	if err := j.PrintResults(&b, []reflect.Value{reflect.ValueOf(value)}); err != nil {
		return "", true
	}
	return b.String(), true
}

func TestPathErrors(t *testing.T) {
	for _, text := range []string{".a[", ".a[?(@.b==]", ".a[x]", "..", "....a", `.a["b"]`, ".a[?(@.b=='x)]", ".a[0:1:2:3]", ".[?(@.a ~ 1)]"} {
		if p, err := parsePath(text); err == nil {
			t.Errorf("%s: parsed as %v", text, p)
		}
	}
}

func TestPathNames(t *testing.T) {
	for text, want := range map[string]string{
		".spec.size": "spec.size", `.status.conditions[?(@.type=="Ready")].status`: "status.conditions.Ready.status",
		".spec.items[*].name": "spec.items.name", ".spec.items[0]": "spec.items", `.metadata.labels.app\.kubernetes\.io/name`: "metadata.labels.app.kubernetes.io/name",
	} {
		p, err := parsePath(text)
		if err != nil || p.String() != want {
			t.Errorf("%s: %q, %v; want %q", text, p, err, want)
		}
	}
}

// FuzzScan makes sure that no input, JSON or not, makes scanner or evaluation panic or hang, and that whatever is
// found in JSON is JSON.
func FuzzScan(f *testing.F) {
	f.Add([]byte(`{"a":{"b":[1,2,{"c":"x\"y"}]},"list":[{"type":"Ready","status":"True"}]}`), ".list[?(@.type==\"Ready\")].status")
	f.Add([]byte(`{"a":`), "..a")
	f.Add([]byte(`[[[[`), ".a[0]")
	f.Add([]byte(` { "a" : null , "b" : [ ] } `), ".a.b")
	f.Fuzz(func(t *testing.T, raw []byte, text string) {
		valid := json.Valid(raw)
		raw = bytes.TrimSpace(raw)
		for _, text := range append(testPaths, text) {
			p, err := parsePath(text)
			if err != nil {
				continue
			}
			if len(raw) == 0 {
				continue
			}
			if v := p.first(raw); valid && v != nil && !json.Valid(v) {
				t.Fatalf("%s of %s: %q", text, raw, v)
			}
		}
		p := newPlan(nil)
		if err := p.root.read(raw, make([][]byte, p.spans)); valid && (err == nil) != (len(raw) > 0 && raw[0] == '{') {
			t.Fatal(fmt.Errorf("%s: %w", raw, err))
		}
	})
}
