package kube

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"orka/watch"
)

// IsSecret reports whether objects of the kind are Secrets, whose values orka withholds.
func IsSecret(k *watch.Kind) bool { return k.Group == "" && k.Kind == "Secret" }

// Redact takes a Secret as JSON, replaces its values by their size, and withholds annotations that repeat the manifest or
// a value:
// tools beside kubectl keep such copies, too.
func Redact(text []byte) ([]byte, error) {
	var o map[string]any
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	if err := dec.Decode(&o); err != nil {
		return nil, fmt.Errorf("secret: %w", err)
	}
	var values []string // as written, and plain
	for _, part := range []string{"data", "stringData"} {
		entries, ok := o[part].(map[string]any)
		if !ok && o[part] != nil {
			o[part] = withheld // not what a server sends, so nothing is known of it
		}
		for k, v := range entries {
			if v == nil { // as in a recording, which never had it
				entries[k] = withheld
				continue
			}
			s, _ := v.(string)
			values = append(values, s)
			size := len(s)
			if part == "data" {
				if plain, err := base64.StdEncoding.DecodeString(s); err == nil {
					size = len(plain)
					values = append(values, string(plain))
				}
			} else {
				values = append(values, base64.StdEncoding.EncodeToString([]byte(s)))
			}
			entries[k] = fmt.Sprintf("(withheld, %d bytes)", size)
		}
	}
	meta, _ := o["metadata"].(map[string]any)
	annotations, _ := meta["annotations"].(map[string]any)
	for name, v := range annotations {
		s, _ := v.(string)
		repeats := func(value string) bool { return len(value) >= leastSecret && strings.Contains(s, value) }
		if name == lastApplied || slices.ContainsFunc(values, repeats) || strings.HasSuffix(name, "/last-applied") || strings.HasSuffix(name, "/original") || strings.HasSuffix(name, "/applied") {
			annotations[name] = withheld
		}
	}
	return json.Marshal(o)
}

const (
	withheld = "(withheld)"
	// leastSecret is the least length, in bytes, of a value that is looked for in annotations: shorter ones are found
	// anywhere.
	leastSecret = 4
)
