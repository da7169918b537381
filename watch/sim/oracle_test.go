package sim

import (
	"bytes"
	"cmp"
	"encoding/json"
	"flag"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

// The oracle: a table of requests (testdata/oracle/*.yaml) whose answers by a real kube-apiserver are kept beside it
// (testdata/oracle/*.golden). TestOracle holds the simulated server to them; with the build tag integration,
// TestOracleServer holds the real server to them, and with -update writes them.

var updateOracle = flag.Bool("update", false, "write testdata/oracle/*.golden from the answers of the real server")

// oracleStep is one request. In path, query and body, $ns is the namespace of the test, and $uid and $rv are those of the last
// object that was answered; $NAME.uid and $NAME.rv those of the object answered to the step of that name.
type oracleStep struct {
	Name string `json:"name"`
	// Do is "METHOD /path?query"; ~ in the path is the namespace: /api/v1/namespaces/$ns.
	Do   string `json:"do"`
	Type string `json:"type"` // content type; "" means JSON for POST and PUT, apply for PATCH
	By   string `json:"by"`   // User-Agent
	Body string `json:"body"`
	// Quiet leaves the answer out: the step only prepares.
	Quiet bool `json:"quiet"`
	// Retry repeats the step until it is not 404: a definition is served a moment after it was made.
	Retry bool `json:"retry"`
}

// oracleAnswer is what is compared.
type oracleAnswer struct {
	Step     string   `json:"step"`
	Code     int      `json:"code"`
	Warnings []string `json:"warnings,omitempty"`
	Body     any      `json:"body,omitempty"`
}

// oracle runs steps against one server.
type oracle struct {
	t      *testing.T
	client *http.Client
	host   string
	ns     string
	vars   map[string]string
	names  []string // pairs for a strings.Replacer: what differs between runs, and its name
	seen   map[string]string
}

func newOracle(t *testing.T, client *http.Client, host, namespace string) *oracle {
	return &oracle{t: t, client: client, host: host, ns: namespace, vars: map[string]string{"$ns": namespace}, names: []string{namespace, "NS"}, seen: map[string]string{}}
}

func readSteps(t *testing.T, file string) []oracleStep {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var out []oracleStep
	if err := yaml.UnmarshalStrict(b, &out); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return out
}

func (o *oracle) expand(s string) string {
	keys := make([]string, 0, len(o.vars))
	for k := range o.vars {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	for _, k := range keys {
		s = strings.ReplaceAll(s, k, o.vars[k])
	}
	return s
}

func (o *oracle) run(steps []oracleStep) []oracleAnswer {
	o.t.Helper()
	var out []oracleAnswer
	for _, st := range steps {
		code, header, body := o.send(st)
		content := map[string]any{}
		if err := unmarshalJSON(body, &content); err != nil {
			o.t.Fatalf("%s: %d %s", st.Name, code, body)
		}
		if content["kind"] != "Status" {
			o.remember(st.Name, content)
		}
		if st.Quiet {
			if code >= 300 {
				o.t.Fatalf("%s: %d %s", st.Name, code, body)
			}
			continue
		}
		a := oracleAnswer{Step: st.Name, Code: code, Body: o.normal(content)}
		for _, w := range header.Values("Warning") {
			a.Warnings = append(a.Warnings, o.text(w))
		}
		slices.Sort(a.Warnings)
		out = append(out, a)
	}
	return out
}

func (o *oracle) send(st oracleStep) (int, http.Header, []byte) {
	o.t.Helper()
	method, path, ok := strings.Cut(o.expand(st.Do), " ")
	if !ok {
		o.t.Fatalf("%s: %q is no request", st.Name, st.Do)
	}
	if i := strings.Index(path, "~"); i >= 0 {
		path = path[:i] + "namespaces/" + o.ns + path[i+1:]
	}
	media := st.Type
	switch {
	case media != "":
	case method == http.MethodPatch:
		media = "application/apply-patch+yaml"
	default:
		media = mediaYAML
	}
	for {
		req, err := http.NewRequestWithContext(o.t.Context(), method, o.host+path, strings.NewReader(o.expand(st.Body)))
		if err != nil {
			o.t.Fatal(err)
		}
		req.Header.Set("Content-Type", media)
		req.Header.Set("Accept", mediaJSON)
		if st.By != "" {
			req.Header.Set("User-Agent", st.By)
		}
		resp, err := o.client.Do(req)
		if err != nil {
			o.t.Fatalf("%s: %v", st.Name, err)
		}
		b, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil {
			o.t.Fatalf("%s: %v", st.Name, err)
		}
		if st.Retry && (resp.StatusCode == http.StatusNotFound || resp.StatusCode == http.StatusTooManyRequests) {
			continue
		}
		return resp.StatusCode, resp.Header, b
	}
}

// remember notes the identity of an object for later steps.
func (o *oracle) remember(step string, obj map[string]any) {
	meta, _ := obj["metadata"].(map[string]any)
	for field, short := range map[string]string{"uid": "uid", "resourceVersion": "rv"} {
		if v, ok := meta[field].(string); ok && v != "" {
			o.vars["$"+short], o.vars["$"+step+"."+short] = v, v
		}
	}
}

// oracleTables are the tables, by file.
func oracleTables(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir("testdata/oracle")
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), ".yaml"); ok {
			out = append(out, name)
		}
	}
	return out
}

func oracleFile(table, kind string) string { return "testdata/oracle/" + table + "." + kind }

// checkOracle compares answers with the golden ones, step by step.
func checkOracle(t *testing.T, table string, got []oracleAnswer) {
	t.Helper()
	b, err := os.ReadFile(oracleFile(table, "golden"))
	if err != nil {
		t.Fatal(err)
	}
	var want []oracleAnswer
	if err := json.Unmarshal(b, &want); err != nil {
		t.Fatal(err)
	}
	// Through JSON, as the golden ones went.
	var plain []oracleAnswer
	raw, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &plain); err != nil {
		t.Fatal(err)
	}
	if len(want) != len(plain) {
		t.Fatalf("%s: %d answers, golden has %d: record it anew (go test -tags integration -run TestOracleServer -update)", table, len(plain), len(want))
	}
	for i := range want {
		if diff := gocmp.Diff(lines(t, want[i]), lines(t, plain[i])); diff != "" {
			t.Errorf("%s: %s (-real +this):\n%s", table, want[i].Step, diff)
		}
	}
}

// lines is an answer as text, for a short diff.
func lines(t *testing.T, a oracleAnswer) []string {
	return strings.Split(string(encodeAnswers(t, []oracleAnswer{a})), "\n")
}

func encodeAnswers(t *testing.T, answers []oracleAnswer) []byte {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	if err := e.Encode(answers); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestOracle asks the simulated server what the real one was asked.
func TestOracle(t *testing.T) {
	for _, table := range oracleTables(t) {
		t.Run(table, func(t *testing.T) {
			s := newServer(t, Config{})
			client := httpClient(t, restConfig(s))
			o := newOracle(t, client, s.Host(), "orka-oracle")
			prepareOracle(t, client, s.Host(), o.ns)
			checkOracle(t, table, o.run(readSteps(t, oracleFile(table, "yaml"))))
		})
	}
}

// prepareOracle makes the namespace and what pods need in it.
func prepareOracle(t *testing.T, client *http.Client, host, ns string) {
	t.Helper()
	for path, body := range map[string]string{
		"/api/v1/namespaces": `{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"` + ns + `"}}`,
	} {
		postJSON(t, client, host+path, body)
	}
	postJSON(t, client, host+"/api/v1/namespaces/"+ns+"/serviceaccounts", `{"apiVersion":"v1","kind":"ServiceAccount","metadata":{"name":"default"}}`)
}

func postJSON(t *testing.T, client *http.Client, target, body string) {
	t.Helper()
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.Post(u.String(), mediaJSON, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 300 {
		b, _ := io.ReadAll(resp.Body)
		t.Fatalf("POST %s: %d %s", target, resp.StatusCode, b)
	}
}
