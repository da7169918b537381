package apply

import (
	"bytes"
	"fmt"
	"io"

	"errors"

	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/json"
	sigsyaml "sigs.k8s.io/yaml"
)

// The limits of a draft where none are given.
const (
	defaultMaxBytes = 1 << 20 // 1 MiB, about what etcd takes of one object
	defaultMaxNodes = 100_000 // values, aliases expanded
)

// document is one object as it was written, and where each of its fields is. Immutable.
type document struct {
	object *unstructured.Unstructured
	root   *yaml.Node // the object's mapping
	skip   int        // lines of the text before the document
}

// parseDraft reads the one object of a draft. Values are what kubectl makes of them (sigs.k8s.io/yaml, so YAML 1.1 and
// JSON); positions come from a second parser that has them. Time and memory are bounded by the limits, of which 0 means
// the default. Errors are *DraftError; that of an empty text is ErrNoChange, too.
func parseDraft(text []byte, maxBytes, maxNodes int) (*document, error) {
	if maxBytes <= 0 {
		maxBytes = defaultMaxBytes
	}
	text, err := cleanText(text, maxBytes)
	if err != nil {
		return nil, err
	}
	parts := documents(text)
	switch {
	case len(parts) == 0:
		return nil, fmt.Errorf("%w: %w", ErrNoChange, draftError(0, 0, "", "the text is empty"))
	case len(parts) > 1:
		return nil, draftError(parts[1].skip+1, 1, "", "a second document begins here; an edit is of one object")
	}
	return parsePart(parts[0], maxNodes)
}

// parsePart reads one document.
func parsePart(p part, maxNodes int) (*document, error) {
	if maxNodes <= 0 {
		maxNodes = defaultMaxNodes
	}
	var doc yaml.Node
	dec := yaml.NewDecoder(bytes.NewReader(p.text))
	if err := dec.Decode(&doc); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("%w: %w", ErrNoChange, draftError(0, 0, "", "the text is empty"))
		}
		return nil, syntaxError(err, p)
	}
	c := &nodeCheck{max: maxNodes, skip: p.skip, sizes: map[*yaml.Node]extent{}, open: map[*yaml.Node]struct{}{}}
	if _, err := c.measure(&doc); err != nil {
		return nil, err
	}
	if err := c.content(&doc); err != nil {
		return nil, err
	}
	root := doc.Content[0]
	for root.Kind == yaml.AliasNode {
		root = root.Alias
	}
	if root.Kind != yaml.MappingNode {
		what := "a value"
		if root.Kind == yaml.SequenceNode {
			what = "a list"
		}
		return nil, c.fail(root, "this is %s; an object with apiVersion, kind and metadata is expected", what)
	}
	// Once more, to see what follows: the parser takes one document at a time.
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		if err == nil {
			err = errors.New("a second document begins without a line of ---")
		}
		return nil, syntaxError(err, p)
	}
	text, err := sigsyaml.YAMLToJSON(p.text)
	if err != nil {
		return nil, syntaxError(err, p)
	}
	var object map[string]any
	if err := json.Unmarshal(text, &object); err != nil {
		return nil, draftError(p.skip+root.Line, root.Column, "", "this can't be said in JSON, which the server speaks")
	}
	return &document{object: &unstructured.Unstructured{Object: object}, root: root, skip: p.skip}, nil
}
