package main

import (
	"bytes"
	"strings"
	"testing"
)

const text = `breaks: nothing is added
file: a.go
test: ./watch TestAdds
--- was
	x++
--- is
--- was
	return y
--- is
	return 0
`

func TestParseAndApply(t *testing.T) {
	m, err := parse("adds-nothing", text)
	if err != nil || m.pkg != "./watch" || m.test != "TestAdds" || len(m.edits) != 2 {
		t.Fatalf("%+v, %v", m, err)
	}
	for source, want := range map[string]string{
		"a\n\tx++\nb\n\treturn y\n":          "a\nb\n\treturn 0\n",
		"\tx++\n\treturn y\n":                "\treturn 0\n",
		"\t\tx++\n\tx++\n\treturn y\n":       "\t\tx++\n\treturn 0\n", // whole lines
		"\treturn y\n":                       "",                      // gone
		"\tx++\n\tx++\n\treturn y\n":         "",                      // twice
		"\tx++ // one more\n\treturn y\n":    "",
		"\tx++\n\treturn y // and no more\n": "",
	} {
		got, err := m.apply(source)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q became %q, %v; want %q", source, got, err, want)
		}
	}
	for _, broken := range []string{"", "breaks: x\n", strings.Replace(text, "test:", "tests:", 1), "--- is\n" + text} {
		if _, err := parse("broken", broken); err == nil {
			t.Errorf("%q was read", broken)
		}
	}
}

func TestJudge(t *testing.T) {
	for name, c := range map[string]struct {
		events string
		want   verdict
	}{
		"passed": {`{"Action":"run","Test":"TestA"}
{"Action":"pass","Test":"TestA"}
{"Action":"pass"}`, verdict{}},
		"failed": {`{"Action":"run","Test":"TestA"}
{"Action":"run","Test":"TestA/b"}
{"Action":"fail","Test":"TestA/b"}
{"Action":"fail","Test":"TestA"}
{"Action":"fail"}`, verdict{test: "TestA"}},
		"panicked in a goroutine": {`{"Action":"run","Test":"TestA"}
{"Action":"output","Test":"TestA","Output":"panic: runtime error: index out of range\n"}
{"Action":"fail"}`, verdict{test: "TestA"}},
		"did not end": {`{"Action":"run","Test":"TestA"}
{"Action":"pass","Test":"TestA"}
{"Action":"run","Test":"TestB"}
{"Action":"output","Test":"TestB","Output":"panic: test timed out after 1m0s\n"}
{"Action":"fail"}`, verdict{test: "TestB", timeout: true}},
		"does not compile": {`{"Action":"build-output","Output":"x.go:1:1: undefined: y\n"}
{"Action":"build-fail"}
{"Action":"fail","FailedBuild":"orka/watch"}`, verdict{}},
	} {
		if got, _, _ := judge(bytes.NewBufferString(c.events)); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}
