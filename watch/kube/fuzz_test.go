package kube

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"io"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"orka/watch"
)

// frame is one event as a server sends it.
func frame(t testing.TB, media, typ string, obj runtime.Object) []byte {
	t.Helper()
	gv := corev1.SchemeGroupVersion
	if _, ok := obj.(*metav1.Status); ok {
		gv = metav1.SchemeGroupVersion
	}
	e := &metav1.WatchEvent{Type: typ, Object: runtime.RawExtension{Raw: bytes.TrimSpace(encoded(t, media, obj, gv))}}
	if media == mediaJSON {
		return append([]byte(`{"type":"`+typ+`","object":`), append(e.Object.Raw, "}\n"...)...)
	}
	data, err := e.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(data))), data...) //nolint:gosec // of a test
}

func streamOf(media string, data []byte) *stream {
	return &stream{
		resp: &http.Response{Body: http.NoBody}, kind: podKind, d: testDecoder(podKind, Limits{MaxAnnos: 16}),
		r: bufio.NewReaderSize(bytes.NewReader(data), streamBuffer), proto: media == mediaProtobuf,
	}
}

// FuzzStream holds of any bytes as a watch: what comes of it are objects that have a name, and one error at the end.
func FuzzStream(f *testing.F) {
	for _, media := range []string{mediaProtobuf, mediaJSON} {
		var all []byte
		all = append(all, frame(f, media, "ADDED", bigPod(1))...)
		all = append(all, frame(f, media, "BOOKMARK", &corev1.Pod{ObjectMeta: metav1.ObjectMeta{ResourceVersion: "9", Annotations: map[string]string{metav1.InitialEventsAnnotationKey: "true"}}})...)
		all = append(all, frame(f, media, "DELETED", bigPod(1))...)
		all = append(all, frame(f, media, "ERROR", &metav1.Status{Code: 410, Reason: metav1.StatusReasonExpired})...)
		f.Add(media == mediaProtobuf, all)
		f.Add(media == mediaProtobuf, all[:len(all)/2])
	}
	f.Fuzz(func(t *testing.T, proto bool, data []byte) {
		media := mediaJSON
		if proto {
			media = mediaProtobuf
		}
		s := streamOf(media, data)
		for range len(data) + 1 { // no frame is empty
			events, err := s.Next()
			for _, e := range events {
				if e.Type == watch.EventBookmark {
					continue
				}
				if e.Delta.Object == nil || e.Delta.Object.Name == "" {
					t.Fatalf("an event without a name: %+v", e)
				}
				if (e.Type == watch.EventDeleted) != (e.Delta.Op == watch.Deleted) {
					t.Fatalf("event %d has op %d", e.Type, e.Delta.Op)
				}
			}
			if err != nil {
				return
			}
		}
		t.Fatalf("%d bytes have no end", len(data))
	})
}

// TestStreamFrames holds that the seeds of FuzzStream are what they are meant to be.
func TestStreamFrames(t *testing.T) {
	for _, media := range []string{mediaProtobuf, mediaJSON} {
		s := streamOf(media, append(frame(t, media, "ADDED", bigPod(1)), frame(t, media, "ERROR", &metav1.Status{Code: 410, Message: "gone\x1b[2J"})...))
		events, err := s.Next()
		for err == nil {
			var more []watch.Event
			more, err = s.Next()
			events = append(events, more...)
		}
		if len(events) != 1 || events[0].Delta.Object.Name != bigPod(1).Name || !hasCode(err, http.StatusGone) || strings.Contains(err.Error(), "\x1b") {
			t.Errorf("%s: %+v, %v", media, events, err)
		}
	}
}

// FuzzStatus holds of any answer that its error is fit for a screen, and within bounds.
func FuzzStatus(f *testing.F) {
	status := &metav1.Status{Status: metav1.StatusFailure, Code: 429, Reason: metav1.StatusReasonTooManyRequests, Message: "slow down",
		Details: &metav1.StatusDetails{RetryAfterSeconds: 7, Causes: []metav1.StatusCause{{Type: metav1.CauseTypeResourceVersionTooLarge}}}}
	f.Add(mediaProtobuf, 429, "7", encoded(f, mediaProtobuf, status, metav1.SchemeGroupVersion))
	f.Add(mediaJSON, 503, "Fri, 31 Dec 9999 23:59:59 GMT", encoded(f, mediaJSON, status, metav1.SchemeGroupVersion))
	f.Add(mediaProtobuf, 492, "0", encoded(f, mediaProtobuf, &metav1.Status{Code: 1, Reason: "odd\x1b[2J"}, metav1.SchemeGroupVersion))
	f.Add("text/html", 502, "-1", []byte("<html>\x1b[2J"))
	f.Add(mediaJSON, 403, "", []byte(`{"kind":"Status","details":{"retryAfterSeconds":-2147483648}}`))
	f.Fuzz(func(t *testing.T, media string, code int, after string, body []byte) {
		e := answerError("list", podKind, &http.Response{StatusCode: code, Header: http.Header{"Content-Type": {media}, "Retry-After": {after}}, Body: io.NopCloser(bytes.NewReader(body))})
		if e.RetryAfter < 0 || e.RetryAfter > retryAfterMax {
			t.Errorf("retry after %s", e.RetryAfter)
		}
		text := e.Error()
		if !utf8.ValidString(text) || watch.Sanitize(text) != text || len(text) > 8*messageLimit {
			t.Errorf("text %q", text)
		}
	})
}
