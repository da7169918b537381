package engine

import (
	"encoding/base64"
	"encoding/json"
	"fmt"

	"orka/watch"
)

// lastApplied is where kubectl apply keeps the whole manifest, values of Secrets included.
const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"

func isSecret(k *watch.Kind) bool { return k.Group == "" && k.Kind == "Secret" }

// redact replaces the values of a Secret, and the annotation that repeats them, by their size.
func redact(text []byte) ([]byte, error) {
	var o map[string]any
	if err := json.Unmarshal(text, &o); err != nil {
		return nil, err
	}
	for _, part := range []string{"data", "stringData"} {
		values, _ := o[part].(map[string]any)
		for k, v := range values {
			s, _ := v.(string)
			size := len(s)
			if plain, err := base64.StdEncoding.DecodeString(s); err == nil && part == "data" {
				size = len(plain)
			}
			values[k] = fmt.Sprintf("(withheld, %d bytes)", size)
		}
	}
	if meta, ok := o["metadata"].(map[string]any); ok {
		if annos, ok := meta["annotations"].(map[string]any); ok && annos[lastApplied] != nil {
			annos[lastApplied] = "(withheld)"
		}
	}
	return json.Marshal(o)
}
