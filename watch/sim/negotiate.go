package sim

import (
	"mime"
	"net/http"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// The media types of the API.
const (
	mediaJSON     = "application/json"
	mediaYAML     = "application/yaml"
	mediaProtobuf = "application/vnd.kubernetes.protobuf"
)

// encoding is what a response is written in.
type encoding struct {
	media string
	// as is "", "Table", "PartialObjectMetadata", "PartialObjectMetadataList" or "APIGroupDiscoveryList"; asVersion is
	// the version of that kind.
	as, asVersion string
}

func (e encoding) protobuf() bool { return e.media == mediaProtobuf }
func (e encoding) table() bool    { return e.as == "Table" }
func (e encoding) metadata() bool { return strings.HasPrefix(e.as, "PartialObjectMetadata") }

// clause is one entry of an Accept header.
type clause struct {
	media  string
	params map[string]string
}

// clauses parses an Accept header in the order of the client's preference. Quality values are rare among clients
// of Kubernetes and not looked at: order decides.
func clauses(header http.Header) []clause {
	var out []clause
	for _, line := range header.Values("Accept") {
		for part := range strings.SplitSeq(line, ",") {
			media, params, err := mime.ParseMediaType(strings.TrimSpace(part))
			if err != nil {
				continue
			}
			out = append(out, clause{media, params})
		}
	}
	if len(out) == 0 {
		out = append(out, clause{media: "*/*"})
	}
	return out
}

// negotiate picks the encoding of objects of one kind. protobuf says whether the kind has that form; as lists the
// conversions that the endpoint offers.
func negotiate(header http.Header, protobuf bool, as ...string) (encoding, error) {
	for _, c := range clauses(header) {
		e := encoding{as: c.params["as"], asVersion: c.params["v"]}
		if e.as != "" && !slices.Contains(as, e.as) {
			continue
		}
		if e.as != "" && e.as != "APIGroupDiscoveryList" && (c.params["g"] != metav1.GroupName || c.params["v"] != "v1") {
			continue
		}
		switch c.media {
		case mediaJSON, "*/*", "application/*":
			e.media = mediaJSON
		case mediaYAML:
			e.media = mediaYAML
		case mediaProtobuf:
			// Tables have no protobuf form; the metadata of any kind has.
			if !protobuf && !e.metadata() || e.table() {
				continue
			}
			e.media = mediaProtobuf
		default:
			continue
		}
		return e, nil
	}
	accepted := []string{mediaJSON, mediaYAML}
	if protobuf {
		accepted = append(accepted, mediaProtobuf)
	}
	return encoding{}, generic(http.StatusNotAcceptable, metav1.StatusReasonNotAcceptable,
		"406: Not Acceptable\n\nAvailable representations: "+strings.Join(accepted, ", "))
}

// errorEncoding is that of a Status: it must be found for any Accept header.
func errorEncoding(header http.Header) encoding {
	for _, c := range clauses(header) {
		switch c.media {
		case mediaProtobuf:
			return encoding{media: mediaProtobuf}
		case mediaYAML:
			return encoding{media: mediaYAML}
		case mediaJSON, "*/*", "application/*":
			return encoding{media: mediaJSON}
		}
	}
	return encoding{media: mediaJSON}
}

// generic is an error that is not about an object: its details are there and empty.
func generic(code int, reason metav1.StatusReason, message string) *apierrors.StatusError {
	err := newStatus(code, reason, message)
	err.ErrStatus.Details = &metav1.StatusDetails{}
	return err
}

func newStatus(code int, reason metav1.StatusReason, message string) *apierrors.StatusError {
	return &apierrors.StatusError{ErrStatus: metav1.Status{Status: metav1.StatusFailure, Code: int32(code), Reason: reason, Message: message}}
}
