package kube

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"

	"orka/watch"
	"orka/watch/columns"
)

func kindOf(group, version, kind, plural string, namespaced bool) *watch.Kind {
	gvk := watch.GVK{Group: group, Version: version, Kind: kind}
	return &watch.Kind{GVK: gvk, Resource: plural, Namespaced: namespaced, Columns: columns.For(gvk),
		Verbs: watch.VerbGet | watch.VerbList | watch.VerbWatch}
}

var (
	podKind    = kindOf("", "v1", "Pod", "pods", true)
	secretKind = kindOf("", "v1", "Secret", "secrets", true)
	widgetKind = kindOf("example.com", "v1", "Widget", "widgets", true)
)

func testDecoder(kind *watch.Kind, limits Limits) *decoder {
	c := &Client{opts: Options{Limits: limits}, log: slog.New(slog.DiscardHandler)}
	return c.decoder(kind, new(interners))
}

// bigPod is a pod of the size common in clusters, 8 to 9 KB as JSON, a third of it managedFields.
func bigPod(i int) *corev1.Pod {
	started := metav1.NewTime(time.Unix(1767225600, 0))
	p := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Name: fmt.Sprintf("checkout-7d9f8b6c5d-%05d", i), Namespace: fmt.Sprintf("team-%02d", i%40),
			GenerateName: "checkout-7d9f8b6c5d-", UID: "8d3c1d5e-6d0c-4c6e-9f0e-0123456789ab", ResourceVersion: fmt.Sprint(100000 + i),
			CreationTimestamp: started,
			Labels: map[string]string{
				"app": "checkout", "app.kubernetes.io/name": "checkout", "app.kubernetes.io/instance": "checkout-prod",
				"app.kubernetes.io/version": "2.41.0", "pod-template-hash": "7d9f8b6c5d", "team": "payments",
			},
			Annotations: map[string]string{
				"prometheus.io/scrape": "true", "prometheus.io/port": "9090",
				"checksum/config": strings.Repeat("ab12", 16), lastApplied: `{"a":"` + strings.Repeat("x", 300) + `"}`,
			},
			OwnerReferences: []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "ReplicaSet", Name: "checkout-7d9f8b6c5d",
				UID: "11111111-2222-3333-4444-555555555555", Controller: new(true), BlockOwnerDeletion: new(true)}},
			ManagedFields: []metav1.ManagedFieldsEntry{
				{Manager: "kube-controller-manager", Operation: "Update", APIVersion: "v1", Time: &started, FieldsType: "FieldsV1",
					FieldsV1: &metav1.FieldsV1{Raw: []byte(`{"f:metadata":{"f:labels":{` + strings.Repeat(`"f:app":{},`, 60) + `".":{}}}}`)}},
				{Manager: "kubelet", Operation: "Update", APIVersion: "v1", Time: &started, FieldsType: "FieldsV1", Subresource: "status",
					FieldsV1: &metav1.FieldsV1{Raw: []byte(`{"f:status":{"f:conditions":{` + strings.Repeat(`"k:{\"type\":\"Ready\"}":{".":{}},`, 30) + `".":{}}}}`)}},
			},
		},
		Spec: corev1.PodSpec{
			NodeName: fmt.Sprintf("node-%03d", i%100), ServiceAccountName: "checkout", RestartPolicy: corev1.RestartPolicyAlways,
			DNSPolicy: corev1.DNSClusterFirst, SchedulerName: "default-scheduler", TerminationGracePeriodSeconds: new(int64(30)),
			Tolerations: []corev1.Toleration{{Key: "node.kubernetes.io/not-ready", Operator: "Exists", Effect: "NoExecute", TolerationSeconds: new(int64(300))}},
			Volumes: []corev1.Volume{{Name: "config", VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{
				LocalObjectReference: corev1.LocalObjectReference{Name: "checkout"}}}}},
		},
		Status: corev1.PodStatus{
			Phase: corev1.PodRunning, PodIP: "10.1.2.3", PodIPs: []corev1.PodIP{{IP: "10.1.2.3"}}, HostIP: "192.168.1.10",
			StartTime: &started, QOSClass: corev1.PodQOSBurstable,
		},
	}
	for _, name := range []string{"checkout", "proxy", "metrics"} {
		c := corev1.Container{
			Name: name, Image: "registry.example.com/payments/" + name + ":2.41.0", Args: []string{"--listen=:8080", "--log=json"},
			Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: 8080, Protocol: "TCP"}},
			Resources: corev1.ResourceRequirements{
				Requests: corev1.ResourceList{"cpu": resource.MustParse("100m"), "memory": resource.MustParse("128Mi")},
				Limits:   corev1.ResourceList{"cpu": resource.MustParse("1"), "memory": resource.MustParse("512Mi")},
			},
			VolumeMounts:           []corev1.VolumeMount{{Name: "config", MountPath: "/etc/checkout", ReadOnly: true}},
			TerminationMessagePath: "/dev/termination-log", ImagePullPolicy: "IfNotPresent",
		}
		for j := range 8 {
			c.Env = append(c.Env, corev1.EnvVar{Name: fmt.Sprintf("CHECKOUT_SETTING_%d", j), Value: fmt.Sprintf("value-%d", j)})
		}
		p.Spec.Containers = append(p.Spec.Containers, c)
		p.Status.ContainerStatuses = append(p.Status.ContainerStatuses, corev1.ContainerStatus{
			Name: name, Ready: true, Started: new(true), Image: c.Image, ImageID: "sha256:" + strings.Repeat("0f", 32),
			ContainerID: "containerd://" + strings.Repeat("7e", 32),
			State:       corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: started}},
		})
	}
	for _, t := range []corev1.PodConditionType{"Initialized", "Ready", "ContainersReady", "PodScheduled"} {
		p.Status.Conditions = append(p.Status.Conditions, corev1.PodCondition{Type: t, Status: "True", LastTransitionTime: started})
	}
	return p
}

// protoOf is the bare message of an object.
func protoOf(t testing.TB, obj interface{ Marshal() ([]byte, error) }) []byte {
	t.Helper()
	b, err := obj.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// jsonOf is an object as the server writes it.
func jsonOf(t testing.TB, obj any) []byte {
	t.Helper()
	b, err := json.Marshal(obj)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// encoded is an object or list as client-go's own serializers write it to the wire.
func encoded(t testing.TB, media string, obj runtime.Object, gv schema.GroupVersion) []byte {
	t.Helper()
	info, ok := runtime.SerializerInfoForMediaType(scheme.Codecs.SupportedMediaTypes(), media)
	if !ok {
		t.Fatalf("no serializer for %s", media)
	}
	var b bytes.Buffer
	if err := scheme.Codecs.EncoderForVersion(info.Serializer, gv).Encode(obj, &b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
