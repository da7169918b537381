package apply

import (
	"context"
	"errors"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TestSchemas: each kind gets the best type there is, and a document is read once.
func TestSchemas(t *testing.T) {
	status := func(code int32) error {
		return &apierrors.StatusError{ErrStatus: metav1.Status{Code: code}}
	}
	broken := errors.New("connection refused")
	tests := map[string]struct {
		fetch   func(ctx context.Context, path string) ([]byte, error)
		kind    string
		deduced bool
		notice  string
		err     error
	}{
		"a published CRD":          {fetch: fetchOpenAPI, kind: "Widget"},
		"a CRD without schema":     {fetch: fetchOpenAPI, kind: "Loose", deduced: true, notice: "publishes no schema"},
		"built-in, not published":  {fetch: fetchOpenAPI, kind: "Deployment"},
		"no OpenAPI at all":        {fetch: func(context.Context, string) ([]byte, error) { return nil, status(http.StatusNotFound) }, kind: "Deployment"},
		"not for this user":        {fetch: func(context.Context, string) ([]byte, error) { return nil, status(http.StatusForbidden) }, kind: "Widget", deduced: true, notice: "does not show you"},
		"an index that is no JSON": {fetch: func(context.Context, string) ([]byte, error) { return []byte("<html>"), nil }, kind: "Widget", deduced: true, notice: "can't be read"},
		"no connection":            {fetch: func(context.Context, string) ([]byte, error) { return nil, broken }, kind: "Deployment", err: broken},
		"a document that is broken": {fetch: func(_ context.Context, path string) ([]byte, error) {
			if path == "/openapi/v3" {
				return fetchOpenAPI(context.Background(), path)
			}
			return []byte(`{"components":{"schemas":{"x":{"type":"array","x-kubernetes-group-version-kind":[{"group":"example.dev","version":"v1","kind":"Widget"}]}}}}`), nil
		}, kind: "Widget", deduced: true, notice: "not structural"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			calls := map[string]int{}
			s := newSchemas(func(ctx context.Context, path string) ([]byte, error) {
				calls[path]++
				return tt.fetch(ctx, path)
			})
			for range 2 {
				kind := deployments
				for _, k := range subjects {
					if k.kind.Kind == tt.kind {
						kind = k.kind
					}
				}
				types, err := s.of(t.Context(), kind)
				if !errors.Is(err, tt.err) {
					t.Fatalf("%v, want %v", err, tt.err)
				}
				if tt.err != nil {
					continue
				}
				if types.deduced != tt.deduced || !strings.Contains(types.notice, tt.notice) || (tt.notice == "") != (types.notice == "") {
					t.Errorf("deduced %v, notice %q", types.deduced, types.notice)
				}
			}
			for path, n := range calls {
				if n > 1 && tt.err == nil {
					t.Errorf("%s was read %d times", path, n)
				}
				if n < 2 && tt.err != nil {
					t.Errorf("%s was not tried again", path)
				}
			}
		})
	}
}

// TestSchemasOfDocuments reads the documents of a real server, saved as api-v1.json and apis-apps-v1.json in the folder
// that ORKA_OPENAPI_DIR names, and tells how long the first use takes.
func TestSchemasOfDocuments(t *testing.T) {
	dir := os.Getenv("ORKA_OPENAPI_DIR")
	if dir == "" {
		t.Skip("ORKA_OPENAPI_DIR names no folder")
	}
	s := newSchemas(func(_ context.Context, path string) ([]byte, error) {
		if path == "/openapi/v3" {
			return []byte(`{"paths":{"api/v1":{"serverRelativeURL":"api-v1"},"apis/apps/v1":{"serverRelativeURL":"apis-apps-v1"}}}`), nil
		}
		return os.ReadFile(dir + "/" + path + ".json")
	})
	for _, kind := range []string{"Pod", "Deployment"} {
		k := pods
		if kind == "Deployment" {
			k = deployments
		}
		start := time.Now()
		types, err := s.of(t.Context(), k)
		if err != nil || types.deduced || types.notice != "" {
			t.Fatalf("%v %+v", err, types)
		}
		t.Logf("%s: %s", kind, time.Since(start))
		built := typeOf(builtinTypes(), k.GVK)
		for _, x := range subjects {
			if x.kind == k {
				if found := types.validate(parsed(t, x.text), nil); len(found) > 0 {
					t.Errorf("the server's schema refuses: %v", found)
				}
				if found := built.validate(parsed(t, x.text), nil); len(found) > 0 {
					t.Errorf("the built-in one refuses: %v", found)
				}
			}
		}
	}
}
