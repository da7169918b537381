package kube

import (
	"bufio"
	"bytes"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"orka/watch"
)

func BenchmarkDecodePod(b *testing.B) {
	pod := bigPod(1)
	msg := protoOf(b, pod)
	typed := pod.DeepCopy()
	typed.TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"}
	raw := jsonOf(b, typed)
	b.Run("protobuf", func(b *testing.B) {
		d := testDecoder(podKind, Limits{MaxAnnos: 16})
		b.SetBytes(int64(len(msg)))
		b.ReportAllocs()
		for b.Loop() {
			if _, ok := d.proto(msg, true); !ok {
				b.Fatal("not decoded")
			}
		}
	})
	b.Run("json", func(b *testing.B) {
		d := testDecoder(podKind, Limits{MaxAnnos: 16})
		b.SetBytes(int64(len(raw)))
		b.ReportAllocs()
		for b.Loop() {
			if _, ok := d.json(raw, true); !ok {
				b.Fatal("not decoded")
			}
		}
	})
	// What the typed decoding alone costs, managedFields and all, for comparison.
	b.Run("protobuf-unmarshal-only", func(b *testing.B) {
		b.SetBytes(int64(len(msg)))
		b.ReportAllocs()
		for b.Loop() {
			var p corev1.Pod
			if err := p.Unmarshal(msg); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkDecodeCustomResource(b *testing.B) {
	pod := bigPod(1)
	pod.TypeMeta = metav1.TypeMeta{APIVersion: "example.com/v1", Kind: "Widget"}
	raw := jsonOf(b, pod)
	d := testDecoder(widgetKind, Limits{MaxAnnos: 16})
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		if d, ok := d.json(raw, true); !ok || d.Object.Undecodable {
			b.Fatal("not decoded")
		}
	}
}

func BenchmarkListPage500(b *testing.B) {
	list := podList(500)
	for _, media := range []string{mediaProtobuf, mediaJSON} {
		data := encoded(b, media, list, corev1.SchemeGroupVersion)
		b.Run(media, func(b *testing.B) {
			d := testDecoder(podKind, Limits{MaxAnnos: 16})
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				n := 0
				l := &lister{r: bufio.NewReaderSize(bytes.NewReader(data), listBuffer), d: d, emit: func(page []watch.Delta) error {
					n += len(page)
					return nil
				}}
				read := l.proto
				if media == mediaJSON {
					read = l.json
				}
				if err := read(); err != nil {
					b.Fatal(err)
				}
				if err := l.flush(); err != nil || n != 500 {
					b.Fatal(n, err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/500, "ns/object")
		})
	}
}
