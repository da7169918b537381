package sim

import (
	"fmt"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// normalize brings what the API has in two forms into the one that is stored.
func normalize(doc document) {
	switch o := doc.(type) {
	case *corev1.Secret:
		for k, v := range o.StringData {
			if o.Data == nil {
				o.Data = map[string][]byte{}
			}
			o.Data[k] = []byte(v)
		}
		o.StringData = nil
	case *corev1.Pod:
		switch {
		case o.Status.PodIP != "" && len(o.Status.PodIPs) == 0:
			o.Status.PodIPs = []corev1.PodIP{{IP: o.Status.PodIP}}
		case o.Status.PodIP == "" && len(o.Status.PodIPs) > 0:
			o.Status.PodIP = o.Status.PodIPs[0].IP
		}
	}
}

// placeService gives a service its addresses: one made of its name, where the real server takes the next free one.
func placeService(o, old *corev1.Service) {
	s := &o.Spec
	if s.Type == corev1.ServiceTypeExternalName {
		return
	}
	if old != nil && s.ClusterIP == "" {
		s.ClusterIP = old.Spec.ClusterIP
	}
	if s.ClusterIP == "" {
		h := hash8(o.Namespace + "/" + o.Name)
		s.ClusterIP = fmt.Sprintf("10.96.%d.%d", h[0], h[1])
	}
	if len(s.ClusterIPs) == 0 || old != nil && s.ClusterIP != old.Spec.ClusterIP && s.ClusterIPs[0] == old.Spec.ClusterIP {
		s.ClusterIPs = []string{s.ClusterIP}
	}
	if len(s.IPFamilies) == 0 {
		s.IPFamilies = []corev1.IPFamily{corev1.IPv4Protocol}
	}
	fill(&s.IPFamilyPolicy, corev1.IPFamilyPolicySingleStack)
}

// selectJob writes the selector of a job that brings none (generateSelector in k8s.io/kubernetes/pkg/registry/batch/job).
func selectJob(o *batchv1.Job) {
	if o.Spec.ManualSelector != nil && *o.Spec.ManualSelector || o.Spec.Selector != nil {
		return
	}
	uid := string(o.UID)
	for _, m := range []*metav1.ObjectMeta{&o.ObjectMeta, &o.Spec.Template.ObjectMeta} {
		if m.Labels == nil {
			m.Labels = map[string]string{}
		}
		m.Labels["batch.kubernetes.io/controller-uid"], m.Labels["controller-uid"] = uid, uid
		m.Labels["batch.kubernetes.io/job-name"], m.Labels["job-name"] = o.Name, o.Name
	}
	o.Spec.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{"batch.kubernetes.io/controller-uid": uid}}
}

// qualityOfService is the class that requests and limits of cpu and memory make.
func qualityOfService(s *corev1.PodSpec) corev1.PodQOSClass {
	guaranteed, any := true, false
	for _, c := range append(append([]corev1.Container(nil), s.Containers...), s.InitContainers...) {
		for _, name := range []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory} {
			limit, request := c.Resources.Limits[name], c.Resources.Requests[name]
			any = any || !limit.IsZero() || !request.IsZero()
			guaranteed = guaranteed && !limit.IsZero() && limit.Cmp(request) == 0
		}
	}
	switch {
	case !any:
		return corev1.PodQOSBestEffort
	case guaranteed:
		return corev1.PodQOSGuaranteed
	default:
		return corev1.PodQOSBurstable
	}
}
