package sim

import (
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// setDefaults fills in what the real server fills in, for the kinds that people write most: an apply then shows the same
// lines that nobody asked for. The defaults are those the comments of k8s.io/api name.
func setDefaults(in runtime.Object) {
	switch o := in.(type) {
	case *corev1.Pod:
		defaultPodSpec(&o.Spec)
		fill(&o.Spec.EnableServiceLinks, true)
		for i := range o.Spec.Containers {
			defaultRequests(&o.Spec.Containers[i].Resources)
		}
	case *corev1.ReplicationController:
		fill(&o.Spec.Replicas, 1)
		if o.Spec.Template != nil {
			defaultPodSpec(&o.Spec.Template.Spec)
		}
	case *appsv1.Deployment:
		defaultDeployment(o)
	case *appsv1.ReplicaSet:
		fill(&o.Spec.Replicas, 1)
		defaultPodSpec(&o.Spec.Template.Spec)
	case *appsv1.StatefulSet:
		defaultStatefulSet(o)
	case *appsv1.DaemonSet:
		defaultDaemonSet(o)
	case *batchv1.Job:
		defaultJob(o)
	case *batchv1.CronJob:
		set(&o.Spec.ConcurrencyPolicy, batchv1.AllowConcurrent)
		fill(&o.Spec.Suspend, false)
		fill(&o.Spec.SuccessfulJobsHistoryLimit, 3)
		fill(&o.Spec.FailedJobsHistoryLimit, 1)
		defaultPodSpec(&o.Spec.JobTemplate.Spec.Template.Spec)
	case *corev1.Service:
		defaultService(o)
	case *corev1.Secret:
		set(&o.Type, corev1.SecretTypeOpaque)
	case *corev1.PersistentVolumeClaim:
		fill(&o.Spec.VolumeMode, corev1.PersistentVolumeFilesystem)
		set(&o.Status.Phase, corev1.ClaimPending)
	case *corev1.PersistentVolume:
		fill(&o.Spec.VolumeMode, corev1.PersistentVolumeFilesystem)
		set(&o.Spec.PersistentVolumeReclaimPolicy, corev1.PersistentVolumeReclaimRetain)
		set(&o.Status.Phase, corev1.VolumePending)
	case *networkingv1.NetworkPolicy:
		if len(o.Spec.PolicyTypes) == 0 {
			o.Spec.PolicyTypes = []networkingv1.PolicyType{networkingv1.PolicyTypeIngress}
			if len(o.Spec.Egress) > 0 {
				o.Spec.PolicyTypes = append(o.Spec.PolicyTypes, networkingv1.PolicyTypeEgress)
			}
		}
	case *rbacv1.RoleBinding:
		defaultBinding(&o.RoleRef, o.Subjects)
	case *rbacv1.ClusterRoleBinding:
		defaultBinding(&o.RoleRef, o.Subjects)
	case *storagev1.StorageClass:
		fill(&o.ReclaimPolicy, corev1.PersistentVolumeReclaimDelete)
		fill(&o.VolumeBindingMode, storagev1.VolumeBindingImmediate)
	}
}

// fill sets what is nil, set what is empty.
func fill[T any](p **T, v T) {
	if *p == nil {
		*p = &v
	}
}

func set[T ~string](p *T, v T) {
	if *p == "" {
		*p = v
	}
}

func defaultDeployment(o *appsv1.Deployment) {
	fill(&o.Spec.Replicas, 1)
	fill(&o.Spec.RevisionHistoryLimit, 10)
	fill(&o.Spec.ProgressDeadlineSeconds, 600)
	set(&o.Spec.Strategy.Type, appsv1.RollingUpdateDeploymentStrategyType)
	if o.Spec.Strategy.Type == appsv1.RollingUpdateDeploymentStrategyType {
		fill(&o.Spec.Strategy.RollingUpdate, appsv1.RollingUpdateDeployment{})
		fill(&o.Spec.Strategy.RollingUpdate.MaxUnavailable, intstr.FromString("25%"))
		fill(&o.Spec.Strategy.RollingUpdate.MaxSurge, intstr.FromString("25%"))
	}
	defaultPodSpec(&o.Spec.Template.Spec)
}

func defaultStatefulSet(o *appsv1.StatefulSet) {
	fill(&o.Spec.Replicas, 1)
	fill(&o.Spec.RevisionHistoryLimit, 10)
	set(&o.Spec.PodManagementPolicy, appsv1.OrderedReadyPodManagement)
	set(&o.Spec.UpdateStrategy.Type, appsv1.RollingUpdateStatefulSetStrategyType)
	if o.Spec.UpdateStrategy.Type == appsv1.RollingUpdateStatefulSetStrategyType {
		fill(&o.Spec.UpdateStrategy.RollingUpdate, appsv1.RollingUpdateStatefulSetStrategy{})
		fill(&o.Spec.UpdateStrategy.RollingUpdate.Partition, 0)
	}
	fill(&o.Spec.PersistentVolumeClaimRetentionPolicy, appsv1.StatefulSetPersistentVolumeClaimRetentionPolicy{})
	set(&o.Spec.PersistentVolumeClaimRetentionPolicy.WhenDeleted, appsv1.RetainPersistentVolumeClaimRetentionPolicyType)
	set(&o.Spec.PersistentVolumeClaimRetentionPolicy.WhenScaled, appsv1.RetainPersistentVolumeClaimRetentionPolicyType)
	for i := range o.Spec.VolumeClaimTemplates {
		setDefaults(&o.Spec.VolumeClaimTemplates[i])
	}
	defaultPodSpec(&o.Spec.Template.Spec)
}

func defaultDaemonSet(o *appsv1.DaemonSet) {
	fill(&o.Spec.RevisionHistoryLimit, 10)
	set(&o.Spec.UpdateStrategy.Type, appsv1.RollingUpdateDaemonSetStrategyType)
	if o.Spec.UpdateStrategy.Type == appsv1.RollingUpdateDaemonSetStrategyType {
		fill(&o.Spec.UpdateStrategy.RollingUpdate, appsv1.RollingUpdateDaemonSet{})
		fill(&o.Spec.UpdateStrategy.RollingUpdate.MaxUnavailable, intstr.FromInt32(1))
		fill(&o.Spec.UpdateStrategy.RollingUpdate.MaxSurge, intstr.FromInt32(0))
	}
	defaultPodSpec(&o.Spec.Template.Spec)
}

func defaultJob(o *batchv1.Job) {
	if o.Spec.Completions == nil && o.Spec.Parallelism == nil {
		fill(&o.Spec.Completions, 1)
	}
	fill(&o.Spec.Parallelism, 1)
	fill(&o.Spec.BackoffLimit, 6)
	fill(&o.Spec.CompletionMode, batchv1.NonIndexedCompletion)
	fill(&o.Spec.Suspend, false)
	fill(&o.Spec.ManualSelector, false)
	fill(&o.Spec.PodReplacementPolicy, batchv1.TerminatingOrFailed)
	defaultPodSpec(&o.Spec.Template.Spec)
}

func defaultService(o *corev1.Service) {
	set(&o.Spec.SessionAffinity, corev1.ServiceAffinityNone)
	set(&o.Spec.Type, corev1.ServiceTypeClusterIP)
	for i := range o.Spec.Ports {
		p := &o.Spec.Ports[i]
		set(&p.Protocol, corev1.ProtocolTCP)
		if p.TargetPort == (intstr.IntOrString{}) || p.TargetPort == intstr.FromString("") {
			p.TargetPort = intstr.FromInt32(p.Port)
		}
	}
	outside := o.Spec.Type == corev1.ServiceTypeNodePort || o.Spec.Type == corev1.ServiceTypeLoadBalancer
	if outside {
		set(&o.Spec.ExternalTrafficPolicy, corev1.ServiceExternalTrafficPolicyCluster)
	}
	if outside || o.Spec.Type == corev1.ServiceTypeClusterIP {
		fill(&o.Spec.InternalTrafficPolicy, corev1.ServiceInternalTrafficPolicyCluster)
	}
	if o.Spec.Type == corev1.ServiceTypeLoadBalancer {
		fill(&o.Spec.AllocateLoadBalancerNodePorts, true)
	}
}

func defaultBinding(ref *rbacv1.RoleRef, subjects []rbacv1.Subject) {
	set(&ref.APIGroup, rbacv1.GroupName)
	for i := range subjects {
		if subjects[i].Kind != rbacv1.ServiceAccountKind {
			set(&subjects[i].APIGroup, rbacv1.GroupName)
		}
	}
}

func defaultPodSpec(s *corev1.PodSpec) {
	set(&s.RestartPolicy, corev1.RestartPolicyAlways)
	set(&s.DNSPolicy, corev1.DNSClusterFirst)
	set(&s.SchedulerName, corev1.DefaultSchedulerName)
	fill(&s.TerminationGracePeriodSeconds, corev1.DefaultTerminationGracePeriodSeconds)
	fill(&s.SecurityContext, corev1.PodSecurityContext{})
	if s.ServiceAccountName != "" {
		s.DeprecatedServiceAccount = s.ServiceAccountName
	}
	for i := range s.Containers {
		defaultContainer(&s.Containers[i])
	}
	for i := range s.InitContainers {
		defaultContainer(&s.InitContainers[i])
	}
	for i := range s.Volumes {
		defaultVolume(&s.Volumes[i].VolumeSource)
	}
}

func defaultContainer(c *corev1.Container) {
	set(&c.TerminationMessagePath, corev1.TerminationMessagePathDefault)
	set(&c.TerminationMessagePolicy, corev1.TerminationMessageReadFile)
	if c.ImagePullPolicy == "" {
		c.ImagePullPolicy = corev1.PullIfNotPresent
		if _, tag, _ := strings.Cut(c.Image[strings.LastIndexByte(c.Image, '/')+1:], ":"); tag == "latest" || tag == "" {
			c.ImagePullPolicy = corev1.PullAlways
		}
	}
	for i := range c.Ports {
		set(&c.Ports[i].Protocol, corev1.ProtocolTCP)
	}
	for _, p := range []*corev1.Probe{c.LivenessProbe, c.ReadinessProbe, c.StartupProbe} {
		defaultProbe(p)
	}
	for i := range c.Env {
		if from := c.Env[i].ValueFrom; from != nil && from.FieldRef != nil {
			set(&from.FieldRef.APIVersion, "v1")
		}
	}
}

// defaultRequests asks for what is the limit.
func defaultRequests(r *corev1.ResourceRequirements) {
	for name, q := range r.Limits {
		if _, ok := r.Requests[name]; !ok {
			if r.Requests == nil {
				r.Requests = corev1.ResourceList{}
			}
			r.Requests[name] = q.DeepCopy()
		}
	}
}

func defaultProbe(p *corev1.Probe) {
	if p == nil {
		return
	}
	for field, v := range map[*int32]int32{&p.TimeoutSeconds: 1, &p.PeriodSeconds: 10, &p.SuccessThreshold: 1, &p.FailureThreshold: 3} {
		if *field == 0 {
			*field = v
		}
	}
	if h := p.HTTPGet; h != nil {
		set(&h.Path, "/")
		set(&h.Scheme, corev1.URISchemeHTTP)
	}
}

func defaultVolume(v *corev1.VolumeSource) {
	const mode = 0o644
	switch {
	case *v == (corev1.VolumeSource{}):
		v.EmptyDir = &corev1.EmptyDirVolumeSource{}
	case v.Secret != nil:
		fill(&v.Secret.DefaultMode, mode)
	case v.ConfigMap != nil:
		fill(&v.ConfigMap.DefaultMode, mode)
	case v.DownwardAPI != nil:
		fill(&v.DownwardAPI.DefaultMode, mode)
	case v.Projected != nil:
		fill(&v.Projected.DefaultMode, mode)
		for i := range v.Projected.Sources {
			if t := v.Projected.Sources[i].ServiceAccountToken; t != nil {
				fill(&t.ExpirationSeconds, 3600)
			}
		}
	case v.HostPath != nil:
		fill(&v.HostPath.Type, corev1.HostPathUnset)
	}
}
