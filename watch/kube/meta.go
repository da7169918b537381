package kube

import (
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"orka/watch"
	"orka/watch/columns"
)

const (
	initialEndAnnotation = metav1.InitialEventsAnnotationKey
	// lastApplied is a second copy of the object, Secrets' values included. It is in the Body for whoever
	// needs it, and never kept beside it.
	lastApplied = "kubectl.kubernetes.io/last-applied-configuration"
	// maxAnnoValue bounds a value kept, in bytes; cutMark ends one that was longer.
	maxAnnoValue = 256
	cutMark      = "…"
)

// object makes the compact form of what was decoded. Strings are owned: the decoders copy them.
func (d *decoder) object(meta *metav1.ObjectMeta, p columns.Projection) *watch.Object {
	in := &d.in.strings
	o := &watch.Object{
		Kind:            d.kind,
		Namespace:       in.String(watch.Sanitize(meta.Namespace)),
		Name:            watch.Sanitize(meta.Name),
		UID:             watch.Sanitize(string(meta.UID)),
		ResourceVersion: watch.Sanitize(meta.ResourceVersion),
		Labels:          watch.Pairs(in.String(string(packLabels(meta.Labels, d.limits.MaxLabels)))),
		Annos:           d.annotations(meta.Annotations),
		Status:          p.Status,
		Cells:           p.Cells,
		Fields:          p.Fields,
		Health:          p.Health,
	}
	if !meta.CreationTimestamp.IsZero() {
		o.Created = meta.CreationTimestamp.Unix()
	}
	if meta.DeletionTimestamp != nil {
		o.Deleted = meta.DeletionTimestamp.Unix()
	}
	if n := len(meta.OwnerReferences); n > 0 {
		o.Owners = make([]watch.Owner, n)
		for i, r := range meta.OwnerReferences {
			o.Owners[i] = watch.Owner{
				APIVersion: in.String(watch.Sanitize(r.APIVersion)),
				Kind:       in.String(watch.Sanitize(r.Kind)),
				Name:       in.String(watch.Sanitize(r.Name)),
				UID:        in.String(watch.Sanitize(string(r.UID))),
				Controller: r.Controller != nil && *r.Controller,
			}
		}
	}
	return o
}

// packLabels packs at most most pairs, the first by key; 0 is all.
func packLabels(m map[string]string, most int) watch.Pairs {
	return watch.PackPairs(clean(first(m, most)))
}

// annotations packs what is kept of annotations.
func (d *decoder) annotations(m map[string]string) watch.Pairs {
	if d.limits.MaxAnnos < 0 || len(m) == 0 {
		return ""
	}
	delete(m, lastApplied)
	for k, v := range m {
		if len(v) > maxAnnoValue {
			m[k] = shorten(v, maxAnnoValue)
		}
	}
	return watch.Pairs(d.in.annos.String(string(watch.PackPairs(clean(first(m, d.limits.MaxAnnos))))))
}

// first keeps the first n pairs by key.
func first(m map[string]string, n int) map[string]string {
	if n <= 0 || len(m) <= n {
		return m
	}
	out := make(map[string]string, n)
	for _, k := range slices.Sorted(maps.Keys(m))[:n] {
		out[k] = m[k]
	}
	return out
}

// clean sanitises keys and values; a clean map is returned as it is. Keys lose "=", which parts them from
// values: the server does not allow it, but not all that is read comes from a well-behaved server.
func clean(m map[string]string) map[string]string {
	for k, v := range m {
		if dirty(k) || strings.Contains(k, "=") || dirty(v) {
			out := make(map[string]string, len(m))
			for k, v := range m {
				out[strings.ReplaceAll(watch.Sanitize(k), "=", `\x3d`)] = watch.Sanitize(v)
			}
			return out
		}
	}
	return m
}

func dirty(s string) bool { return watch.Sanitize(s) != s }

// shorten cuts s to n bytes, not within a character, and marks the cut.
func shorten(s string, n int) string {
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + cutMark
}
