package apply

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	evanphx "github.com/evanphx/json-patch/v5"
	"gomodules.xyz/jsonpatch/v2"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

const (
	// maxOperations is how many operations a patch may have; the API server takes 10,000
	// (k8s.io/apiserver, pkg/endpoints/handlers/patch.go, maxJSONPatchOperations).
	maxOperations = 9000
	// maxTested is the size, in bytes, up to which old values are repeated in a patch: the resourceVersion guards them
	// already, and a request has a limit.
	maxTested = 64 << 10
)

// newJSONPatch is the patch that makes want of the live object, under tests of what it was made for.
func newJSONPatch(t *typer, b *Base, i *Intent, want *unstructured.Unstructured) ([]byte, error) {
	live, err := json.Marshal(b.Object.Object)
	if err != nil {
		return nil, err
	}
	target, err := json.Marshal(want.Object)
	if err != nil {
		return nil, err
	}
	tests := []jsonpatch.Operation{
		jsonpatch.NewOperation("test", "/metadata/uid", b.UID),
		jsonpatch.NewOperation("test", "/metadata/resourceVersion", b.ResourceVersion),
	}
	tests = append(tests, t.oldValues(b, i)...)
	ops, err := jsonpatch.CreatePatch(live, target)
	if err == nil && len(ops)+len(tests) <= maxOperations {
		if body, err := json.Marshal(append(tests, ops...)); err == nil && leadsTo(live, body, target) {
			return body, nil
		}
	}
	// The library compares lists item by item, and not always well; whole fields always do.
	body, err := json.Marshal(append(tests[:2:2], wholeFields(b.Object.Object, want.Object)...))
	if err != nil {
		return nil, err
	}
	if !leadsTo(live, body, target) {
		return nil, fmt.Errorf("the change can't be written as a patch")
	}
	return body, nil
}

// leadsTo reports whether a patch makes target of live.
func leadsTo(live, body, target []byte) bool {
	p, err := evanphx.DecodePatch(body)
	if err != nil {
		return false
	}
	result, err := p.Apply(live)
	if err != nil {
		return false
	}
	var got, want any
	if json.Unmarshal(result, &got) != nil || json.Unmarshal(target, &want) != nil {
		return false
	}
	return reflect.DeepEqual(got, want)
}

// wholeFields replaces what differs on the first level, and on the second in metadata.
func wholeFields(live, want map[string]any) []jsonpatch.Operation {
	var ops []jsonpatch.Operation
	level := func(prefix string, live, want map[string]any, skip string) {
		for _, name := range sortedKeys(want) {
			old, ok := live[name]
			if name == skip || (ok && reflect.DeepEqual(old, want[name])) {
				continue
			}
			ops = append(ops, jsonpatch.NewOperation("add", prefix+"/"+escape(name), want[name])) // also replaces
		}
		for _, name := range sortedKeys(live) {
			if _, ok := want[name]; !ok && name != skip {
				ops = append(ops, jsonpatch.NewOperation("remove", prefix+"/"+escape(name), nil))
			}
		}
	}
	level("", live, want, "metadata")
	liveMeta, _ := live["metadata"].(map[string]any)
	wantMeta, _ := want["metadata"].(map[string]any)
	level("/metadata", liveMeta, wantMeta, "")
	return ops
}

func escape(name string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
}

// oldValues tests what the intent removes or replaces.
func (t *typer) oldValues(b *Base, i *Intent) []jsonpatch.Operation {
	var ops []jsonpatch.Operation
	test := func(path fieldpath.Path, v any) {
		if text, err := json.Marshal(v); err != nil || len(text) > maxTested {
			return
		}
		if pointer, ok := t.pointer(b.Object.Object, path); ok && len(ops) < maxOperations/4 {
			ops = append(ops, jsonpatch.NewOperation("test", pointer, v))
		}
	}
	t.walk(i.RemoveForeign, func(p place) bool {
		if p.member && p.has[0] {
			test(p.path, p.values[0])
		}
		return !p.member
	}, b.Object.Object)
	t.walk(i.Set, func(p place) bool {
		if p.member && !p.inner && p.has[0] {
			test(p.path, p.values[0])
		}
		return p.has[0]
	}, b.Object.Object)
	return ops
}

// pointer is a path as a JSON pointer into an object; not ok where it is not there, or twice.
func (t *typer) pointer(object any, path fieldpath.Path) (string, bool) {
	var out strings.Builder
	ref, v := t.ref, object
	for _, pe := range path {
		a := t.atom(ref, v)
		if pe.FieldName != nil {
			m, _ := v.(map[string]any)
			inner, ok := m[*pe.FieldName]
			if !ok {
				return "", false
			}
			out.WriteString("/" + escape(*pe.FieldName))
			if v = inner; a.Map != nil {
				ref = field(a.Map, *pe.FieldName)
			}
			continue
		}
		list, _ := v.([]any)
		_, l := t.open(ref, v)
		index := t.items(l, list)
		at := index.find(pe)
		if len(at) != 1 {
			return "", false
		}
		out.WriteString("/" + strconv.Itoa(at[0]))
		if v = list[at[0]]; a.List != nil {
			ref = a.List.ElementType
		}
	}
	return out.String(), true
}
