package sim

import (
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	validationutil "k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// A few of the rules in k8s.io/kubernetes/pkg/apis/*/validation: those that people run into when they edit.

var specPath = field.NewPath("spec")

// checkKind refuses values that are wrong by themselves.
func checkKind(doc document) field.ErrorList {
	switch o := doc.(type) {
	case *appsv1.Deployment:
		return checkWorkload(o.Spec.Replicas, o.Spec.Selector, &o.Spec.Template)
	case *appsv1.ReplicaSet:
		return checkWorkload(o.Spec.Replicas, o.Spec.Selector, &o.Spec.Template)
	case *appsv1.StatefulSet:
		return checkWorkload(o.Spec.Replicas, o.Spec.Selector, &o.Spec.Template)
	case *appsv1.DaemonSet:
		return checkWorkload(nil, o.Spec.Selector, &o.Spec.Template)
	case *batchv1.Job:
		return checkPodSpec(&o.Spec.Template.Spec, specPath.Child("template", "spec"))
	case *corev1.Pod:
		return checkPodSpec(&o.Spec, specPath)
	case *corev1.Service:
		return checkService(o)
	}
	return nil
}

func checkWorkload(replicas *int32, selector *metav1.LabelSelector, t *corev1.PodTemplateSpec) (errs field.ErrorList) {
	if replicas != nil {
		errs = append(errs, validation.ValidateNonnegativeField(int64(*replicas), specPath.Child("replicas"))...)
	}
	switch sel, err := metav1.LabelSelectorAsSelector(selector); {
	case selector == nil:
		errs = append(errs, field.Required(specPath.Child("selector"), ""))
	case err != nil:
		errs = append(errs, field.Invalid(specPath.Child("selector"), selector, "invalid label selector"))
	case !sel.Matches(labels.Set(t.Labels)):
		errs = append(errs, field.Invalid(specPath.Child("template", "metadata", "labels"), t.Labels, "`selector` does not match template `labels`"))
	}
	if t.Spec.RestartPolicy != corev1.RestartPolicyAlways {
		errs = append(errs, field.NotSupported(specPath.Child("template", "spec", "restartPolicy"), t.Spec.RestartPolicy, []corev1.RestartPolicy{corev1.RestartPolicyAlways}))
	}
	return append(errs, checkPodSpec(&t.Spec, specPath.Child("template", "spec"))...)
}

func checkPodSpec(s *corev1.PodSpec, at *field.Path) (errs field.ErrorList) {
	if len(s.Containers) == 0 {
		errs = append(errs, field.Required(at.Child("containers"), ""))
	}
	seen := map[string]bool{}
	for i := range s.Containers {
		c, at := &s.Containers[i], at.Child("containers").Index(i)
		switch {
		case c.Name == "":
			errs = append(errs, field.Required(at.Child("name"), ""))
		case seen[c.Name]:
			errs = append(errs, field.Duplicate(at.Child("name"), c.Name))
		default:
			for _, msg := range validationutil.IsDNS1123Label(c.Name) {
				errs = append(errs, field.Invalid(at.Child("name"), c.Name, msg))
			}
		}
		seen[c.Name] = true
		if c.Image == "" {
			errs = append(errs, field.Required(at.Child("image"), ""))
		}
		switch c.ImagePullPolicy {
		case corev1.PullAlways, corev1.PullIfNotPresent, corev1.PullNever, "":
		default:
			errs = append(errs, field.NotSupported(at.Child("imagePullPolicy"), c.ImagePullPolicy,
				[]corev1.PullPolicy{corev1.PullAlways, corev1.PullIfNotPresent, corev1.PullNever}))
		}
		for j, p := range c.Ports {
			for _, msg := range validationutil.IsValidPortNum(int(p.ContainerPort)) {
				errs = append(errs, field.Invalid(at.Child("ports").Index(j).Child("containerPort"), p.ContainerPort, msg))
			}
		}
	}
	return errs
}

func checkService(o *corev1.Service) (errs field.ErrorList) {
	if len(o.Spec.Ports) == 0 && o.Spec.ClusterIP != corev1.ClusterIPNone && o.Spec.Type != corev1.ServiceTypeExternalName {
		errs = append(errs, field.Required(specPath.Child("ports"), ""))
	}
	for i, p := range o.Spec.Ports {
		at := specPath.Child("ports").Index(i)
		if len(o.Spec.Ports) > 1 && p.Name == "" {
			errs = append(errs, field.Required(at.Child("name"), ""))
		}
		for _, msg := range validationutil.IsValidPortNum(int(p.Port)) {
			errs = append(errs, field.Invalid(at.Child("port"), p.Port, msg))
		}
	}
	return errs
}

// checkChange refuses changes of what can't be changed.
func checkChange(doc, old document) field.ErrorList {
	switch o := doc.(type) {
	case *appsv1.Deployment:
		return immutable(o.Spec.Selector, old.(*appsv1.Deployment).Spec.Selector, specPath.Child("selector"))
	case *appsv1.ReplicaSet:
		return immutable(o.Spec.Selector, old.(*appsv1.ReplicaSet).Spec.Selector, specPath.Child("selector"))
	case *appsv1.DaemonSet:
		return immutable(o.Spec.Selector, old.(*appsv1.DaemonSet).Spec.Selector, specPath.Child("selector"))
	case *appsv1.StatefulSet:
		return changedStatefulSet(o, old.(*appsv1.StatefulSet))
	case *batchv1.Job:
		return changedJob(o, old.(*batchv1.Job))
	case *corev1.Pod:
		return changedPod(o, old.(*corev1.Pod))
	case *corev1.Service:
		return changedService(o, old.(*corev1.Service))
	case *corev1.ConfigMap:
		before := old.(*corev1.ConfigMap)
		return frozen(before.Immutable, o.Immutable, part{"data", before.Data, o.Data}, part{"binaryData", before.BinaryData, o.BinaryData})
	case *corev1.Secret:
		before := old.(*corev1.Secret)
		return append(immutable(o.Type, before.Type, field.NewPath("type")),
			frozen(before.Immutable, o.Immutable, part{"data", before.Data, o.Data})...)
	case *corev1.PersistentVolumeClaim:
		return changedClaim(o, old.(*corev1.PersistentVolumeClaim))
	case *rbacv1.RoleBinding:
		return changedRole(o.RoleRef, old.(*rbacv1.RoleBinding).RoleRef)
	case *rbacv1.ClusterRoleBinding:
		return changedRole(o.RoleRef, old.(*rbacv1.ClusterRoleBinding).RoleRef)
	}
	return nil
}

func immutable(now, before any, at *field.Path) field.ErrorList {
	return validation.ValidateImmutableField(now, before, at)
}

func changedRole(now, before rbacv1.RoleRef) field.ErrorList {
	if now == before {
		return nil
	}
	return field.ErrorList{field.Invalid(field.NewPath("roleRef"), struct{ APIGroup, Kind, Name string }(now), "cannot change roleRef")}
}

// part is one field that immutable: true freezes.
type part struct {
	name        string
	before, now any
}

func frozen(before, now *bool, parts ...part) (errs field.ErrorList) {
	if before == nil || !*before {
		return nil
	}
	const text = "field is immutable when `immutable` is set"
	if now == nil || !*now {
		errs = append(errs, field.Forbidden(field.NewPath("immutable"), text))
	}
	for _, p := range parts {
		if !equality.Semantic.DeepEqual(p.before, p.now) {
			errs = append(errs, field.Forbidden(field.NewPath(p.name), text))
		}
	}
	return errs
}

func changedStatefulSet(o, old *appsv1.StatefulSet) field.ErrorList {
	c := o.DeepCopy()
	c.Spec.Replicas, c.Spec.Template, c.Spec.UpdateStrategy = old.Spec.Replicas, old.Spec.Template, old.Spec.UpdateStrategy
	c.Spec.MinReadySeconds, c.Spec.Ordinals, c.Spec.RevisionHistoryLimit = old.Spec.MinReadySeconds, old.Spec.Ordinals, old.Spec.RevisionHistoryLimit
	c.Spec.PersistentVolumeClaimRetentionPolicy = old.Spec.PersistentVolumeClaimRetentionPolicy
	if equality.Semantic.DeepEqual(c.Spec, old.Spec) {
		return nil
	}
	return field.ErrorList{field.Forbidden(specPath, "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', "+
		"'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden")}
}

func changedJob(o, old *batchv1.Job) (errs field.ErrorList) {
	errs = append(errs, immutable(o.Spec.Completions, old.Spec.Completions, specPath.Child("completions"))...)
	errs = append(errs, immutable(o.Spec.Selector, old.Spec.Selector, specPath.Child("selector"))...)
	errs = append(errs, immutable(o.Spec.Template, old.Spec.Template, specPath.Child("template"))...)
	return append(errs, immutable(o.Spec.CompletionMode, old.Spec.CompletionMode, specPath.Child("completionMode"))...)
}

func changedPod(o, old *corev1.Pod) field.ErrorList {
	if len(o.Spec.Containers) != len(old.Spec.Containers) {
		return field.ErrorList{field.Forbidden(specPath.Child("containers"), "pod updates may not add or remove containers")}
	}
	c := o.DeepCopy()
	for i := range c.Spec.Containers {
		c.Spec.Containers[i].Image = old.Spec.Containers[i].Image
	}
	for i := range min(len(c.Spec.InitContainers), len(old.Spec.InitContainers)) {
		c.Spec.InitContainers[i].Image = old.Spec.InitContainers[i].Image
	}
	c.Spec.ActiveDeadlineSeconds = old.Spec.ActiveDeadlineSeconds
	if !slices.ContainsFunc(old.Spec.Tolerations, func(t corev1.Toleration) bool { return !slices.Contains(c.Spec.Tolerations, t) }) {
		c.Spec.Tolerations = old.Spec.Tolerations
	}
	if equality.Semantic.DeepEqual(c.Spec, old.Spec) {
		return nil
	}
	// The real server adds a diff.
	return field.ErrorList{field.Forbidden(specPath, "pod updates may not change fields other than `spec.containers[*].image`,"+
		"`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"+
		"`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)\n")}
}

func changedService(o, old *corev1.Service) field.ErrorList {
	if old.Spec.Type == corev1.ServiceTypeExternalName || o.Spec.Type == corev1.ServiceTypeExternalName ||
		old.Spec.ClusterIP == "" || o.Spec.ClusterIP == old.Spec.ClusterIP {
		return nil
	}
	return field.ErrorList{field.Invalid(specPath.Child("clusterIPs").Index(0), o.Spec.ClusterIPs, "may not change once set")}
}

func changedClaim(o, old *corev1.PersistentVolumeClaim) field.ErrorList {
	c := o.DeepCopy()
	if c.Spec.VolumeName != "" && old.Spec.VolumeName == "" {
		c.Spec.VolumeName = ""
	}
	if old.Status.Phase == corev1.ClaimBound {
		c.Spec.Resources.Requests = old.Spec.Resources.Requests
		c.Spec.VolumeAttributesClassName = old.Spec.VolumeAttributesClassName
	}
	if equality.Semantic.DeepEqual(c.Spec, old.Spec) {
		return nil
	}
	return field.ErrorList{field.Forbidden(specPath, fmt.Sprintf("spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims\n%v", ""))}
}
