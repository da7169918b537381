package columns

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"orka/watch"
)

// printed is one object and the row that the API server's own printers made of it. testdata/printers.jsonl.gz
// holds them for random objects of every kind; testdata/README.md says how it was made.
type printed struct {
	Group, Version, Kind string
	Object               json.RawMessage
	Columns              []metav1.TableColumnDefinition `json:",omitempty"`
	Cells                []any                          `json:",omitempty"`
	Now                  int64                          `json:",omitempty"` // Unix seconds; on the first line alone
}

// defaultConvertor are kinds whose registry does not use the printers but the server's default table, which the
// integration test compares.
var defaultConvertor = map[string]bool{"Role": true, "ClusterRole": true, "LimitRange": true, "CSIStorageCapacity": true, "CustomResourceDefinition": true}

// newer are versions that v1.36.3 does not serve; they share their code with those it does.
var newer = map[watch.GVK]bool{
	{Group: "certificates.k8s.io", Version: "v1", Kind: "ClusterTrustBundle"}:          true,
	{Group: "storagemigration.k8s.io", Version: "v1", Kind: "StorageVersionMigration"}: true,
}

// TestPrinters compares columns and cells with what kubernetes/pkg/printers/internalversion (v1.36.3) made of the
// same objects.
func TestPrinters(t *testing.T) {
	path := "testdata/printers.jsonl.gz"
	if p := os.Getenv("ORKA_PRINTERS_IN"); p != "" {
		path = p
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	decoder := json.NewDecoder(z)
	decoder.UseNumber()
	var now time.Time
	rows := map[watch.GVK]int{}
	for {
		var want printed
		if err := decoder.Decode(&want); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if want.Now != 0 {
			now = time.Unix(want.Now, 0)
			continue
		}
		gvk := watch.GVK{Group: want.Group, Version: want.Version, Kind: want.Kind}
		rows[gvk]++
		comparePrinted(t, gvk, want, now)
	}
	for _, gvk := range Known() {
		if rows[gvk] == 0 && !defaultConvertor[gvk.Kind] && !newer[gvk] {
			t.Errorf("no row of %v", gvk)
		}
	}
}

func comparePrinted(t *testing.T, gvk watch.GVK, want printed, now time.Time) {
	t.Helper()
	object := newObject(t, gvk)
	if err := json.Unmarshal(want.Object, object); err != nil {
		t.Fatal(err)
	}
	columns := For(gvk)
	if diff := cmp.Diff(definitions(want.Columns), heads(columns)); diff != "" {
		t.Errorf("%v: columns: -want +got\n%s", gvk, diff)
		return
	}
	meta := object.(metav1.Object)
	o := &watch.Object{Name: watch.Sanitize(meta.GetName()), Cells: Project(gvk, object, nil).Cells}
	if created := meta.GetCreationTimestamp(); !created.IsZero() {
		o.Created = created.Unix()
	}
	raw := want.Object
	for i, c := range columns {
		if want, got := wantCell(want.Cells[i]), Render(c, i, o, now); want != got {
			t.Errorf("%v: %s: want %q, got %q of %s", gvk, c.Name, want, got, raw)
		}
	}
}

type head struct {
	Name string
	Wide bool
}

func definitions(all []metav1.TableColumnDefinition) (out []head) {
	for _, c := range all {
		out = append(out, head{strings.ToUpper(c.Name), c.Priority != 0})
	}
	return out
}

func heads(all []watch.Column) (out []head) {
	for _, c := range all {
		out = append(out, head{c.Name, c.Wide})
	}
	return out
}

// wantCell is a cell of the server as kubectl prints it (the first line, nothing for null), sanitised.
func wantCell(cell any) string {
	if cell == nil {
		return ""
	}
	s := fmt.Sprint(cell)
	if i := strings.IndexAny(s, "\f\n\r"); i >= 0 {
		return watch.Sanitize(s[:i]) + "..."
	}
	return watch.Sanitize(s)
}

// TestWriteObjects writes random objects for the printers to ORKA_PRINTERS_OUT: the first half of making
// testdata/printers.jsonl.gz.
func TestWriteObjects(t *testing.T) {
	path := os.Getenv("ORKA_PRINTERS_OUT")
	if path == "" {
		t.Skip("ORKA_PRINTERS_OUT names no file")
	}
	perKind := 30
	if s := os.Getenv("ORKA_PRINTERS_N"); s != "" {
		fmt.Sscan(s, &perKind)
	}
	rng := rand.New(rand.NewPCG(7, 7))
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	for _, gvk := range Known() {
		if defaultConvertor[gvk.Kind] || newer[gvk] {
			continue
		}
		for written := 0; written < perKind; {
			o := newObject(t, gvk)
			fill(reflect.ValueOf(o).Elem(), rng, tame, 0)
			reflect.ValueOf(o).Elem().FieldByName("TypeMeta").Set(reflect.ValueOf(metav1.TypeMeta{APIVersion: gvk.GroupVersion(), Kind: gvk.Kind}))
			b, err := json.Marshal(o)
			if err != nil || len(b) > 5000 {
				continue
			}
			if err := encoder.Encode(printed{Group: gvk.Group, Version: gvk.Version, Kind: gvk.Kind, Object: b}); err != nil {
				t.Fatal(err)
			}
			written++
		}
	}
	if err := os.WriteFile(path, out.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}
