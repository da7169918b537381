package ui

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestYAMLHighlight(t *testing.T) {
	th := plainTheme
	names := map[style]string{th.yamlKey: "key", th.yamlString: "string", th.yamlNumber: "number", th.yamlConst: "const", th.yamlPunct: "punct"}
	const text = `metadata:
  name: web-1
  "quoted: key": "a: b"
  note: |-
    key: not one

    - neither
  count: 3
  ratio: -1.5e-3
  version: "1"
  ip: 10.0.0.1
  on: true
  none: null
args:
- --url=http://x:80/
- name: a
  script: |
    echo: hi
  value: b
- |
  text: in a list
- - nested
empty: {}
url: http://x
`
	var got []string
	for _, l := range yamlLines(th, text) {
		var b strings.Builder
		end := 0
		for _, s := range l.spans {
			if s.from < end {
				t.Errorf("line %q: span at %d overlaps the one before", l.text, s.from)
			}
			end = s.to
			b.WriteString("<" + names[s.st] + ":" + l.text[s.from:s.to] + ">")
		}
		got = append(got, b.String())
	}
	want := []string{
		"<key:metadata><punct::>",
		"<key:name><punct::><string:web-1>",
		`<key:"quoted: key"><punct::><string:"a: b">`,
		"<key:note><punct::><punct:|->",
		"<string:key: not one>",
		"<string:>",
		"<string:- neither>",
		"<key:count><punct::><number:3>",
		"<key:ratio><punct::><number:-1.5e-3>",
		`<key:version><punct::><string:"1">`,
		"<key:ip><punct::><number:10.0.0.1>",
		"<key:on><punct::><const:true>",
		"<key:none><punct::><const:null>",
		"<key:args><punct::>",
		"<punct:-><string:--url=http://x:80/>",
		"<punct:-><key:name><punct::><string:a>",
		"<key:script><punct::><punct:|>",
		"<string:echo: hi>",
		"<key:value><punct::><string:b>",
		"<punct:-><punct:|>",
		"<string:text: in a list>",
		"<punct:-><punct:-><string:nested>",
		"<key:empty><punct::><punct:{}>",
		"<key:url><punct::><string:http://x>",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func BenchmarkYAMLHighlight(b *testing.B) {
	text := strings.Repeat(sampleYAML, 100)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		yamlLines(plainTheme, text)
	}
}
