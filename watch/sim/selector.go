package sim

import (
	"fmt"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
)

// selector is the label and field selector of one request.
type selector struct {
	labels labels.Selector
	fields fields.Selector
}

func parseSelector(sv *served, q *request) (selector, error) {
	sel := selector{labels.Everything(), fields.Everything()}
	var err error
	if v := q.query.Get("labelSelector"); v != "" {
		if sel.labels, err = labels.Parse(v); err != nil {
			return sel, apierrors.NewBadRequest(err.Error())
		}
	}
	if v := q.query.Get("fieldSelector"); v != "" {
		if sel.fields, err = fields.ParseSelector(v); err != nil {
			return sel, apierrors.NewBadRequest(err.Error())
		}
		for _, r := range sel.fields.Requirements() {
			if !sv.selectable(r.Field) {
				if sv.builtin && fieldNames[sv.Group+"/"+sv.Plural] == nil {
					return sel, apierrors.NewBadRequest(fmt.Sprintf(`%q is not a known field selector: only "metadata.name", "metadata.namespace"`, r.Field))
				}
				return sel, apierrors.NewBadRequest(fmt.Sprintf("field label not supported: %s", r.Field))
			}
		}
	}
	return sel, nil
}

func (sel *selector) empty() bool { return sel.labels.Empty() && sel.fields.Empty() }

// fieldNames are the fields that can be selected beyond metadata.name and metadata.namespace, as in the real server.
var fieldNames = map[string][]string{
	"/pods": {"spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName", "spec.hostNetwork",
		"status.phase", "status.podIP", "status.nominatedNodeName"},
	"/events": {"involvedObject.kind", "involvedObject.namespace", "involvedObject.name", "involvedObject.uid", "involvedObject.apiVersion",
		"involvedObject.resourceVersion", "involvedObject.fieldPath", "reason", "reportingComponent", "source", "type"},
	"events.k8s.io/events": {"reason", "regarding.kind", "regarding.namespace", "regarding.name", "regarding.uid", "regarding.apiVersion",
		"regarding.resourceVersion", "regarding.fieldPath", "reportingController", "type"},
	"/nodes":           {"spec.unschedulable"},
	"/namespaces":      {"status.phase"},
	"/secrets":         {"type"},
	"/services":        {"spec.clusterIP", "spec.type"},
	"apps/replicasets": {"status.replicas"},
	"batch/jobs":       {"status.successful"},
	"certificates.k8s.io/certificatesigningrequests": {"spec.signerName"},
}

func (sv *served) selectable(field string) bool {
	if field == "metadata.name" || field == "metadata.namespace" && sv.Namespaced {
		return true
	}
	for _, f := range fieldNames[sv.Group+"/"+sv.Plural] {
		if f == field {
			return true
		}
	}
	return false
}

// matches decodes an object as far as the selector needs it.
func (sel *selector) matches(sv *served, o *object, rd *reader) (bool, error) {
	if sel.empty() {
		return true, nil
	}
	// Name and namespace are known without decoding; a watch on one object asks for nothing else.
	if sel.labels.Empty() && sel.onlyIdentity() {
		return sel.fields.Matches(fields.Set{"metadata.name": o.name(), "metadata.namespace": o.namespace()}), nil
	}
	body, err := rd.body(o)
	if err != nil {
		return false, err
	}
	doc, err := sv.decode(o.version, body)
	if err != nil {
		return false, err
	}
	if !sel.labels.Matches(labels.Set(doc.GetLabels())) {
		return false, nil
	}
	return sel.fields.Empty() || sel.fields.Matches(fieldsOf(doc)), nil
}

func (sel *selector) onlyIdentity() bool {
	for _, r := range sel.fields.Requirements() {
		if r.Field != "metadata.name" && r.Field != "metadata.namespace" {
			return false
		}
	}
	return true
}

// fieldsOf is what field selectors can see of an object.
func fieldsOf(doc document) fields.Set {
	set := fields.Set{"metadata.name": doc.GetName(), "metadata.namespace": doc.GetNamespace()}
	switch o := doc.(type) {
	case *corev1.Pod:
		set["spec.nodeName"] = o.Spec.NodeName
		set["spec.restartPolicy"] = string(o.Spec.RestartPolicy)
		set["spec.schedulerName"] = o.Spec.SchedulerName
		set["spec.serviceAccountName"] = o.Spec.ServiceAccountName
		set["spec.hostNetwork"] = strconv.FormatBool(o.Spec.HostNetwork)
		set["status.phase"] = string(o.Status.Phase)
		set["status.podIP"] = o.Status.PodIP
		set["status.nominatedNodeName"] = o.Status.NominatedNodeName
	case *corev1.Event:
		eventFields(set, "involvedObject", &o.InvolvedObject)
		set["reason"], set["type"] = o.Reason, o.Type
		set["reportingComponent"] = o.ReportingController
		if set["source"] = o.Source.Component; o.Source.Component == "" {
			set["source"] = o.ReportingController
		}
	case *unstructured.Unstructured:
	default:
		otherFields(set, doc)
	}
	return set
}

func eventFields(set fields.Set, prefix string, ref *corev1.ObjectReference) {
	set[prefix+".kind"], set[prefix+".namespace"], set[prefix+".name"] = ref.Kind, ref.Namespace, ref.Name
	set[prefix+".uid"], set[prefix+".apiVersion"] = string(ref.UID), ref.APIVersion
	set[prefix+".resourceVersion"], set[prefix+".fieldPath"] = ref.ResourceVersion, ref.FieldPath
}
