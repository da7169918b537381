package watch

import "testing"

// The appending forms agree with the packing ones.
func TestAppend(t *testing.T) {
	var cells []byte
	for i, c := range []string{"", "1/1", "Running", ""} {
		cells = AppendCell(cells, i, c)
	}
	if want := PackCells("", "1/1", "Running", ""); Cells(cells) != want {
		t.Errorf("cells %q, want %q", cells, want)
	}
	var pairs []byte
	pairs = AppendPair(pairs, "a", "1")
	pairs = append(AppendPair(pairs, "b", "2"), "=3"...)
	if want := PackPairs(map[string]string{"a": "1", "b": "2=3"}); Pairs(pairs) != want {
		t.Errorf("pairs %q, want %q", pairs, want)
	}
}

func TestInternerBytes(t *testing.T) {
	var in Interner
	b := []byte("node-1")
	s := in.Bytes(b)
	b[0] = 'X'
	if s != "node-1" || in.String("node-1") != s {
		t.Errorf("interned %q", s)
	}
	if n := testing.AllocsPerRun(100, func() { in.Bytes([]byte("node-1")) }); n != 0 {
		t.Errorf("%v allocations for bytes that are known", n)
	}
}
