package apply

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

// maxFile is how many times the limit of one object a file may be long.
const maxFile = 16

// File is one object of a file. Immutable.
type File struct {
	Name   string // of the file
	Index  int    // of the object in it, from 0
	Object *unstructured.Unstructured
	Line   int // where it begins, from 1

	doc *document
}

// ParseFiles reads the objects of a file: one or several documents, each an object or a list of them (kind: List). Limits
// are those of one document, 0 is the default; the file may be 16 times as long. Errors are a *DraftError under the
// file's name.
func ParseFiles(name string, text []byte, maxBytes, maxNodes int) ([]*File, error) {
	files, err := parseFiles(name, text, maxBytes, maxNodes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return files, nil
}

func parseFiles(name string, text []byte, maxBytes, maxNodes int) ([]*File, error) {
	if maxBytes <= 0 {
		maxBytes = defaultMaxBytes
	}
	text, err := cleanText(text, maxFile*maxBytes)
	if err != nil {
		return nil, err
	}
	var out []*File
	for _, p := range documents(text) {
		if len(p.text) > maxBytes {
			return nil, draftError(p.skip+1, 1, "", "the document that begins here has %d bytes, more than the %d that are taken (ORKA_MAX_YAML_BYTES)", len(p.text), maxBytes)
		}
		d, err := parsePart(p, maxNodes)
		if err != nil {
			return nil, err
		}
		objects, err := d.expanded()
		if err != nil {
			return nil, err
		}
		for _, o := range objects {
			if err := o.complete(); err != nil {
				return nil, err
			}
			line, _ := o.position(nil)
			out = append(out, &File{Name: name, Index: len(out), Object: o.object, Line: line, doc: o})
		}
	}
	if len(out) == 0 {
		return nil, draftError(0, 0, "", "there is no object in it")
	}
	return out, nil
}

// expanded are the items of a list, or the document itself.
func (d *document) expanded() ([]*document, error) {
	kind, _ := d.object.Object["kind"].(string)
	list, ok := d.object.Object["items"].([]any)
	if !ok || !strings.HasSuffix(kind, "List") {
		return []*document{d}, nil
	}
	var out []*document
	_, items := entry(d.root, "items")
	items = resolved(items)
	for n, item := range list {
		fields, ok := item.(map[string]any)
		if !ok {
			return nil, d.fail(fieldpath.Path{fieldpath.FieldNameElement("items"), fieldpath.IndexElement(n)}, "each item of a list must be an object")
		}
		inner := &document{object: &unstructured.Unstructured{Object: fields}, root: resolved(items.Content[n]), skip: d.skip}
		deeper, err := inner.expanded()
		if err != nil {
			return nil, err
		}
		out = append(out, deeper...)
	}
	return out, nil
}

// complete checks that a document says which object it is.
func (d *document) complete() error {
	for _, name := range []string{"apiVersion", "kind"} {
		if s, ok := d.object.Object[name].(string); !ok || s == "" {
			return d.fail(names(name), "an object must say its %s", name)
		}
	}
	meta, ok := d.object.Object["metadata"].(map[string]any)
	if !ok {
		return d.fail(names("metadata"), "an object must have metadata with a name")
	}
	if s, ok := meta["name"].(string); !ok || s == "" {
		if _, generated := meta["generateName"]; generated {
			return d.fail(names("metadata", "generateName"), "an apply needs a name of its own: write metadata.name")
		}
		return d.fail(names("metadata", "name"), "an object must have a name, as text")
	}
	if v, ok := meta["namespace"]; ok && v != nil {
		if _, ok := v.(string); !ok {
			return d.fail(names("metadata", "namespace"), "the namespace must be text")
		}
	}
	return nil
}
