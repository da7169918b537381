package apply

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"orka/watch"
	"orka/watch/kube"
)

// Bounds of what is kept of a refusal.
const (
	messageLimit = 2 << 10 // bytes of a message
	causesLimit  = 100
)

// The words of k8s.io/apiserver/pkg/admission/plugin/webhook/errors/statuserror.go, which front a webhook's own, and of
// pkg/admission/plugin/webhook/generic for one that could not be asked.
var (
	refusedByWebhook = regexp.MustCompile(`^admission webhook "([^"]{1,253})" (denied the request|does not support dry run)`)
	failedWebhook    = regexp.MustCompile(`^Internal error occurred: failed calling webhook "([^"]{1,253})"`)
	oneWord          = regexp.MustCompile(`^[A-Za-z]{1,64}$`)
)

// status reads a refusal; an answer that holds no Status is given one, without a message if it is a web page.
func (ans *answer) status() *metav1.Status {
	s := &metav1.Status{}
	if json.Unmarshal(ans.body, s) != nil || s.Kind != "Status" {
		s = &metav1.Status{}
		if !ans.html {
			s.Message = strings.TrimSpace(string(ans.body))
		}
	}
	s.Code = int32(ans.code) //nolint:gosec // net/http reads three digits
	if !oneWord.MatchString(string(s.Reason)) {
		s.Reason = metav1.StatusReason(strings.ReplaceAll(http.StatusText(ans.code), " ", ""))
	}
	return s
}

// rejected makes an error of a refusal.
func rejected(t Target, ans *answer) *RejectedError {
	s := ans.status()
	e := &RejectedError{Target: t, Code: ans.code, Reason: string(s.Reason)}
	if m := refusedByWebhook.FindStringSubmatch(s.Message); m != nil {
		e.Webhook = watch.Sanitize(m[1])
		e.NoDryRun = ans.code == http.StatusBadRequest && strings.HasPrefix(m[2], "does not")
	} else if m := failedWebhook.FindStringSubmatch(s.Message); m != nil {
		e.Webhook = watch.Sanitize(m[1])
	}
	if s.Details != nil {
		for _, c := range s.Details.Causes[:min(len(s.Details.Causes), causesLimit)] {
			e.Causes = append(e.Causes, Cause{Path: line(c.Field), Message: brief(withoutEcho(c.Message))})
		}
	}
	e.Message = brief(withoutEcho(s.Message))
	if kube.IsSecret(t.Kind) {
		// A server quotes what it refuses, and a webhook may say anything.
		e.Message = ""
		for i := range e.Causes {
			e.Causes[i].Message = ""
			if !secretPath.MatchString(e.Causes[i].Path) {
				e.Causes[i].Path = ""
			}
		}
		e.Causes = slices.DeleteFunc(e.Causes, func(c Cause) bool { return c.Path == "" })
	}
	return e
}

// secretPath is a path that the API server itself names in a Secret, with the key of a value or without.
var secretPath = regexp.MustCompile(`^\.?(type|immutable|data|stringData|metadata|patch)([.\[][-._A-Za-z0-9\[\]]{0,253})?$`)

// withoutEcho cuts the object out of the message about a patch whose outcome can't be decoded:
// k8s.io/apiserver/pkg/endpoints/handlers/patch.go puts all of it between "Invalid value:" and the reason.
func withoutEcho(s string) string {
	const head = `Invalid value: "`
	from := strings.Index(s, head)
	if from < 0 || len(s)-from < echoLimit {
		return s
	}
	tail := ""
	if to := strings.LastIndex(s, `": `); to > from+len(head) && len(s)-to < messageLimit {
		tail = s[to+1:]
	}
	return s[:from] + "Invalid value" + tail
}

// echoLimit is how long, in bytes, a message with a quoted value may be before the value is taken for a whole object.
const echoLimit = 512

// brief is a message of the server, fit to be shown.
func brief(s string) string { return watch.SanitizeText(cut(s, messageLimit)) }

// line is a path or a name of the server's, fit to be shown.
func line(s string) string { return watch.Sanitize(cut(s, messageLimit)) }

func cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit], "") + "…"
}

// told are the warnings of an answer, fit to be shown. Those about a Secret may repeat what is in it.
func (ans *answer) told(t Target) []string {
	var out []string
	for _, w := range ans.warnings[:min(len(ans.warnings), causesLimit)] {
		if kube.IsSecret(t.Kind) {
			w = "the server warns of something; its words are withheld, they may repeat a value"
		}
		if w = line(w); !slices.Contains(out, w) {
			out = append(out, w)
		}
	}
	return out
}
