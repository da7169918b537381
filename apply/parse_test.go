package apply

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
	"sigs.k8s.io/yaml"
)

// bomb doubles with every line.
func bomb(levels int) string {
	var b strings.Builder
	b.WriteString("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n")
	for n := 1; n < levels; n++ {
		fmt.Fprintf(&b, "a%d: &a%d [*a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d]\n", n, n, n-1, n-1, n-1, n-1, n-1, n-1, n-1, n-1)
	}
	return b.String()
}

// chain nests by aliases what does not look nested.
func chain(levels int) string {
	var b strings.Builder
	b.WriteString("a0: &a0 [x]\n")
	for n := 1; n < levels; n++ {
		fmt.Fprintf(&b, "a%d: &a%d [*a%d]\n", n, n, n-1)
	}
	return b.String()
}

func wideText(text string) string {
	out := []byte{0xff, 0xfe}
	for _, u := range utf16.Encode([]rune(text)) {
		out = append(out, byte(u), byte(u>>8))
	}
	return string(out)
}

const plain = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: web\n"

func TestParseDraftRefuses(t *testing.T) {
	tests := map[string]struct {
		text      string
		line      int
		want      string
		cancelled bool // it is ErrNoChange, too
	}{
		"empty":             {text: "", want: "the text is empty", cancelled: true},
		"blank":             {text: "\n  \n\n", want: "the text is empty", cancelled: true},
		"only comments":     {text: "# one\n# two\n---\n# three\n", want: "the text is empty", cancelled: true},
		"not YAML":          {text: plain + "data: [a, b\n", line: 5, want: "this is not YAML: did not find expected ',' or ']'"},
		"next line":         {text: plain + "data: {a: \"b\u0085c\"}\n", line: 5, want: `in double quotes it is written \u0085`},
		"broken quote":      {text: plain + "data: {a: \"b}\n", want: "this is not YAML"},
		"bad indent":        {text: plain + "   data: x\n", line: 5, want: "this is not YAML"},
		"tab":               {text: plain + "data:\n\ta: b\n", line: 6, want: "a tab indents this line"},
		"tab after spaces":  {text: plain + "data:\n  a: b\n  \tb: c\n", line: 7, want: "a tab indents this line"},
		"two documents":     {text: plain + "---\n" + plain, line: 5, want: "a second document begins here"},
		"UTF-16":            {text: wideText(plain), want: "UTF-16; save it as UTF-8"},
		"UTF-16, no mark":   {text: wideText(plain)[2:], want: "UTF-16; save it as UTF-8"},
		"not UTF-8":         {text: plain + "data: {a: \xff}\n", line: 5, want: "the byte 0xff is not UTF-8"},
		"control character": {text: plain + "data: {a: \"x\x07\"}\n", line: 5, want: "the control character 0x07"},
		"NUL":               {text: plain + "data: {a: \x00}\n", line: 5, want: "the control character 0x00"},
		"alias bomb":        {text: bomb(12), line: 6, want: "more than 100000 values, aliases expanded"},
		"alias chain":       {text: chain(2000), want: "more than 100000 values, aliases expanded"},
		"cycle":             {text: plain + "data: &d {a: *d}\n", line: 5, want: "means what it is itself a part of"},
		"no anchor":         {text: plain + "data: {a: *hunter2}\n", want: "an alias (*name) has no anchor"},
		"deep flow":         {text: "a: " + strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000), want: "more than 500 levels deep"},
		"deeper flow":       {text: "a: " + strings.Repeat("[", 200_000), want: "this is not YAML"},
		"deep blocks":       {text: strings.Repeat("- ", 9_000) + "x", want: "more than 500 levels deep"},
		"deep maps":         {text: strings.Repeat("{a: ", 9_000) + "x" + strings.Repeat("}", 9000), want: "more than 500 levels deep"},
		"too many bytes":    {text: plain + "data: {a: " + strings.Repeat("x", 1<<20) + "}\n", want: "(ORKA_MAX_YAML_BYTES)"},
		"too many values":   {text: plain + "data: [" + strings.Repeat("x,", 100_001) + "]\n", want: "(ORKA_MAX_YAML_NODES)"},
		"key twice":         {text: plain + "data:\n  a: 1\n  b: 2\n  a: 3\n", line: 8, want: `the key "a" is already in line 6`},
		"key twice, deep":   {text: plain + "data: {a: {b: 1, c: 2, \"b\": 3}}\n", line: 5, want: `the key "b" is already in line 5`},
		"number as key":     {text: plain + "data: {1: x}\n", line: 5, want: "the key is not text but a number; put it in quotes"},
		"on as key":         {text: plain + "data:\n  on: x\n", line: 6, want: "the key is not text but true or false"},
		"null as key":       {text: plain + "data: {~: x}\n", line: 5, want: "the key is not text but empty"},
		"map as key":        {text: plain + "data: {{a: b}: x}\n", line: 5, want: "a key must be text"},
		"template":          {text: plain + "data: {{ .Values.x }}\n", line: 5, want: "a key must be text"},
		"a list":            {text: "- a\n- b\n", line: 1, want: "this is a list; an object"},
		"a scalar":          {text: "hello\n", line: 1, want: "this is a value; an object"},
		"NaN":               {text: plain + "data: {a: .nan}\n", line: 5, want: "not a number that JSON has"},
		"infinite":          {text: plain + "data: {a: -.inf}\n", line: 5, want: "not a number that JSON has"},
		"huge integer":      {text: plain + "data: {a: 99999999999999999999}\n", line: 5, want: "larger than 64 bits"},
		"hexadecimal":       {text: plain + "data: {a: 0xffffffffffffffff}\n", line: 5, want: "larger than 64 bits"},
		"Windows path":      {text: plain + "data:\n  path: \"C:\\Users\\me\"\n", line: 6, want: "this is not YAML"},
		"conflict markers":  {text: "<<<<<<< ours\n" + plain + "=======\n", want: "this is not YAML"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			d, err := parseDraft([]byte(tt.text), 0, 0)
			var draft *DraftError
			if !errors.As(err, &draft) {
				t.Fatalf("%v, %v; want a DraftError", d, err)
			}
			if !strings.Contains(draft.Message, tt.want) {
				t.Errorf("%q, want %q", draft.Message, tt.want)
			}
			if tt.line > 0 && draft.Line != tt.line {
				t.Errorf("line %d, want %d: %v", draft.Line, tt.line, err)
			}
			if errors.Is(err, ErrNoChange) != tt.cancelled {
				t.Errorf("errors.Is(%v, ErrNoChange) is %v", err, !tt.cancelled)
			}
			if strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "Users") {
				t.Errorf("quotes the draft: %v", err)
			}
		})
	}
}

// TestParseDraftReads: what is read is what kubectl reads.
func TestParseDraftReads(t *testing.T) {
	tests := map[string]string{
		"plain":             plain,
		"CRLF":              strings.ReplaceAll(plain+"data:\n  a: |\n    x\n    y\n", "\n", "\r\n"),
		"mark":              "\xef\xbb\xbf" + plain,
		"comments":          "# a\n" + plain + "data: # b\n  # c\n  a: 1 # d\n# e\n",
		"separator first":   "---\n" + plain,
		"separators":        "---\n# nothing\n---\n" + plain + "---\n...\n",
		"directive":         "%YAML 1.1\n---\n" + plain,
		"JSON":              `{"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "x\u0000y\n", "n": 1.0}}`,
		"JSON with tabs":    "{\n\t\"kind\": \"ConfigMap\",\n\t\"data\": {\n\t\t\"a\": [1, 2]\n\t}\n}\n",
		"yes and no":        plain + "data: {a: yes, b: no, c: on, d: \"off\", e: y}\n",
		"numbers":           plain + "data: {a: 1, b: 1.5, c: 1e3, d: 0o17, e: 017, f: 0x1f, g: -0, i: 1_000, j: \"80\", k: 12:30:45, l: 2020-01-01, m: 1.0}\n",
		"aliases":           plain + "data: {a: &x {b: c}, d: *x, e: [*x, *x]}\n",
		"merge":             plain + "data: {a: &x {b: c}, d: {<<: *x, e: f}}\n",
		"merges":            plain + "data: {a: &x {b: c}, w: &y {z: 1}, d: {<<: [*x, *y], b: own}}\n",
		"block scalars":     plain + "data:\n  a: |\n    one\n     two\n  b: >-\n    folded\n    text\n  c: |+\n    keep\n\n",
		"nulls":             plain + "data: {a: ~, b: null, c: , d: \"null\"}\n",
		"keys":              plain + "data: {a.b/c: 1, \"on\": 2, \"1\": 3, ? x : 4, 'with space': 5, ☃: 6}\n",
		"tags":              plain + "data: {a: !!str 1, b: !!int \"2\"}\n",
		"inner marker-like": plain + "data:\n  a: |\n    ---\n    x\n",
		"document end":      plain + "...\n# after\n",
		"emoji":             plain + "data: {a: 😀, b: \"\\U0001F600\"}\n",
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			d, err := parseDraft([]byte(text), 0, 0)
			if err != nil {
				t.Fatal(err)
			}
			var want map[string]any
			reference := strings.TrimPrefix(text, "\xef\xbb\xbf")
			for _, part := range strings.Split(strings.TrimPrefix(reference, "%YAML 1.1\n"), "---\n") {
				if name == "inner marker-like" {
					part = reference
				}
				part, _, _ = strings.Cut(part, "...\n")
				var one map[string]any
				if err := yaml.Unmarshal([]byte(part), &one); err != nil {
					t.Fatal(err)
				}
				if len(one) > 0 {
					want = one
				}
			}
			if d := cmp.Diff(integers(want), integers(d.object.Object)); d != "" {
				t.Errorf("(-kubectl +orka):\n%s", d)
			}
		})
	}
}

// TestLargeIntegers: what 64 bits hold stays what it is.
func TestLargeIntegers(t *testing.T) {
	d, err := parseDraft([]byte(plain+"data: {a: 9223372036854775807, b: -9223372036854775808, c: 9007199254740993}\n"), 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"a": int64(9223372036854775807), "b": int64(-9223372036854775808), "c": int64(9007199254740993)}
	if d := cmp.Diff(want, d.object.Object["data"]); d != "" {
		t.Error(d)
	}
}

func TestDraftTextReadsBack(t *testing.T) {
	c := newCluster(t, deployments, deploymentText)
	b := c.base()
	b.Object.Object["status"] = map[string]any{"replicas": int64(2)}
	text, err := draftText(b)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"# deployments.apps shop/web", "An empty or unchanged file cancels"} {
		if !bytes.Contains(text, []byte(want)) {
			t.Errorf("the draft lacks %q:\n%s", want, text)
		}
	}
	for _, gone := range []string{"status", "uid-1", "managedFields:", "creationTimestamp:"} {
		body := text[bytes.Index(text, []byte("\napiVersion")):]
		if bytes.Contains(body, []byte(gone)) {
			t.Errorf("the draft holds %q:\n%s", gone, text)
		}
	}
	if _, ok := b.Object.Object["status"]; !ok {
		t.Error("the base was changed")
	}
}

func TestPosition(t *testing.T) {
	text := `# comment
---
apiVersion: v1
kind: Pod
metadata: {name: x, labels: {a.b/c: "1"}}
spec:
  containers:
  - name: a
    image: a:1
  - image: b:1
    name: b
    ports:
    - containerPort: 80
  shared: &s
    deep: 1
  copy: *s
  merged:
    <<: *s
  set: [x, y]
`
	d, err := parseDraft([]byte(text), 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		path []any
		line int
	}{
		{[]any{"kind"}, 4},
		{[]any{"metadata", "labels", "a.b/c"}, 5},
		{[]any{"spec", "containers"}, 7},
		{[]any{"spec", "containers", fieldpath.KeyByFields("name", "b"), "image"}, 10},
		{[]any{"spec", "containers", fieldpath.KeyByFields("name", "b"), "ports", fieldpath.KeyByFields("containerPort", 80, "protocol", "TCP"), "containerPort"}, 13},
		{[]any{"spec", "containers", 0, "image"}, 9},
		{[]any{"spec", "containers", fieldpath.KeyByFields("name", "b"), "missing"}, 10},
		{[]any{"spec", "copy", "deep"}, 15},
		{[]any{"spec", "merged", "deep"}, 15},
		{[]any{"spec", "missing", "deep"}, 6},
	}
	for _, tt := range tests {
		path := fieldpath.MakePathOrDie(tt.path...)
		if line, column := d.position(path); line != tt.line || column == 0 {
			t.Errorf("%s is in line %d, column %d; want line %d", path, line, column, tt.line)
		}
	}
}

func TestParseFiles(t *testing.T) {
	text := "# head\n---\n" + plain + "---\n# nothing\n---\napiVersion: v1\nkind: List\nitems:\n- " +
		strings.ReplaceAll(strings.TrimSuffix(plain, "\n"), "\n", "\n  ") + "\n- {apiVersion: v1, kind: Secret, metadata: {name: s}}\n"
	files, err := ParseFiles("all.yaml", []byte(text), 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range files {
		got = append(got, fmt.Sprintf("%s %d line %d: %s/%s", f.Name, f.Index, f.Line, f.Object.GetKind(), f.Object.GetName()))
	}
	want := []string{"all.yaml 0 line 3: ConfigMap/web", "all.yaml 1 line 13: ConfigMap/web", "all.yaml 2 line 17: Secret/s"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}

	bad := map[string]struct {
		text string
		line int
		want string
	}{
		"empty":           {"# nothing\n", 0, "there is no object"},
		"no kind":         {"apiVersion: v1\nmetadata: {name: x}\n", 1, "must say its kind"},
		"no apiVersion":   {"---\nkind: Pod\nmetadata: {name: x}\n", 2, "must say its apiVersion"},
		"no metadata":     {"apiVersion: v1\nkind: Pod\n", 1, "must have metadata"},
		"no name":         {"apiVersion: v1\nkind: Pod\nmetadata: {labels: {}}\n", 3, "must have a name"},
		"name 5":          {"apiVersion: v1\nkind: Pod\nmetadata: {name: 5}\n", 3, "must have a name, as text"},
		"generateName":    {"apiVersion: v1\nkind: Pod\nmetadata:\n  generateName: x-\n", 4, "write metadata.name"},
		"list of text":    {"apiVersion: v1\nkind: List\nitems:\n- a\n", 4, "must be an object"},
		"second broken":   {plain + "---\n" + plain + "data: {a: 1, a: 2}\n", 10, "already in line 10"},
		"second nameless": {plain + "---\napiVersion: v1\nkind: Pod\nmetadata: {}\n", 8, "must have a name"},
	}
	for name, tt := range bad {
		t.Run(name, func(t *testing.T) {
			_, err := ParseFiles("f.yaml", []byte(tt.text), 0, 0)
			var draft *DraftError
			if !errors.As(err, &draft) || !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), "f.yaml: ") {
				t.Fatalf("%v, want f.yaml and %q", err, tt.want)
			}
			if draft.Line != tt.line {
				t.Errorf("line %d, want %d", draft.Line, tt.line)
			}
		})
	}
}

func FuzzParseDraft(f *testing.F) {
	for _, text := range []string{"", plain, bomb(5), chain(20), wideText(plain), "a: &a [*a]", "- - - x", "{{a: b}: c}", "a: \xff", "---\n...\n---", "? a\n: b", "a: !!binary x", "<<: [1]", "<<: {a: b}"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		d, err := parseDraft(text, 1<<16, 5000)
		var draft *DraftError
		if err != nil {
			if !errors.As(err, &draft) {
				t.Fatalf("%v is not a DraftError", err)
			}
			return
		}
		for name := range d.object.Object {
			if line, _ := d.position(names(name)); line <= 0 {
				t.Fatalf("%q is nowhere", name)
			}
		}
	})
}

func FuzzParseFiles(f *testing.F) {
	for _, text := range []string{"", plain, plain + "---\n" + plain, "kind: List\nitems: []", "kind: List\nitems: [{kind: List, items: [{}]}]", "kind: xList\nitems: &a\n- *a"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		files, err := ParseFiles("f", text, 1<<16, 5000)
		var draft *DraftError
		if err != nil && !errors.As(err, &draft) {
			t.Fatalf("%v is not a DraftError", err)
		}
		for _, file := range files {
			if file.Object.GetName() == "" || file.Line <= 0 {
				t.Fatalf("incomplete: %+v", file)
			}
		}
	})
}
