package kube

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"orka/watch"
	"orka/watch/recording"
	"orka/watch/sim"
)

// marker stands for a value that nobody may find in a recording.
const marker = "VALUE-NOBODY-MAY-SEE-4711"

// holdsMarker looks for the marker plain, in base64 at each of its three offsets, and in the names of nothing else.
func holdsMarker(text []byte) bool {
	for i := range 3 {
		enc := base64.StdEncoding.EncodeToString(append(make([]byte, i), marker...))
		if bytes.Contains(text, []byte(enc[4:len(enc)-4])) {
			return true
		}
	}
	return bytes.Contains(text, []byte(marker))
}

func markedSecret(name string) *corev1.Secret {
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "default", Name: name, UID: "u-1", ResourceVersion: "7",
			Annotations: map[string]string{
				"kubectl.kubernetes.io/last-applied-configuration": `{"stringData":{"password":"` + marker + `"}}`,
				"example.dev/copy":          "see " + marker,
				"kapp.k14s.io/original":     `{"data":"anything"}`,
				"example.dev/last-applied":  "anything",
				"example.dev/as-it-was-set": base64.StdEncoding.EncodeToString([]byte(marker)),
			},
		},
		Type:       corev1.SecretTypeOpaque,
		Data:       map[string][]byte{"password": []byte(marker), "empty": {}},
		StringData: map[string]string{"other": marker},
	}
}

// TestSecretsAreRecordedWithoutValues: whatever the encoding and however broken the object.
func TestSecretsAreRecordedWithoutValues(t *testing.T) {
	s := markedSecret("s")
	plain, err := s.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	odd := []byte(`{"metadata":{"name":"s","namespace":"default","uid":"u-1","resourceVersion":"7"},"data":"` + marker + `"}`)
	unknown := []byte(`{"metadata":{"name":"s","namespace":"default","uid":"u-1","resourceVersion":"7"},"spec":"` + marker + `","data":{"k":["` + marker + `"]}}`)
	for name, test := range map[string]struct {
		enc   watch.Encoding
		raw   []byte
		whole bool
	}{
		"protobuf": {watch.EncodingProtobuf, plain, true}, "JSON": {watch.EncodingJSON, text, true},
		"front of a protobuf": {watch.EncodingProtobuf, plain, false}, "front of a JSON": {watch.EncodingJSON, text, false},
		"broken protobuf": {watch.EncodingProtobuf, append(bytes.Clone(plain), 0xff), true}, "broken JSON": {watch.EncodingJSON, text[:len(text)-2], true},
		"odd data": {watch.EncodingJSON, odd, true}, "unknown members": {watch.EncodingJSON, unknown, true}, "nothing": {watch.EncodingJSON, nil, true},
	} {
		kept, readable := withoutValues(test.enc, test.raw, test.whole)
		if holdsMarker(kept) {
			t.Errorf("%s: the value is in %s", name, kept)
		}
		id, ok := jsonIdentity(kept)
		if name != "nothing" && (!ok || id.name != "s" || id.namespace != "default" || id.uid != "u-1" || id.version != "7") {
			t.Errorf("%s: identity %+v of %s", name, id, kept)
		}
		if (name == "protobuf" || name == "JSON") && !readable {
			t.Errorf("%s: not readable: %s", name, kept)
		}
	}
}

// TestRecordedSecret records lists and streams of a server and greps all that is in the file; what is played is the
// same object as the live one.
func TestRecordedSecret(t *testing.T) {
	server := sim.New(sim.Config{})
	defer server.Close()
	writer := recording.NewWriter()
	client, err := New(&rest.Config{Host: server.Host(), Dial: server.Dial}, Options{Recorder: writer})
	if err != nil {
		t.Fatal(err)
	}
	defer client.CloseIdle()
	var buf bytes.Buffer
	wctx, stop := context.WithCancel(t.Context())
	written := make(chan error, 1)
	go func() { written <- writer.Run(wctx, &buf, recording.Header{}) }()
	d, err := client.Discover(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var kind *watch.Kind
	for _, k := range d.Kinds {
		if IsSecret(k) {
			kind = k
		}
	}
	if err := server.Create(markedSecret("listed")); err != nil {
		t.Fatal(err)
	}
	scope := watch.Scope{Kind: kind}
	live := map[string]*watch.Object{}
	end, err := client.List(t.Context(), scope, watch.ListQuery{Limit: 500}, func(ds []watch.Delta) error {
		for _, d := range ds {
			live[d.Object.Name] = d.Object
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	s, err := client.Watch(ctx, scope, watch.WatchQuery{ResourceVersion: end.ResourceVersion})
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Create(markedSecret("watched")); err != nil {
		t.Fatal(err)
	}
	for len(live) < 2 {
		events, err := s.Next()
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			if e.Type != watch.EventBookmark {
				live[e.Delta.Object.Name] = e.Delta.Object
			}
		}
	}
	_ = s.Close()
	stop()
	if err := <-written; err != nil {
		t.Fatal(err)
	}

	file, err := recording.Read(bytes.NewReader(buf.Bytes()), int64(buf.Len()))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	player := recording.NewPlayer(file, 0)
	seen := 0
	err = player.History(scope, func(r recording.Record) error {
		seen++
		if holdsMarker(r.Data) {
			t.Errorf("the value is in %s", r.Data)
		}
		return nil
	})
	if err != nil || seen < 6 || holdsMarker(buf.Bytes()) {
		t.Errorf("%d records, %v", seen, err)
	}
	replay, err := New(&rest.Config{}, Options{Player: player})
	if err != nil {
		t.Fatal(err)
	}
	played, err := replay.Discover(t.Context())
	if err != nil || len(played.Kinds) != len(d.Kinds) {
		t.Fatalf("%d kinds, want %d: %v", len(played.Kinds), len(d.Kinds), err)
	}
	for name, want := range live {
		got, _, err := replay.Get(t.Context(), kind, "default", name)
		if err != nil {
			t.Fatal(err)
		}
		if got.UID != want.UID || got.Cells != want.Cells || got.ResourceVersion != want.ResourceVersion || strings.Contains(string(got.Annos), marker) {
			t.Errorf("%s: played %+v, live %+v", name, got, want)
		}
	}
	if _, _, err := replay.Get(t.Context(), kind, "default", "nothere"); !IsNotFound(err) {
		t.Errorf("what was not recorded: %v", err)
	}
	if _, err := replay.HTTP().Get("http://recording.invalid/"); err == nil || !strings.Contains(err.Error(), ErrRecording.Error()) { //nolint:noctx,bodyclose // it is refused
		t.Errorf("a request of a client that plays: %v", err)
	}
}
