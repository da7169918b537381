package cluster

// Pod templates and specs.

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// podTemplate is the template of one revision of an app, and the same spec as its pods have it: with
// what admission adds.
type podTemplate struct {
	labels      map[string]string
	annotations map[string]string
	spec        corev1.PodSpec // as written in the workload
	podSpec     corev1.PodSpec // as the API server stores it in a pod, without nodeName
	shape       string         // which fields are set, for managedFields
	images      []string       // digest of each container's image
}

// template renders the template of a revision; the last one is kept.
func (r *renderer) template(a *app, set *replicaSet) *podTemplate {
	if r.tmplApp == a && r.tmplHash == set.hash && r.tmpl.labels["app.kubernetes.io/version"] == set.tag {
		return r.tmpl
	}
	h := r.hash("template", a.ns.name, a.name).str(set.hash)
	t := &podTemplate{labels: a.labels()}
	t.labels["app.kubernetes.io/version"] = set.tag
	t.annotations = map[string]string{
		"checksum/config":                   h.hex64(),
		"prometheus.io/scrape":              "true",
		"prometheus.io/port":                "9090",
		"kubectl.kubernetes.io/restartedAt": at(set.created).Format("2006-01-02T15:04:05Z07:00"),
	}
	t.spec = r.podSpec(a, set)
	t.shape = a.comp.role.String()
	if a.sidecar {
		t.shape += "+proxy"
		t.annotations["proxy."+domain+"/inject"] = "enabled"
	}
	if a.comp.image != "" {
		t.shape += "+vendor"
	}
	t.spec.DeepCopyInto(&t.podSpec)
	r.admit(&t.podSpec, h)
	for _, c := range t.podSpec.Containers {
		t.images = append(t.images, "sha256:"+newHash(r.seed).str(c.Image).hex64())
	}
	r.tmplApp, r.tmplHash, r.tmpl = a, set.hash, t
	return t
}

// containerName is the name of the main container.
func (a *app) containerName() string {
	if a.comp.role == roleAgent {
		return a.comp.name
	}
	return a.name
}

func (r *renderer) podSpec(a *app, set *replicaSet) corev1.PodSpec {
	spec := corev1.PodSpec{
		RestartPolicy:                 corev1.RestartPolicyAlways,
		TerminationGracePeriodSeconds: ptr(int64(30)),
		DNSPolicy:                     corev1.DNSClusterFirst,
		ServiceAccountName:            a.name,
		DeprecatedServiceAccount:      a.name,
		SchedulerName:                 corev1.DefaultSchedulerName,
		SecurityContext: &corev1.PodSecurityContext{RunAsNonRoot: ptr(true), RunAsUser: ptr(int64(10001)), FSGroup: ptr(int64(10001)),
			SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault}},
		Volumes: []corev1.Volume{
			{Name: "config", VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{
				LocalObjectReference: corev1.LocalObjectReference{Name: a.name + "-config"}, DefaultMode: ptr(int32(420))}}},
			{Name: "tmp", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}},
		},
	}
	if a.comp.image == "" {
		spec.ImagePullSecrets = []corev1.LocalObjectReference{{Name: "registry-credentials"}}
	}
	switch a.comp.role {
	case roleBatch:
		spec.RestartPolicy = corev1.RestartPolicyNever
	case roleAgent:
		spec.HostNetwork = true
		spec.DNSPolicy = corev1.DNSClusterFirstWithHostNet
		spec.PriorityClassName = "system-node-critical"
		spec.Tolerations = []corev1.Toleration{{Operator: corev1.TolerationOpExists}}
		spec.NodeSelector = map[string]string{"kubernetes.io/os": "linux"}
		if a.pool != "" {
			spec.NodeSelector[domain+"/agents"] = a.pool
		}
		spec.SecurityContext = &corev1.PodSecurityContext{}
	case roleCache, roleQueue, roleDB:
		spec.PriorityClassName = "stateful"
		spec.TerminationGracePeriodSeconds = ptr(int64(120))
		spec.Affinity = &corev1.Affinity{PodAntiAffinity: &corev1.PodAntiAffinity{PreferredDuringSchedulingIgnoredDuringExecution: []corev1.WeightedPodAffinityTerm{
			{Weight: 100, PodAffinityTerm: corev1.PodAffinityTerm{LabelSelector: &metav1.LabelSelector{MatchLabels: a.selector()}, TopologyKey: "kubernetes.io/hostname"}}}}}
	default:
		if a.ns.prod() {
			spec.PriorityClassName = "customer-facing"
		}
		spec.TopologySpreadConstraints = []corev1.TopologySpreadConstraint{{MaxSkew: 1, TopologyKey: "topology.kubernetes.io/zone",
			WhenUnsatisfiable: corev1.ScheduleAnyway, LabelSelector: &metav1.LabelSelector{MatchLabels: a.selector()}}}
	}
	spec.Containers = []corev1.Container{r.container(a, set)}
	if a.sidecar {
		spec.Containers = append(spec.Containers, r.proxy(a))
	}
	return spec
}

func (a *app) image(set *replicaSet) string {
	if a.comp.image != "" {
		return a.comp.image + ":" + set.tag
	}
	return registry + "/" + a.ns.team.name + "/" + a.comp.name + ":" + set.tag
}

func httpProbe(path, port string, delay, period int32) *corev1.Probe {
	return &corev1.Probe{ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: path, Port: intstr.FromString(port), Scheme: corev1.URISchemeHTTP}},
		InitialDelaySeconds: delay, PeriodSeconds: period, TimeoutSeconds: 2, SuccessThreshold: 1, FailureThreshold: 3}
}

func tcpProbe(port string) *corev1.Probe {
	return &corev1.Probe{ProbeHandler: corev1.ProbeHandler{TCPSocket: &corev1.TCPSocketAction{Port: intstr.FromString(port)}},
		InitialDelaySeconds: 15, PeriodSeconds: 20, TimeoutSeconds: 1, SuccessThreshold: 1, FailureThreshold: 3}
}

func (r *renderer) container(a *app, set *replicaSet) corev1.Container {
	c := corev1.Container{
		Name:                     a.containerName(),
		Image:                    a.image(set),
		Args:                     []string{"serve", "--config=/etc/" + a.comp.name + "/config.yaml", "--log-format=json"},
		Ports:                    []corev1.ContainerPort{{Name: "metrics", ContainerPort: 9090, Protocol: corev1.ProtocolTCP}},
		Env:                      env(a),
		Resources:                r.resources(a),
		VolumeMounts:             []corev1.VolumeMount{{Name: "config", MountPath: "/etc/" + company, ReadOnly: true}, {Name: "tmp", MountPath: "/tmp"}},
		TerminationMessagePath:   corev1.TerminationMessagePathDefault,
		TerminationMessagePolicy: corev1.TerminationMessageFallbackToLogsOnError,
		ImagePullPolicy:          corev1.PullIfNotPresent,
		SecurityContext: &corev1.SecurityContext{AllowPrivilegeEscalation: ptr(false), ReadOnlyRootFilesystem: ptr(true), RunAsNonRoot: ptr(true),
			Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}}},
	}
	if port := a.port(); port != 0 {
		c.Ports = append([]corev1.ContainerPort{{Name: a.portName(), ContainerPort: port, Protocol: corev1.ProtocolTCP}}, c.Ports...)
	}
	switch a.comp.role {
	case roleAPI, roleWeb:
		c.LivenessProbe = httpProbe("/livez", "http", 20, 15)
		c.ReadinessProbe = httpProbe("/readyz", "http", 5, 10)
	case roleWorker:
		c.Args[0] = "consume"
		c.LivenessProbe = httpProbe("/livez", "metrics", 20, 30)
	case roleCache, roleQueue, roleDB:
		c.Args = []string{"--config=/etc/" + company + "/" + a.comp.name + ".conf"}
		c.LivenessProbe, c.ReadinessProbe = tcpProbe(a.portName()), tcpProbe(a.portName())
		c.VolumeMounts = append(c.VolumeMounts, corev1.VolumeMount{Name: "data", MountPath: "/var/lib/data"})
	case roleBatch:
		c.Args = []string{"run", a.comp.name, "--once"}
		c.Ports = nil
	case roleAgent:
		c.SecurityContext = &corev1.SecurityContext{Privileged: ptr(true)}
	}
	return c
}

// port is what the app serves, 0 if it serves nothing.
func (a *app) port() int32 {
	switch a.comp.role {
	case roleAPI, roleWeb:
		return 8080
	case roleCache:
		return 6379
	case roleQueue:
		return 9092
	case roleDB:
		return 5432
	}
	return 0
}

func (a *app) portName() string {
	switch a.comp.role {
	case roleCache:
		return "redis"
	case roleQueue:
		return "broker"
	case roleDB:
		return "postgres"
	}
	return "http"
}

func (r *renderer) resources(a *app) corev1.ResourceRequirements {
	s := [...]struct{ cpu, memory, limit string }{
		roleAPI: {"250m", "384Mi", "768Mi"}, roleWeb: {"100m", "256Mi", "512Mi"}, roleWorker: {"500m", "512Mi", "1Gi"},
		roleCache: {"200m", "1Gi", "1Gi"}, roleQueue: {"1", "4Gi", "4Gi"}, roleDB: {"2", "8Gi", "8Gi"},
		roleBatch: {"500m", "1Gi", "2Gi"}, roleAgent: {"50m", "96Mi", "192Mi"},
	}[a.comp.role]
	return corev1.ResourceRequirements{
		Requests: corev1.ResourceList{corev1.ResourceCPU: r.q(s.cpu), corev1.ResourceMemory: r.q(s.memory)},
		Limits:   corev1.ResourceList{corev1.ResourceMemory: r.q(s.limit)},
	}
}

func fieldEnv(name, path string) corev1.EnvVar {
	return corev1.EnvVar{Name: name, ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{APIVersion: "v1", FieldPath: path}}}
}

func env(a *app) []corev1.EnvVar {
	env := []corev1.EnvVar{
		fieldEnv("POD_NAME", "metadata.name"),
		fieldEnv("NODE_NAME", "spec.nodeName"),
	}
	if a.comp.role == roleAgent {
		return env
	}
	env = append(env,
		corev1.EnvVar{Name: "ENVIRONMENT", Value: a.ns.env},
		corev1.EnvVar{Name: "LOG_LEVEL", ValueFrom: &corev1.EnvVarSource{ConfigMapKeyRef: &corev1.ConfigMapKeySelector{
			LocalObjectReference: corev1.LocalObjectReference{Name: a.name + "-config"}, Key: "log.level", Optional: ptr(true)}}},
		corev1.EnvVar{Name: "OTEL_EXPORTER_OTLP_ENDPOINT", Value: "http://otel-collector.monitoring.svc.cluster.local:4317"},
	)
	if a.comp.image == "" {
		env = append(env,
			corev1.EnvVar{Name: "DATABASE_URL", Value: "postgres://" + a.ns.team.name + "-db-rw." + a.ns.name + ".svc.cluster.local:5432/" + a.ns.team.name + "?sslmode=verify-full"},
			corev1.EnvVar{Name: "DATABASE_PASSWORD", ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{
				LocalObjectReference: corev1.LocalObjectReference{Name: a.name + "-secrets"}, Key: "database-password"}}},
		)
	}
	return env
}

// proxy is the service mesh's side-car.
func (r *renderer) proxy(a *app) corev1.Container {
	return corev1.Container{
		Name: "mesh-proxy", Image: "registry." + domain + "/platform/mesh-proxy:v2.16.1",
		Args:  []string{"--service=" + a.name, "--trust-domain=" + domain, "--admin-port=4191"},
		Ports: []corev1.ContainerPort{{Name: "mesh-in", ContainerPort: 4143, Protocol: corev1.ProtocolTCP}, {Name: "mesh-admin", ContainerPort: 4191, Protocol: corev1.ProtocolTCP}},
		Env:   []corev1.EnvVar{{Name: "MESH_LOG", Value: "warn,mesh=info"}},
		Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceCPU: r.q("20m"), corev1.ResourceMemory: r.q("48Mi")},
			Limits: corev1.ResourceList{corev1.ResourceMemory: r.q("128Mi")}},
		ReadinessProbe:         httpProbe("/ready", "mesh-admin", 2, 10),
		TerminationMessagePath: corev1.TerminationMessagePathDefault, TerminationMessagePolicy: corev1.TerminationMessageReadFile,
		ImagePullPolicy: corev1.PullIfNotPresent,
		SecurityContext: &corev1.SecurityContext{AllowPrivilegeEscalation: ptr(false), RunAsUser: ptr(int64(2102)), ReadOnlyRootFilesystem: ptr(true), Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}}},
	}
}

// admit adds what admission plugins put into a pod: the token volume, default tolerations, priority.
func (r *renderer) admit(spec *corev1.PodSpec, h hash128) {
	token := "kube-api-access-" + h.hex(5)
	spec.Volumes = append(spec.Volumes, corev1.Volume{Name: token, VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{
		DefaultMode: ptr(int32(420)),
		Sources: []corev1.VolumeProjection{
			{ServiceAccountToken: &corev1.ServiceAccountTokenProjection{ExpirationSeconds: ptr(int64(3607)), Path: "token"}},
			{ConfigMap: &corev1.ConfigMapProjection{LocalObjectReference: corev1.LocalObjectReference{Name: "kube-root-ca.crt"}, Items: []corev1.KeyToPath{{Key: "ca.crt", Path: "ca.crt"}}}},
			{DownwardAPI: &corev1.DownwardAPIProjection{Items: []corev1.DownwardAPIVolumeFile{{Path: "namespace", FieldRef: &corev1.ObjectFieldSelector{APIVersion: "v1", FieldPath: "metadata.namespace"}}}}},
		},
	}}})
	for i := range spec.Containers {
		spec.Containers[i].VolumeMounts = append(spec.Containers[i].VolumeMounts, corev1.VolumeMount{Name: token, MountPath: "/var/run/secrets/kubernetes.io/serviceaccount", ReadOnly: true})
	}
	for _, key := range []string{"node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"} {
		spec.Tolerations = append(spec.Tolerations, corev1.Toleration{Key: key, Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoExecute, TolerationSeconds: ptr(int64(300))})
	}
	spec.EnableServiceLinks = ptr(true)
	spec.PreemptionPolicy = ptr(corev1.PreemptLowerPriority)
	spec.Priority = ptr(priorities[spec.PriorityClassName])
}

// priorities are the values of the cluster's PriorityClasses.
var priorities = map[string]int32{"": 0, "system-node-critical": 2000001000, "system-cluster-critical": 2000000000, "customer-facing": 100000, "stateful": 200000, "batch-low": -100}
