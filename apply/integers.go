package apply

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/kube-openapi/pkg/validation/spec"

	"orka/watch"
)

// The schema that smd works with knows numbers alone. A server takes the fraction of one for an error of its own making
// (500), and of a whole number that is too large it keeps the lower bits, so both are found here.

// integerType tells where in a type whole numbers are, and of how many bits. nil is a type without any.
type integerType struct {
	ref    string // the name of the model that it is; all else is empty then
	bits   int    // 32 or 64, 0 where it isn't one
	fields map[string]*integerType
	each   *integerType // entry of a map that isn't in fields, or item of a list
}

// integerTypes are the models of one document by name, and which of them a kind is.
type integerTypes struct {
	models map[string]*integerType
	kinds  map[watch.GVK]string
}

// of is the type of a kind; nil where it is not known.
func (ts *integerTypes) of(gvk watch.GVK) *integerType {
	if ts == nil {
		return nil
	}
	return ts.models[ts.kinds[gvk]]
}

// follow is what a reference leads to.
func (ts *integerTypes) follow(t *integerType) *integerType {
	for n := 0; t != nil && t.ref != "" && n < maxDepth; n++ {
		t = ts.models[t.ref]
	}
	return t
}

// child is the type of a map's entry; name is "" for a list's item.
func (ts *integerTypes) child(t *integerType, name string) *integerType {
	if t = ts.follow(t); t == nil {
		return nil
	}
	if f, ok := t.fields[name]; ok && name != "" {
		return f
	}
	return t.each
}

// objection says what of a number its type does not take; "" for one it does.
func (ts *integerTypes) objection(t *integerType, x any) string {
	if t = ts.follow(t); t == nil || t.bits == 0 {
		return ""
	}
	lowest, highest := int64(math.MinInt64), int64(math.MaxInt64)
	if t.bits == 32 {
		lowest, highest = math.MinInt32, math.MaxInt32
	}
	switch x := x.(type) {
	case int64:
		if x >= lowest && x <= highest {
			return ""
		}
	case float64:
		if x != math.Trunc(x) {
			return "expected a whole number, got one with a fraction"
		}
		if x >= float64(lowest) && x < -float64(math.MinInt64) && int64(x) <= highest {
			return ""
		}
	default:
		return ""
	}
	return fmt.Sprintf("this number is out of range: it must be from %d to %d", lowest, highest)
}

// publishedIntegers reads the models of an OpenAPI document.
func publishedIntegers(models map[string]*spec.Schema) *integerTypes {
	out := &integerTypes{models: make(map[string]*integerType, len(models)), kinds: map[watch.GVK]string{}}
	for name, s := range models {
		out.models[name] = integersIn(s)
		var gvks []watch.GVK
		list, _ := s.Extensions["x-kubernetes-group-version-kind"].([]any)
		for _, item := range list {
			m, _ := item.(map[string]any)
			text := func(key string) string { s, _ := m[key].(string); return s }
			gvks = append(gvks, watch.GVK{Group: text("group"), Version: text("version"), Kind: text("kind")})
		}
		if len(gvks) == 1 { // more are of DeleteOptions and the like
			out.kinds[gvks[0]] = name
		}
	}
	return out
}

func integersIn(s *spec.Schema) *integerType {
	if name, ok := strings.CutPrefix(s.Ref.String(), "#/components/schemas/"); ok {
		return &integerType{ref: name}
	}
	if len(s.AllOf) == 1 && len(s.Properties) == 0 && len(s.Type) == 0 {
		return integersIn(&s.AllOf[0])
	}
	if len(s.Type) == 1 && s.Type[0] == "integer" {
		if s.Format == "int32" {
			return &integerType{bits: 32}
		}
		return &integerType{bits: 64}
	}
	t := &integerType{}
	for name := range s.Properties {
		p := s.Properties[name]
		t.add(name, integersIn(&p))
	}
	switch {
	case s.AdditionalProperties != nil && s.AdditionalProperties.Schema != nil:
		t.each = integersIn(s.AdditionalProperties.Schema)
	case s.Items != nil && s.Items.Schema != nil:
		t.each = integersIn(s.Items.Schema)
	}
	return t.orNil()
}

func (t *integerType) add(name string, f *integerType) {
	if f == nil {
		return
	}
	if t.fields == nil {
		t.fields = map[string]*integerType{}
	}
	t.fields[name] = f
}

func (t *integerType) orNil() *integerType {
	if t.each == nil && len(t.fields) == 0 {
		return nil
	}
	return t
}

// builtinIntegers are those of a kind that this program was built with; nil for others.
func builtinIntegers(gvk watch.GVK) *integerTypes {
	o, err := scheme.Scheme.New(schema.GroupVersionKind{Group: gvk.Group, Version: gvk.Version, Kind: gvk.Kind})
	if err != nil {
		return nil
	}
	out := &integerTypes{models: map[string]*integerType{}, kinds: map[watch.GVK]string{}}
	if t := out.goType(reflect.TypeOf(o)); t != nil {
		out.kinds[gvk] = t.ref
	}
	return out
}

var unmarshaler = reflect.TypeFor[json.Unmarshaler]()

func (ts *integerTypes) goType(t reflect.Type) *integerType {
	switch t.Kind() {
	case reflect.Pointer:
		return ts.goType(t.Elem())
	case reflect.Int32:
		return &integerType{bits: 32}
	case reflect.Int, reflect.Int64:
		return &integerType{bits: 64}
	case reflect.Map, reflect.Slice:
		return (&integerType{each: ts.goType(t.Elem())}).orNil()
	case reflect.Struct:
		if reflect.PointerTo(t).Implements(unmarshaler) { // quantities, times: not what their fields say
			return nil
		}
		name := t.PkgPath() + "." + t.Name()
		if _, ok := ts.models[name]; !ok {
			model := &integerType{}
			ts.models[name] = model // types contain themselves
			for n := range t.NumField() {
				ts.goField(model, t.Field(n))
			}
		}
		return &integerType{ref: name}
	}
	return nil
}

func (ts *integerTypes) goField(model *integerType, f reflect.StructField) {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	switch inner := ts.goType(f.Type); {
	case name == "-":
	case name != "":
		model.add(name, inner)
	case f.Anonymous && ts.follow(inner) != nil:
		for name, t := range ts.follow(inner).fields {
			model.add(name, t)
		}
	}
}
