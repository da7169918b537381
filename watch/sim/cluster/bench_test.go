package cluster

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// BenchmarkGenerate reports the time of one object of a large cluster.
func BenchmarkGenerate(b *testing.B) {
	b.ReportAllocs()
	n := 0
	for n < b.N {
		cfg := testConfig(min(b.N-n, 100_000))
		for range Generate(cfg) {
			n++
		}
	}
}

type nowhere struct{}

func (nowhere) Create(runtime.Object) error                              { return nil }
func (nowhere) Update(runtime.Object) error                              { return nil }
func (nowhere) Delete(schema.GroupVersionResource, string, string) error { return nil }

// BenchmarkChurnStep reports the time of one write, the Writer's own left out.
func BenchmarkChurnStep(b *testing.B) {
	c, err := New(testConfig(20_000))
	if err != nil {
		b.Fatal(err)
	}
	ch, err := NewChurn(c, 1, nowhere{})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		i++
		if err := ch.Step(testNow.Add(time.Duration(i) * time.Millisecond)); err != nil {
			b.Fatal(err)
		}
	}
}
