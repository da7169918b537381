package kube

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
)

func TestRedact(t *testing.T) {
	const plain = "hunter2-very-secret"
	encoded := base64.StdEncoding.EncodeToString([]byte(plain))
	tests := map[string]struct {
		in   string
		want []string // parts of the output
	}{
		"data":            {`{"data":{"password":"` + encoded + `"}}`, []string{`"(withheld, 19 bytes)"`}},
		"stringData":      {`{"stringData":{"password":"` + plain + `"}}`, []string{`"(withheld, 19 bytes)"`}},
		"invalid base64":  {`{"data":{"password":"` + plain + `!"}}`, []string{`"(withheld, 20 bytes)"`}},
		"empty value":     {`{"data":{"password":""},"x":"` + "kept" + `"}`, []string{`"(withheld, 0 bytes)"`, "kept"}},
		"not a string":    {`{"data":{"password":17}}`, []string{`"(withheld, 0 bytes)"`}},
		"data not a map":  {`{"data":["` + encoded + `"]}`, []string{`"data":"(withheld)"`}},
		"null data":       {`{"data":null}`, []string{`"data":null`}},
		"last-applied":    {`{"metadata":{"annotations":{"kubectl.kubernetes.io/last-applied-configuration":"{\"data\":{\"old\":\"b2xk\"}}"}}}`, []string{`last-applied-configuration":"(withheld)"`}},
		"another tool's":  {`{"data":{"p":"` + encoded + `"},"metadata":{"annotations":{"tool.example/copy":"{\"p\":\"` + encoded + `\"}","note":"kept"}}}`, []string{`"tool.example/copy":"(withheld)"`, `"note":"kept"`}},
		"stringData copy": {`{"stringData":{"p":"` + plain + `"},"metadata":{"annotations":{"tool.example/copy":"` + encoded + `"}}}`, []string{`copy":"(withheld)"`}},
		"large numbers":   {`{"metadata":{"generation":9007199254740993}}`, []string{"9007199254740993"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			out, err := Redact([]byte(tt.in))
			if err != nil {
				t.Fatal(err)
			}
			if !json.Valid(out) {
				t.Errorf("not JSON: %s", out)
			}
			for _, want := range tt.want {
				if !strings.Contains(string(out), want) {
					t.Errorf("%s lacks %s", out, want)
				}
			}
			for _, leak := range []string{plain, encoded, "b2xk"} {
				if strings.Contains(string(out), leak) {
					t.Errorf("%s holds %s", out, leak)
				}
			}
		})
	}
	if _, err := Redact([]byte("{")); err == nil {
		t.Error("broken JSON passes")
	}
}
