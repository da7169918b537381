package sim

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// What differs from run to run is taken out of answers before they are compared.

// alias names a value by the order in which it was first seen.
func (o *oracle) alias(kind, value string) string {
	if value == "" {
		return ""
	}
	if a, ok := o.seen[kind+value]; ok {
		return a
	}
	n := 1
	for k := range o.seen {
		if strings.HasPrefix(k, kind) {
			n++
		}
	}
	a := fmt.Sprint(kind, n)
	o.seen[kind+value] = a
	if kind == "UID" {
		o.names = append(o.names, value, a)
	}
	return a
}

var clockTime = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`)

// wholeObject is an object in an error message; the order of its fields is nobody's promise.
var wholeObject = regexp.MustCompile(`"\{\\".*\}"`)

// specDiff is the diff that the real server adds to some refusals.
var specDiff = regexp.MustCompile(`(?s)\n@@.*`)

// strictList is a list of unknown fields, which comes in no order.
var strictList = regexp.MustCompile(`strict decoding error: .*`)

func (o *oracle) text(s string) string {
	s = specDiff.ReplaceAllString(wholeObject.ReplaceAllString(s, "OBJECT"), "\n")
	s = strictList.ReplaceAllStringFunc(s, func(m string) string {
		parts := strings.Split(strings.TrimPrefix(m, "strict decoding error: "), ", ")
		slices.Sort(parts)
		return "strict decoding error: " + strings.Join(parts, ", ")
	})
	return clockTime.ReplaceAllString(strings.NewReplacer(o.names...).Replace(s), "TIME")
}

// normal takes out of an answer what differs from run to run.
func (o *oracle) normal(content map[string]any) any {
	if meta, ok := content["metadata"].(map[string]any); ok && content["kind"] != "Status" {
		if v, ok := meta["uid"].(string); ok {
			meta["uid"] = o.alias("UID", v)
		}
		if v, ok := meta["resourceVersion"].(string); ok {
			meta["resourceVersion"] = o.alias("RV", v)
		}
		fields, _ := meta["managedFields"].([]any)
		slices.SortStableFunc(fields, func(a, b any) int { return cmp.Compare(managerKey(a), managerKey(b)) })
	}
	if details, ok := content["details"].(map[string]any); ok {
		causes, _ := details["causes"].([]any)
		slices.SortStableFunc(causes, func(a, b any) int { return cmp.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
		// How often a cause is repeated is nobody's promise either.
		if causes = slices.CompactFunc(causes, func(a, b any) bool { return fmt.Sprint(a) == fmt.Sprint(b) }); len(causes) > 0 {
			details["causes"] = causes
		}
		// The parts of a message follow the order of the causes.
		if msg, ok := content["message"].(string); ok && len(causes) > 1 && content["reason"] == "Invalid" {
			if head, rest, ok := strings.Cut(msg, " is invalid: ["); ok {
				parts := strings.Split(strings.TrimSuffix(rest, "]"), ", ")
				slices.Sort(parts)
				content["message"] = head + " is invalid: [" + strings.Join(parts, ", ") + "]"
			}
		}
	}
	return o.values(content)
}

func managerKey(entry any) string {
	m, _ := entry.(map[string]any)
	return fmt.Sprint(m["operation"], " ", m["manager"], " ", m["apiVersion"], " ", m["subresource"])
}

func (o *oracle) values(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			v[k] = o.values(e)
		}
	case []any:
		for i, e := range v {
			v[i] = o.values(e)
		}
	case string:
		return o.text(v)
	}
	return v
}
