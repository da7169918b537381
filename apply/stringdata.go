package apply

import (
	"encoding/base64"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"orka/watch"
	"orka/watch/kube"
)

// foldStringData puts the plain text of a Secret where the server stores it, base64 in data, as the server itself does
// (k8s.io/kubernetes/pkg/apis/core/v1/conversion.go; stringData wins). Sent as it is written, stringData would be owned in
// place of the data it becomes: nobody would be asked for, or be found to own, what it replaces.
func foldStringData(kind *watch.Kind, edited *unstructured.Unstructured) {
	plain, ok := edited.Object["stringData"]
	if !ok || !kube.IsSecret(kind) {
		return
	}
	texts, isMap := plain.(map[string]any)
	if plain != nil && !isMap {
		return // the server's to refuse
	}
	data, isMap := edited.Object["data"].(map[string]any)
	if !isMap && len(texts) > 0 {
		data = make(map[string]any, len(texts))
		edited.Object["data"] = data
	}
	for name, v := range texts {
		text, _ := v.(string) // null is stored as an empty value
		data[name] = base64.StdEncoding.EncodeToString([]byte(text))
	}
	delete(edited.Object, "stringData")
}

// plainPath is where an owner of a Secret's data is written who set it as plain text; not ok for any other path.
func plainPath(path fieldpath.Path) (fieldpath.Path, bool) {
	if len(path) == 0 || path[0].FieldName == nil || *path[0].FieldName != "data" {
		return nil, false
	}
	return append(names("stringData"), path[1:]...), true
}
