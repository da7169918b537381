package sim

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TestOddRequests sends what no client of good will sends: each must get a Status of the right code, none may crash.
func TestOddRequests(t *testing.T) {
	const pods, p = "/api/v1/namespaces/default/pods", "/api/v1/namespaces/default/pods/p"
	for _, tc := range []struct {
		method, path, contentType, body string
		code                            int
	}{
		{"GET", "/api/v1/nothing", "", "", 404},
		{"GET", "/apis/none.test/v1/things", "", "", 404},
		{"GET", "/api/v1/pods/p", "", "", 404},
		{"GET", "/api/v1/namespaces/default/nodes", "", "", 404},
		{"GET", "/nothing", "", "", 404},
		{"GET", "/apis/none.test", "", "", 404},
		{"GET", "/api/v9", "", "", 404},
		{"GET", "/openapi/v3/api/v9", "", "", 404},
		{"GET", "/openapi/v2", "", "", 404},
		{"GET", p + "/log", "", "", 404},
		{"GET", p + "/status", "", "", 200},
		{"POST", "/version", mediaJSON, "{}", 405},
		{"POST", pods, mediaJSON, "", 400},
		{"POST", pods, mediaJSON, "null", 422},
		{"POST", pods, mediaJSON, "[]", 400},
		{"POST", pods, mediaJSON, `{"kind":"Pod"}`, 422},
		{"POST", pods, mediaJSON, `{"apiVersion":"v1","kind":"Node","metadata":{"name":"x"}}`, 400},
		{"POST", pods, mediaJSON, `{"apiVersion":"v1","kind":"Pod","metadata":{"name":7}}`, 400},
		{"POST", pods + "?dryRun=Some", mediaJSON, `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"y"}}`, 422},
		{"POST", pods + "?fieldValidation=Some", mediaJSON, `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"y"}}`, 422},
		{"POST", pods, "text/plain", `{}`, 415},
		{"POST", pods, mediaProtobuf, "k8s\x00garbage", 400},
		{"POST", pods, mediaProtobuf, "", 400},
		{"POST", pods + "?dryRun=All", mediaYAML, "apiVersion: v1\nkind: Pod\nmetadata: {name: yy}\nspec: {containers: [{name: c, image: x}]}\n", 201},
		{"POST", pods, mediaJSON, strings.Repeat(" ", maxBody+1), 413},
		{"POST", p, mediaJSON, `{}`, 405},
		{"PUT", pods, mediaJSON, `{}`, 405},
		{"PUT", p, mediaJSON, `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"other"}}`, 400},
		{"PATCH", p, "application/merge-patch+json", "null", 400},
		{"PATCH", p, "application/merge-patch+json", "7", 400},
		{"PATCH", p, "application/merge-patch+json", `{"metadata":null}`, 400},
		{"PATCH", p, "application/merge-patch+json", `{"metadata":{"uid":"x"}}`, 422},
		{"PATCH", p, "application/merge-patch+json", `{"spec":7}`, 422},
		{"PATCH", p, "application/json-patch+json", "null", 200},
		{"PATCH", p, "application/json-patch+json", `[{"op":"replace","path":"","value":7}]`, 422},
		{"PATCH", p, "application/strategic-merge-patch+json", "[]", 400},
		{"PATCH", p, "", "{}", 415},
		{"DELETE", p, mediaJSON, "[]", 400},
		{"DELETE", p, mediaJSON, `{"preconditions":{"uid":"x"}}`, 409},
		{"DELETE", pods + "?labelSelector=%25%25", "", "", 400},
		{"GET", "/api/v1/pods?labelSelector=a+in", "", "", 400},
		{"GET", "/api/v1/pods?fieldSelector=a", "", "", 400},
		{"GET", "/api/v1/pods?limit=x", "", "", 400},
		{"GET", "/api/v1/pods?limit=-1", "", "", 200},
		{"GET", "/api/v1/pods?resourceVersion=-1", "", "", 400},
		{"GET", "/api/v1/pods?watch=1&resourceVersion=x", "", "", 500},
		{"GET", "/apis/example.test/v1/widgets", "", "", 200},
		{"POST", "/apis/example.test/v1/namespaces/default/widgets", mediaJSON, "null", 422},
		{"POST", "/apis/example.test/v1/namespaces/default/widgets", mediaJSON, `{"metadata":7}`, 400},
		{"POST", "/apis/example.test/v1/namespaces/default/widgets", mediaProtobuf, "", 415},
		{"POST", "/apis/example.test/v1/namespaces/default/widgets", mediaJSON, `{"metadata":{"name":"w","labels":[1]}}`, 400},
		{"POST", "/apis/example.test/v1/namespaces/default/widgets", mediaJSON, `{"metadata":{"name":"w","finalizers":7}}`, 400},
		{"POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", mediaJSON, `{}`, 422},
	} {
		t.Run(tc.method+" "+tc.path, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newServer(t, Config{})
				mustCreate(t, s, testPod("default", "p"), widgets())
				req, err := http.NewRequestWithContext(testContext(t), tc.method, s.Host()+tc.path, strings.NewReader(tc.body))
				if err != nil {
					t.Fatal(err)
				}
				if tc.contentType != "" {
					req.Header.Set("Content-Type", tc.contentType)
				}
				resp, err := httpClient(t, restConfig(s)).Transport.RoundTrip(req)
				if err != nil {
					t.Errorf("%s %s: %v", tc.method, tc.path, err)
					return
				}
				defer resp.Body.Close()
				b, err := io.ReadAll(resp.Body)
				if err != nil {
					t.Fatal(err)
				}
				if resp.StatusCode != tc.code {
					t.Errorf("%s %s %.40s: %d, want %d\n%s", tc.method, tc.path, tc.body, resp.StatusCode, tc.code, b)
				}
				var status metav1.Status
				if strings.HasPrefix(string(b), "404 page not found") {
					return // what the real server says below paths that belong to no group
				}
				if err := json.Unmarshal(b, &status); resp.StatusCode >= 400 && (err != nil || status.Code != int32(resp.StatusCode) || status.Message == "") {
					t.Errorf("%s %s: no Status with code and message: %s", tc.method, tc.path, b)
				}
			})
		})
	}
}
