package sim

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// request is what a request asks for, as the real server's RequestInfo says it.
type request struct {
	*http.Request
	at    time.Time
	query url.Values

	resource  bool // the path names a resource; otherwise verb is the HTTP verb in lower case
	verb      string
	gvr       schema.GroupVersionResource
	sub       string
	namespace string
	name      string
	user      string
}

// parseRequest reads method and path. Verbs follow k8s.io/apiserver/pkg/endpoints/request.
func parseRequest(r *http.Request) *request {
	q := &request{Request: r, at: time.Now(), query: r.URL.Query(), verb: strings.ToLower(r.Method)}
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	switch {
	case len(parts) >= 3 && parts[0] == "api":
		q.gvr.Version, parts = parts[1], parts[2:]
	case len(parts) >= 4 && parts[0] == "apis":
		q.gvr.Group, q.gvr.Version, parts = parts[1], parts[2], parts[3:]
	default:
		return q
	}
	q.resource = true
	watching := false
	if parts[0] == "watch" && len(parts) > 1 { // the deprecated prefix
		watching, parts = true, parts[1:]
	}
	if parts[0] == "namespaces" && len(parts) > 1 {
		q.namespace = parts[1]
		if len(parts) > 2 && parts[2] != "status" && parts[2] != "finalize" {
			parts = parts[2:]
		}
	}
	q.gvr.Resource = parts[0]
	if len(parts) > 1 {
		q.name = parts[1]
	}
	if len(parts) > 2 {
		q.sub = strings.Join(parts[2:], "/")
	}
	if q.gvr.Resource == "namespaces" && q.gvr.Group == "" {
		q.namespace = ""
	}
	switch r.Method {
	case http.MethodPost:
		q.verb = "create"
	case http.MethodGet, http.MethodHead:
		q.verb = "get"
		if w := q.query.Get("watch"); w != "" && w != "false" && w != "0" {
			watching = true
		}
		switch {
		case q.name == "" && watching:
			q.verb = "watch"
		case q.name == "":
			q.verb = "list"
		}
	case http.MethodPut:
		q.verb = "update"
	case http.MethodPatch:
		q.verb = "patch"
	case http.MethodDelete:
		q.verb = "delete"
		if q.name == "" {
			q.verb = "deletecollection"
		}
	}
	return q
}

// checkWriteOptions refuses values of dryRun and fieldValidation that the real server refuses.
func (q *request) checkWriteOptions() error {
	var kind string
	var errs field.ErrorList
	dry, strict, manager := q.query["dryRun"], q.query.Get("fieldValidation"), q.query.Get("fieldManager")
	switch q.verb {
	case "create":
		kind, errs = "CreateOptions", validation.ValidateCreateOptions(&metav1.CreateOptions{DryRun: dry, FieldValidation: strict, FieldManager: manager})
	case "update":
		kind, errs = "UpdateOptions", validation.ValidateUpdateOptions(&metav1.UpdateOptions{DryRun: dry, FieldValidation: strict, FieldManager: manager})
	case "patch":
		kind, errs = "PatchOptions", validation.ValidatePatchOptions(&metav1.PatchOptions{DryRun: dry, FieldValidation: strict, FieldManager: manager, Force: q.force()}, types.PatchType(q.mediaType()))
	case "delete", "deletecollection":
		kind, errs = "DeleteOptions", validation.ValidateDeleteOptions(&metav1.DeleteOptions{DryRun: dry})
	}
	if len(errs) == 0 {
		return nil
	}
	return apierrors.NewInvalid(schema.GroupKind{Group: metav1.GroupName, Kind: kind}, "", errs)
}

// force is the parameter of that name, read as the real server reads it; nil when it is not there.
func (q *request) force() *bool {
	values, ok := q.query["force"]
	if !ok || len(values) == 0 {
		return nil
	}
	on := values[0] != "0" && !strings.EqualFold(values[0], "false")
	return &on
}

// mediaType is the Content-Type without parameters.
func (q *request) mediaType() string {
	media, _, _ := strings.Cut(q.Header.Get("Content-Type"), ";")
	return media
}

// dryRun says that nothing is to be stored.
func (q *request) dryRun() bool { return q.query.Get("dryRun") == metav1.DryRunAll }
