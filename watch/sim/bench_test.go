package sim

import (
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

const benchPods = 50_000

// loaded is a server on loopback with benchPods pods.
func loaded(b *testing.B, cfg Config, n int) (*Server, string) {
	b.Helper()
	s := New(cfg)
	b.Cleanup(s.Close)
	if _, err := s.Load(podSeq(n)); err != nil {
		b.Fatal(err)
	}
	addr, err := s.Start("127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	return s, "http://" + addr.String()
}

func open(b *testing.B, url string) io.ReadCloser {
	b.Helper()
	req, err := http.NewRequestWithContext(b.Context(), http.MethodGet, url, nil)
	if err != nil {
		b.Fatal(err)
	}
	req.Header.Set("Accept", mediaProtobuf)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		b.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK {
		b.Fatal(resp.Status)
	}
	return resp.Body
}

// BenchmarkListPages downloads 50,000 pods in protobuf pages of 500 and throws them away, but for the continue token.
func BenchmarkListPages(b *testing.B) {
	b.Run("packed", func(b *testing.B) { listPages(b, Config{}) })
	b.Run("plain", func(b *testing.B) { listPages(b, Config{Plain: true}) })
}

func listPages(b *testing.B, cfg Config) {
	_, host := loaded(b, cfg, benchPods)
	defer http.DefaultClient.CloseIdleConnections()
	total := int64(0)
	for b.Loop() {
		token := ""
		for {
			body := open(b, host+"/api/v1/pods?limit=500&continue="+token)
			page, err := io.ReadAll(body)
			if err != nil {
				b.Fatal(err)
			}
			body.Close()
			total += int64(len(page))
			var meta metav1.ListMeta
			if token, err = continueOf(page, &meta); err != nil {
				b.Fatal(err)
			}
			if token == "" {
				break
			}
		}
	}
	b.ReportMetric(float64(total)/float64(b.N)/1e6, "MB/op")
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N*benchPods)*1e6, "µs/pod")
}

// continueOf reads the token of a protobuf list by hand: decoding items is not what is measured.
func continueOf(page []byte, m *metav1.ListMeta) (string, error) {
	for b := page[len(protobufMagic):]; len(b) > 0; {
		num, typ, n := protowire.ConsumeTag(b)
		if num != 2 {
			b = b[n+protowire.ConsumeFieldValue(num, typ, b[n:]):]
			continue
		}
		raw, _ := protowire.ConsumeBytes(b[n:])
		_, _, n = protowire.ConsumeTag(raw)
		meta, _ := protowire.ConsumeBytes(raw[n:])
		err := m.Unmarshal(meta)
		return m.Continue, err
	}
	return "", fmt.Errorf("no list in %d bytes", len(page))
}

// BenchmarkWatchList downloads 50,000 pods as a protobuf WatchList, up to the bookmark that ends it.
func BenchmarkWatchList(b *testing.B) {
	b.Run("packed", func(b *testing.B) { watchList(b, Config{}) })
	b.Run("plain", func(b *testing.B) { watchList(b, Config{Plain: true}) })
}

func watchList(b *testing.B, cfg Config) {
	_, host := loaded(b, cfg, benchPods)
	defer http.DefaultClient.CloseIdleConnections()
	total := int64(0)
	buf := make([]byte, 1<<20)
	for b.Loop() {
		body := open(b, host+"/api/v1/pods?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true")
		for n := 0; n <= benchPods; n++ {
			if _, err := io.ReadFull(body, buf[:4]); err != nil {
				b.Fatal(err)
			}
			size := int(binary.BigEndian.Uint32(buf))
			if _, err := io.ReadFull(body, buf[:size]); err != nil {
				b.Fatal(err)
			}
			total += int64(size)
		}
		body.Close()
	}
	b.ReportMetric(float64(total)/float64(b.N)/1e6, "MB/op")
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N*benchPods)*1e6, "µs/pod")
}

// BenchmarkLoad stores 50,000 pods; it reports what one costs in time and in live heap.
func BenchmarkLoad(b *testing.B) {
	made := make([]*corev1.Pod, 1000) // making pods is not what is measured
	for i := range made {
		made[i] = bigPod(i)
	}
	before := liveHeap()
	var s *Server
	for b.Loop() {
		if s != nil {
			s.Close()
		}
		s = New(Config{})
		if _, err := s.Load(func(yield func(runtime.Object) bool) {
			for i := range benchPods {
				p := *made[i%len(made)]
				p.Name = fmt.Sprintf("web-%06d", i)
				if !yield(&p) {
					return
				}
			}
		}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(liveHeap()-before)/benchPods, "heapB/pod")
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N*benchPods)*1e6, "µs/pod")
	s.Close()
}

// BenchmarkUpdate changes one pod of 50,000 at a time through the direct API, as churn does.
func BenchmarkUpdate(b *testing.B) {
	s := New(Config{})
	defer s.Close()
	if _, err := s.Load(podSeq(benchPods)); err != nil {
		b.Fatal(err)
	}
	p := bigPod(7)
	p.CreationTimestamp = metav1.NewTime(time.Unix(1_700_000_000, 0))
	for b.Loop() {
		p.ResourceVersion = ""
		if err := s.Update(p); err != nil {
			b.Fatal(err)
		}
	}
}
