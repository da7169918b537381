package kube

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"orka/watch"
	"orka/watch/columns"
)

var projectionNone = columns.Projection{}

func podList(n int) *corev1.PodList {
	l := &corev1.PodList{ListMeta: metav1.ListMeta{ResourceVersion: "4711", Continue: "next", RemainingItemCount: new(int64(1200))}}
	for i := range n {
		l.Items = append(l.Items, *bigPod(i))
	}
	return l
}

// readList runs a lister over bytes that come through wrap.
func readList(t testing.TB, media string, data []byte, wrap func(io.Reader) io.Reader) (names []string, chunks int, end watch.ListEnd, err error) {
	t.Helper()
	l := &lister{r: bufio.NewReaderSize(wrap(bytes.NewReader(data)), 4096), d: testDecoder(podKind, Limits{MaxAnnos: 16}),
		end: watch.ListEnd{Remaining: -1}, emit: func(page []watch.Delta) error {
			chunks++
			for _, d := range page {
				names = append(names, d.Object.Name)
			}
			return nil
		}}
	if media == mediaProtobuf {
		err = l.proto()
	} else {
		err = l.json()
	}
	if err == nil {
		err = l.flush()
	}
	return names, chunks, l.end, err
}

func TestListsInBothEncodings(t *testing.T) {
	list := podList(300)
	var want []string
	for _, p := range list.Items {
		want = append(want, p.Name)
	}
	whole := func(r io.Reader) io.Reader { return r }
	for _, media := range []string{mediaProtobuf, mediaJSON} {
		data := encoded(t, media, list, corev1.SchemeGroupVersion)
		for name, wrap := range map[string]func(io.Reader) io.Reader{"whole": whole, "halves": iotest.HalfReader, "bytes": iotest.OneByteReader} {
			names, chunks, end, err := readList(t, media, data, wrap)
			if err != nil {
				t.Fatalf("%s, %s: %v", media, name, err)
			}
			if diff := cmp.Diff(want, names); diff != "" {
				t.Errorf("%s, %s: %s", media, name, diff)
			}
			if diff := cmp.Diff(watch.ListEnd{ResourceVersion: "4711", Continue: "next", Remaining: 1200}, end); diff != "" {
				t.Errorf("%s, %s: %s", media, name, diff)
			}
			if chunks != 3 {
				t.Errorf("%s, %s: %d chunks, want 3 of up to %d", media, name, chunks, listChunk)
			}
		}
		for _, n := range []int{0, 3, 10, len(data) / 2, len(data) - 3} {
			if _, _, _, err := readList(t, media, data[:n], whole); !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%s cut at %d of %d: %v, want an unexpected end", media, n, len(data), err)
			}
		}
	}
}

func TestOddJSONLists(t *testing.T) {
	whole := func(r io.Reader) io.Reader { return r }
	for in, want := range map[string]string{
		`{"kind":"PodList","items":null,"metadata":{"resourceVersion":"9"}}`:                                                                   "",
		`{"metadata":{"resourceVersion":"9"},"items":[]}`:                                                                                      "",
		"\n{ \"items\" : [ {\"metadata\":{\"name\":\"a\"}} , {\"metadata\":{\"name\":\"b\"}} ] ,\n\"metadata\":{\"resourceVersion\":\"9\"}}\n": "a b",
		`{"metadata":{"resourceVersion":"9"},"x":{"items":[1]},"items":[{"metadata":{"name":"a"}},7,{"spec":{}}]}`:                             "a",
	} {
		names, _, end, err := readList(t, mediaJSON, []byte(in), whole)
		if err != nil || strings.Join(names, " ") != want || end.ResourceVersion != "9" {
			t.Errorf("%s: %q, %+v, %v; want %q at 9", in, names, end, err, want)
		}
	}
	for _, in := range []string{`[]`, `{"items":[{}{}]}`, `{"items":[,]}`, `{"items" 1}`, `{"metadata":{} "items":[]}`, `null`, `x`} {
		if _, _, _, err := readList(t, mediaJSON, []byte(in), whole); err == nil {
			t.Errorf("%s: no error", in)
		}
	}
}

func FuzzLists(f *testing.F) {
	f.Add(true, encoded(f, mediaProtobuf, podList(2), corev1.SchemeGroupVersion))
	f.Add(false, encoded(f, mediaJSON, podList(2), corev1.SchemeGroupVersion))
	f.Fuzz(func(t *testing.T, proto bool, data []byte) {
		media := mediaJSON
		if proto {
			media = mediaProtobuf
		}
		_, _, _, _ = readList(t, media, data, func(r io.Reader) io.Reader { return r })
	})
}

// TestListCutShort cuts a list wherever it can be cut: half a list is never taken for a whole one, on whose strength what
// is missing from it would be deleted.
func TestListCutShort(t *testing.T) {
	whole := func(r io.Reader) io.Reader { return r }
	for _, media := range []string{mediaProtobuf, mediaJSON} {
		list := &corev1.PodList{ListMeta: metav1.ListMeta{ResourceVersion: "4711"}}
		for _, name := range []string{"a", "b"} {
			list.Items = append(list.Items, corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "default"}})
		}
		data := bytes.TrimSpace(encoded(t, media, list, corev1.SchemeGroupVersion))
		if media == mediaProtobuf {
			// Behind the list come its content's encoding and type, both empty, which nobody misses.
			rest := []byte{0x1a, 0, 0x22, 0}
			if !bytes.HasSuffix(data, rest) {
				t.Fatalf("ends in % x", data[len(data)-8:])
			}
			data = data[:len(data)-len(rest)]
		}
		if _, _, _, err := readList(t, media, data, whole); err != nil {
			t.Fatalf("%s, whole: %v", media, err)
		}
		for n := range data {
			if _, _, _, err := readList(t, media, data[:n], whole); !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Fatalf("%s cut at %d of %d: %v, want an unexpected end", media, n, len(data), err)
			}
		}
	}
}
