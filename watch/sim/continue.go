package sim

import (
	"encoding/base64"
	"encoding/json"
	"net/http"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// continueToken is opaque to clients; it has the form of the real server's (apiserver pkg/storage/continue.go).
type continueToken struct {
	APIVersion string `json:"v"`
	// ResourceVersion is that of the first page; -1 goes on at whatever is current, inconsistently.
	ResourceVersion int64  `json:"rv"`
	StartKey        string `json:"start"`
}

const continueVersion = "meta.k8s.io/v1"

func encodeContinue(rev int64, start string) string {
	b, err := json.Marshal(continueToken{continueVersion, rev, start})
	if err != nil {
		return "" // a struct of two strings and a number always encodes
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

func decodeContinue(token string) (continueToken, error) {
	var c continueToken
	b, err := base64.RawURLEncoding.DecodeString(token)
	if err == nil {
		err = json.Unmarshal(b, &c)
	}
	switch {
	case err != nil:
		return c, apierrors.NewBadRequest("invalid continue token: continue key is not valid: " + err.Error())
	case c.APIVersion != continueVersion:
		return c, apierrors.NewBadRequest("invalid continue token: continue key is not valid: server does not recognize this encoded version " + c.APIVersion)
	case c.ResourceVersion == 0 || c.StartKey == "":
		return c, apierrors.NewBadRequest("invalid continue token: continue key is not valid: incorrect encoded start resourceVersion (version meta.k8s.io/v1)")
	}
	return c, nil
}

// expiredContinue is the 410 of a token whose revision is compacted; it offers to go on inconsistently.
func expiredContinue(start string) error {
	err := expired("The provided continue parameter is too old to display a consistent list result. You can start a new list without " +
		"the continue parameter, or use the continue token in this response to retrieve the remainder of the results. " +
		"Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted " +
		"between the time the first chunk was returned and now may show up in the list.")
	err.ErrStatus.ListMeta.Continue = encodeContinue(-1, start)
	return err
}

// expired is 410 with reason Expired.
func expired(message string) *apierrors.StatusError {
	return newStatus(http.StatusGone, metav1.StatusReasonExpired, message)
}
