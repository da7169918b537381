package sim

import (
	"crypto/sha256"
	"encoding/base64"
)

// hash8 is a short opaque name for s.
func hash8(s string) string {
	h := sha256.Sum256([]byte(s))
	return base64.StdEncoding.EncodeToString(h[:8])
}
