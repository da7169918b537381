//go:build unix

package history

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestSecretsLeaveNoTrace plants a value wherever a caller might leave it, and looks for it in every byte on the disk.
func TestSecretsLeaveNoTrace(t *testing.T) {
	const marker = "hunter2-Tr0ub4dor-correct-horse"
	encoded := base64.StdEncoding.EncodeToString([]byte(marker))
	path := dbPath(t)
	s := mustOpen(t, path, Options{Retention: Retention{Entries: 3}})
	secret := fmt.Appendf(nil, `{"kind":"Secret","metadata":{"name":"s","annotations":{"kubectl.kubernetes.io/last-applied-configuration":"{\"stringData\":{\"p\":\"%s\"}}"}},"data":{"p":%q},"stringData":{"p":%q}}`, marker, encoded, marker)
	for i := range 8 {
		in := Intent{Kind: "v1/Secret", Resource: "secrets", Namespace: "web", Name: "s", UID: "uid-s", Fields: []string{".data.p"}, Body: secret}
		switch i % 3 { // each alone is enough
		case 0:
			in.Secret = true
			in.Kind, in.Resource = "", ""
		case 1:
			in.Kind = ""
		case 2:
			in.Resource = ""
		}
		id := mustBegin(t, s, in)
		mustFinish(t, s, id, Outcome{State: Unknown, Reason: `Invalid value: "` + marker + `"`, Message: `Invalid value: "` + marker + `" ` + encoded})
		mustFinish(t, s, id, Outcome{State: Applied, Version: fmt.Sprint(i), Reason: "OK", Message: marker, Object: secret})
		if i == 5 { // also what is set aside
			s.Close()
			f, err := os.OpenFile(path, os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			f.WriteAt([]byte("damage"), 0)
			f.Close()
			s = mustOpen(t, path, Options{Retention: Retention{Entries: 3}})
		}
	}
	vs := mustVersions(t, s, "uid-s")
	if len(vs) == 0 || vs[0].Object != nil || vs[0].Digest == "" {
		t.Fatalf("versions of a Secret: %+v", vs)
	}
	if !s.Same(vs[0], secret) {
		t.Error("the digest does not match the object it was made of")
	}
	e := mustFind(t, s, Query{Body: true})[0]
	if e.Intent.Body != nil || e.Intent.Digest == "" || !e.Intent.Secret || e.Outcome.Message != "" || e.Outcome.Reason != "OK" {
		t.Errorf("entry of a Secret: %+v", e)
	}

	files, err := filepath.Glob(filepath.Join(filepath.Dir(path), "*"))
	if err != nil || len(files) < 5 {
		t.Fatalf("files %v, %v", files, err)
	}
	plant := filepath.Join(filepath.Dir(path), "control") // shows that the search can find something
	write(t, plant, []byte("xx"+marker+"xx"))
	found := 0
	for _, f := range append(files, plant) {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, form := range forms(marker) {
			if bytes.Contains(bytes.ToLower(b), []byte(strings.ToLower(form))) {
				found++
				if f != plant {
					t.Errorf("%s holds %q", f, form)
				}
			}
		}
	}
	if found == 0 {
		t.Error("the search finds nothing, not even what was planted")
	}
}

// forms are the ways in which a text may be written down.
func forms(text string) []string {
	out := []string{text, hex.EncodeToString([]byte(text)), text[:12]}
	for shift := range 3 { // base64 of it within something longer, without the characters that its neighbours share
		enc := base64.RawStdEncoding.EncodeToString([]byte(strings.Repeat("x", shift) + text))
		out = append(out, enc[4:len(enc)-4])
	}
	return out
}

func TestSame(t *testing.T) {
	for _, secret := range []bool{false, true} {
		t.Run(fmt.Sprintf("secret=%v", secret), func(t *testing.T) {
			s := mustOpen(t, dbPath(t), Options{})
			in := deployment("web")
			in.Secret = secret
			mustFinish(t, s, mustBegin(t, s, in), Outcome{State: Applied, Object: []byte(`{"metadata":{"name":"a","resourceVersion":"1"},"data":{"n":12345678901234567890}}`)})
			v := mustVersions(t, s, in.UID)[0]
			for _, tt := range []struct {
				object string
				want   bool
			}{
				{`{"metadata":{"name":"a","resourceVersion":"1"},"data":{"n":12345678901234567890}}`, true},
				{`{ "data":{"n":12345678901234567890}, "metadata":{"resourceVersion":"2","generation":4,"name":"a","managedFields":[]}}`, true},
				{`{"metadata":{"name":"b"},"data":{"n":12345678901234567890}}`, false},
				{`{"metadata":{"name":"a"},"data":{"n":12345678901234567891}}`, false},
				{`not json`, false},
				{``, false},
			} {
				if got := s.Same(v, []byte(tt.object)); got != tt.want {
					t.Errorf("Same(%s) = %v", tt.object, got)
				}
			}
		})
	}
}

func TestKey(t *testing.T) {
	path := dbPath(t)
	s := mustOpen(t, path, Options{})
	begin := func(s *Store, uid string) Version {
		in := deployment("web")
		in.Secret, in.UID = true, uid
		mustFinish(t, s, mustBegin(t, s, in), Outcome{State: Applied, Object: object(1)})
		return mustVersions(t, s, uid)[0]
	}
	a, b := begin(s, "a"), begin(s, "b")
	if a.Digest == b.Digest {
		t.Error("equal values of two Secrets have one digest")
	}
	again := mustOpen(t, path, Options{})
	if !again.Same(a, object(1)) {
		t.Error("the key changed between two runs")
	}
	for name, spoil := range map[string]func(){
		"lost":      func() { os.Remove(path + ".key") },
		"cut short": func() { write(t, path+".key", []byte("short")) },
	} {
		spoil()
		if s.Same(a, object(1)) {
			t.Errorf("%s: Same without the key", name)
		}
		// An outcome must be recorded although the key was lost after the intent.
		in := deployment("web")
		in.Secret, in.UID = true, "c-"+name
		id := mustBegin(t, s, in)
		spoil()
		mustFinish(t, s, id, Outcome{State: Applied, Object: object(1)})
		if v := mustVersions(t, s, in.UID)[0]; !s.Same(v, object(1)) || s.Same(a, object(1)) {
			t.Errorf("%s: the new key does not work", name)
		}
		if got := len(mustFind(t, s, Query{UID: "a"})); got != 1 {
			t.Errorf("%s: %d entries of the old key", name, got)
		}
	}
}

func BenchmarkBeginFinish(b *testing.B) {
	for _, size := range []int{2 << 10, 1 << 20} {
		b.Run(fmt.Sprintf("%dKiB", size>>10), func(b *testing.B) {
			s := mustOpen(b, dbPath(b), Options{})
			in := deployment("web")
			in.Body = bytes.Repeat([]byte(`{"name":"some field of some object","value":42},`), size/48)
			for b.Loop() {
				mustFinish(b, s, mustBegin(b, s, in), Outcome{State: Applied, Object: in.Body})
			}
		})
	}
}

func BenchmarkVersions(b *testing.B) {
	s := mustOpen(b, dbPath(b), Options{})
	for i := range 200 {
		mustFinish(b, s, mustBegin(b, s, deployment(fmt.Sprint(i%50))), Outcome{State: Applied, Object: object(i)})
	}
	for b.Loop() {
		if vs := mustVersions(b, s, "uid-7"); len(vs) != 3 {
			b.Fatal(vs)
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	path := dbPath(b)
	s := mustOpen(b, path, Options{})
	mustBegin(b, s, deployment("web"))
	s.Close()
	for b.Loop() {
		s, err := Open(path, Options{})
		if err != nil {
			b.Fatal(err)
		}
		if err := s.Ready(context.Background()); err != nil {
			b.Fatal(err)
		}
		s.Close()
	}
}
