package apply

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"orka/watch/sim"
)

func TestRejected(t *testing.T) {
	object := `{\"kind\":\"Deployment\",\"spec\":{\"replicas\":\"many\",\"paused\":false,\"password\":\"` + strings.Repeat("hunter2 ", 100) + `\"}}`
	for _, c := range []struct {
		name   string
		target Target
		code   int
		html   bool
		body   string
		want   RejectedError
	}{
		{name: "invalid value", target: webTarget, code: 422,
			body: `{"kind":"Status","code":422,"reason":"Invalid","message":"Deployment.apps \"web\" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0","details":{"causes":[{"reason":"FieldValueInvalid","message":"Invalid value: -1: must be greater than or equal to 0","field":"spec.replicas"}]}}`,
			want: RejectedError{Code: 422, Reason: "Invalid", Message: `Deployment.apps "web" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0`,
				Causes: []Cause{{"spec.replicas", "Invalid value: -1: must be greater than or equal to 0"}}}},
		{name: "webhook", target: webTarget, code: 403,
			body: `{"kind":"Status","code":403,"reason":"Forbidden","message":"admission webhook \"deny.example.dev\" denied the request: no\u001b[31m\nway"}`,
			want: RejectedError{Code: 403, Reason: "Forbidden", Webhook: "deny.example.dev", Message: "admission webhook \"deny.example.dev\" denied the request: no\\x1b[31m\nway"}},
		{name: "webhook without dry-run", target: webTarget, code: 400, body: noDryRun,
			want: RejectedError{Code: 400, Reason: "BadRequest", Webhook: "audit.example.dev", NoDryRun: true, Message: `admission webhook "audit.example.dev" does not support dry run`}},
		{name: "a webhook that only says so", target: webTarget, code: 403,
			body: `{"kind":"Status","code":403,"reason":"Forbidden","message":"admission webhook \"deny.example.dev\" denied the request: admission webhook \"x\" does not support dry run"}`,
			want: RejectedError{Code: 403, Reason: "Forbidden", Webhook: "deny.example.dev", Message: `admission webhook "deny.example.dev" denied the request: admission webhook "x" does not support dry run`}},
		{name: "webhook that can't be asked", target: webTarget, code: 500,
			body: `{"kind":"Status","code":500,"reason":"InternalError","message":"Internal error occurred: failed calling webhook \"slow.example.dev\": context deadline exceeded"}`,
			want: RejectedError{Code: 500, Reason: "InternalError", Webhook: "slow.example.dev", Message: `Internal error occurred: failed calling webhook "slow.example.dev": context deadline exceeded`}},
		{name: "a patched object that can't be decoded", target: webTarget, code: 422,
			body: `{"kind":"Status","code":422,"reason":"Invalid","message":" \"\" is invalid: patch: Invalid value: \"` + object[:len(object)-1] + `}\": json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32"}`,
			want: RejectedError{Code: 422, Reason: "Invalid", Message: ` "" is invalid: patch: Invalid value: json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32`}},
		{name: "a Secret", target: tokenTarget, code: 422,
			body: `{"kind":"Status","code":422,"reason":"Invalid","message":"Secret \"token\" is invalid: data[password]: Invalid value: \"hunter2\"","details":{"causes":[{"message":"Invalid value: \"hunter2\"","field":"data[password]"},{"message":"x","field":"hunter2"},{"message":"x","field":"metadata.name=hunter2 hunter2"}]}}`,
			want: RejectedError{Code: 422, Reason: "Invalid", Causes: []Cause{{Path: "data[password]"}}}},
		{name: "a Secret's webhook", target: tokenTarget, code: 403,
			body: `{"kind":"Status","code":403,"reason":"hunter2 is no password","message":"admission webhook \"deny.example.dev\" denied the request: hunter2"}`,
			want: RejectedError{Code: 403, Reason: "Forbidden", Webhook: "deny.example.dev"}},
		{name: "a page", target: webTarget, code: 502, html: true, body: "<html>secret token=abc</html>", want: RejectedError{Code: 502, Reason: "BadGateway"}},
		{name: "text", target: webTarget, code: 503, body: "no healthy upstream\n", want: RejectedError{Code: 503, Reason: "ServiceUnavailable", Message: "no healthy upstream"}},
		{name: "nothing", target: webTarget, code: 404, want: RejectedError{Code: 404, Reason: "NotFound"}},
		{name: "endless", target: webTarget, code: 400, body: strings.Repeat("é", 5000), want: RejectedError{Code: 400, Reason: "BadRequest", Message: strings.Repeat("é", messageLimit/2) + "…"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.want.Target = c.target
			got := rejected(c.target, &answer{code: c.code, html: c.html, body: []byte(c.body)})
			if diff := cmp.Diff(c.want, *got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if c.target == tokenTarget && strings.Contains(fmt.Sprintf("%+v %v", got, got), "hunter2") {
				t.Errorf("a value is in %v", got)
			}
		})
	}
}

// TestUndecodablePatchOfASecret: the server echoes the whole object, and nothing of it comes through, into the history
// neither.
func TestUndecodablePatchOfASecret(t *testing.T) {
	flowing(t, sim.Config{}, func(t *testing.T, f *flow) {
		f.create(tokenTarget, tokenText)
		p := f.preview(tokenTarget, "aHVudGVyMg==", "bmV3c2VjcmV0")
		f.wire.onAfter(func(s *passed, resp *http.Response) error {
			if s.write() {
				m, _ := json.Marshal(`Secret "token" is invalid: patch: Invalid value: "` + tokenText + `": json: cannot unmarshal bmV3c2VjcmV0`)
				replace(resp, 422, `{"kind":"Status","code":422,"reason":"Invalid","message":`+string(m)+`}`)
				resp.Header["Warning"] = []string{`299 - "hunter2 is too short"`}
			}
			return nil
		})
		err := errorOf(f.orka.Commit(t.Context(), p, Consent{All: true}))
		r := asError[*RejectedError](t, err)
		all := fmt.Sprintf("%+v %v %+v", r, err, f.log.done)
		for _, v := range []string{"hunter2", "aHVudGVyMg", "bmV3c2VjcmV0"} {
			if strings.Contains(all, v) {
				t.Errorf("%s is in %s", v, all)
			}
		}
		if r.Code != 422 {
			t.Errorf("error %v", err)
		}
	})
}

func TestSecretWarnings(t *testing.T) {
	ans := &answer{warnings: []string{"hunter2 is weak", "and short"}}
	if got := ans.told(tokenTarget); len(got) != 1 || strings.Contains(got[0], "hunter2") {
		t.Errorf("warnings %q", got)
	}
	if diff := cmp.Diff([]string{"hunter2 is weak", "and short"}, ans.told(webTarget)); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
}
