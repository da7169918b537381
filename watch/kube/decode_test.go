package kube

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"orka/watch"
)

func TestDecodeAgreesInBothEncodings(t *testing.T) {
	pod := bigPod(7)
	d := testDecoder(podKind, Limits{MaxAnnos: 16})
	fromProto, ok := d.proto(protoOf(t, pod), true)
	if !ok {
		t.Fatal("protobuf: no object")
	}
	typed := pod.DeepCopy()
	typed.TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"}
	fromJSON, ok := d.json(jsonOf(t, typed), true)
	if !ok {
		t.Fatal("JSON: no object")
	}
	if diff := cmp.Diff(fromProto.Object, fromJSON.Object); diff != "" {
		t.Errorf("protobuf (-) and JSON (+) give different objects:\n%s", diff)
	}
	o := fromProto.Object
	want := &watch.Object{
		Kind: podKind, Namespace: pod.Namespace, Name: pod.Name, UID: string(pod.UID), ResourceVersion: pod.ResourceVersion,
		Created: 1767225600, Status: "Running", Health: watch.HealthOK,
		Owners: []watch.Owner{{APIVersion: "apps/v1", Kind: "ReplicaSet", Name: "checkout-7d9f8b6c5d",
			UID: "11111111-2222-3333-4444-555555555555", Controller: true}},
		Labels: watch.PackPairs(pod.Labels),
		Annos: watch.PackPairs(map[string]string{"prometheus.io/scrape": "true", "prometheus.io/port": "9090",
			"checksum/config": strings.Repeat("ab12", 16)}),
	}
	if diff := cmp.Diff(want, o, cmpopts.IgnoreFields(watch.Object{}, "Cells", "Fields")); diff != "" {
		t.Errorf("want (-), got (+):\n%s", diff)
	}
	if o.Cells.At(1) != "3/3" {
		t.Errorf("READY is %q, want 3/3", o.Cells.At(1))
	}
}

// TestStripKeepsEverythingElse compares both strippers with deleting managedFields from the decoded object.
func TestStripKeepsEverythingElse(t *testing.T) {
	for name, pod := range map[string]*corev1.Pod{
		"full":                bigPod(1),
		"no managed fields":   {ObjectMeta: metav1.ObjectMeta{Name: "a"}},
		"only managed fields": {ObjectMeta: metav1.ObjectMeta{ManagedFields: []metav1.ManagedFieldsEntry{{Manager: "m"}}}},
		"empty":               {},
	} {
		t.Run(name, func(t *testing.T) {
			want := pod.DeepCopy()
			want.ManagedFields = nil

			body, err := stripProto(protoOf(t, pod))
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(body, protoOf(t, want)) {
				t.Error("protobuf: stripped bytes are not those of the object without managedFields")
			}
			raw := jsonOf(t, pod)
			body, meta, err := stripJSON(raw)
			if err != nil {
				t.Fatal(err)
			}
			if got := string(jsonOf(t, want)); got != string(body) {
				t.Errorf("JSON: stripped\n%s\nwant\n%s", body, got)
			}
			var m metav1.ObjectMeta
			if err := json.Unmarshal(meta, &m); err != nil {
				t.Errorf("JSON: the metadata returned is not an object: %v", err)
			}
		})
	}
}

func TestStripJSONPlaces(t *testing.T) {
	for _, test := range []struct{ in, want string }{
		{`{"metadata":{"managedFields":[{"a":"]}\""}],"name":"x"},"k":1}`, `{"metadata":{"name":"x"},"k":1}`},
		{`{"metadata":{"name":"x","managedFields":[]},"k":1}`, `{"metadata":{"name":"x"},"k":1}`},
		{`{"metadata":{"managedFields":null}}`, `{"metadata":{}}`},
		{`{ "metadata" : { "a" : 1 , "managedFields" : [ ] , "b" : 2 } }`, `{ "metadata" : { "a" : 1 , "b" : 2 } }`},
		{`{"spec":{"managedFields":[1]},"metadata":{"name":"x"}}`, `{"spec":{"managedFields":[1]},"metadata":{"name":"x"}}`},
	} {
		got, _, err := stripJSON([]byte(test.in))
		if err != nil || string(got) != test.want {
			t.Errorf("%s: got %s, %v; want %s", test.in, got, err, test.want)
		}
	}
}

// TestSecretsLeaveNoTrace looks for a secret value in everything that comes out of decoding.
func TestSecretsLeaveNoTrace(t *testing.T) {
	const value = "hunter2-hunter2"
	s := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "s", Namespace: "n", UID: "u", ResourceVersion: "1",
			Annotations: map[string]string{lastApplied: `{"stringData":{"password":"` + value + `"}}`}},
		Data:       map[string][]byte{"password": []byte(value), "user": []byte("me")},
		StringData: map[string]string{"token": value},
		Type:       corev1.SecretTypeOpaque,
	}
	encodedValue := "aHVudGVyMi1odW50ZXIy"
	for name, decode := range map[string]func(*decoder) (watch.Delta, bool){
		"protobuf":  func(d *decoder) (watch.Delta, bool) { return d.proto(protoOf(t, s), true) },
		"JSON":      func(d *decoder) (watch.Delta, bool) { return d.json(jsonOf(t, s), true) },
		"truncated": func(d *decoder) (watch.Delta, bool) { return d.json(jsonOf(t, s)[:len(jsonOf(t, s))-30], false) },
	} {
		delta, ok := decode(testDecoder(secretKind, Limits{MaxAnnos: 16}))
		if !ok {
			t.Fatalf("%s: no object", name)
		}
		dump := string(jsonOf(t, delta.Object)) + string(delta.Body.Data)
		if strings.Contains(dump, value) || strings.Contains(dump, encodedValue) {
			t.Errorf("%s: the value is in %s", name, dump)
		}
		if delta.Body.Encoding != watch.EncodingNone {
			t.Errorf("%s: the body is not withheld", name)
		}
		if !delta.Object.Undecodable && (delta.Object.Cells.At(1) != "Opaque" || delta.Object.Cells.At(2) != "2") {
			t.Errorf("%s: cells %q, want type and number of keys", name, delta.Object.Cells)
		}
	}
}

func TestLimits(t *testing.T) {
	meta := &metav1.ObjectMeta{Name: "x", Labels: map[string]string{"a": "1", "b": "2", "c": "3"},
		Annotations: map[string]string{"a": strings.Repeat("é", 300), "b=c": "1", "c": "\x1b[31m", "d": "4", lastApplied: "{}"}}
	for _, test := range []struct {
		limits        Limits
		labels, annos watch.Pairs
	}{
		{Limits{MaxAnnos: 16}, watch.PackPairs(map[string]string{"a": "1", "b": "2", "c": "3"}),
			watch.PackPairs(map[string]string{"a": strings.Repeat("é", 128) + cutMark, `b\x3dc`: "1", "c": `\x1b[31m`, "d": "4"})},
		{Limits{MaxLabels: 2, MaxAnnos: 1}, watch.PackPairs(map[string]string{"a": "1", "b": "2"}),
			watch.PackPairs(map[string]string{"a": strings.Repeat("é", 128) + cutMark})},
		{Limits{MaxAnnos: -1}, watch.PackPairs(map[string]string{"a": "1", "b": "2", "c": "3"}), ""},
	} {
		d := testDecoder(podKind, test.limits)
		o := d.object(meta.DeepCopy(), projectionNone)
		if o.Labels != test.labels || o.Annos != test.annos {
			t.Errorf("%+v: labels %q, annotations %q; want %q, %q", test.limits, o.Labels, o.Annos, test.labels, test.annos)
		}
	}
}

// TestBrokenObjects gives every cut of an object to the decoders: they never panic, and name it as soon as they can.
func TestBrokenObjects(t *testing.T) {
	pod := bigPod(3)
	msg, raw := protoOf(t, pod), jsonOf(t, pod)
	d := testDecoder(podKind, Limits{MaxAnnos: 16})
	named := 0
	for n := range msg {
		if delta, ok := d.proto(msg[:n], true); ok && delta.Object.Undecodable {
			named++
		}
	}
	if named < len(msg)/2 {
		t.Errorf("protobuf: identity known for %d of %d cuts", named, len(msg))
	}
	named = 0
	for n := range raw {
		if delta, ok := d.json(raw[:n], true); ok && delta.Object.Undecodable {
			named++
		}
	}
	if named < len(raw)/2 {
		t.Errorf("JSON: identity known for %d of %d cuts", named, len(raw))
	}
}

func TestCustomResource(t *testing.T) {
	raw := []byte(`{"apiVersion":"example.com/v1","kind":"Widget","metadata":{"annotations":{"a":"b"},"creationTimestamp":"2026-01-01T00:00:00Z","labels":{"l":"1"},"managedFields":[{"manager":"m"}],"name":"w","namespace":"n","resourceVersion":"5","uid":"u"},"spec":{"size":3}}`)
	delta, ok := testDecoder(widgetKind, Limits{MaxAnnos: 16}).json(raw, true)
	if !ok || delta.Object.Undecodable {
		t.Fatalf("%+v", delta.Object)
	}
	want := &watch.Object{Kind: widgetKind, Namespace: "n", Name: "w", UID: "u", ResourceVersion: "5", Created: 1767225600, Labels: "l=1", Annos: "a=b"}
	if diff := cmp.Diff(want, delta.Object, cmpopts.IgnoreFields(watch.Object{}, "Cells", "Fields", "Status", "Health")); diff != "" {
		t.Errorf("want (-), got (+):\n%s", diff)
	}
	if strings.Contains(string(delta.Body.Data), "managedFields") || !json.Valid(delta.Body.Data) {
		t.Errorf("body %s", delta.Body.Data)
	}
}

func FuzzStripJSON(f *testing.F) {
	f.Add([]byte(`{"metadata":{"name":"a","managedFields":[{}]},"x":[1,"\"]"]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		body, meta, err := stripJSON(data)
		if err != nil || !json.Valid(data) {
			return
		}
		if !json.Valid(body) || !json.Valid(meta) {
			t.Errorf("valid %q became %q with metadata %q", data, body, meta)
		}
	})
}

func FuzzDecode(f *testing.F) {
	f.Add(protoOf(f, bigPod(1)))
	f.Add(jsonOf(f, bigPod(1)))
	d := testDecoder(podKind, Limits{MaxAnnos: 16})
	w := testDecoder(widgetKind, Limits{MaxAnnos: 16})
	f.Fuzz(func(t *testing.T, data []byte) {
		d.proto(data, true)
		d.proto(data, false)
		d.json(data, true)
		w.json(data, true)
		w.json(data, false)
	})
}
