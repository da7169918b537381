package cluster

// Objects that are valid and unpleasant.

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// awkward renders objects that the API allows and that programs trip over: names of full length, texts
// with control, bidirectional and combining characters, many labels, odd values. They live in one
// namespace, as the left-overs of somebody's load test would.
func (r *renderer) awkward(now int64) {
	created := now - 40*day
	ns := &namespace{index: -1, name: "conformance-lab", team: platformTeam, env: "test", created: created}
	n := r.namespaceObject(ns)
	n.Annotations = map[string]string{
		domain + "/owner":       "Zoë Ærø-Østergård 🧪 <zoe@" + domain + ">",
		domain + "/description": "مختبر التوافق: اختبار · 適合性テスト · בדיקה",
	}
	r.add(n)
	cm := func(name string, labels, annotations, data map[string]string) {
		c := &corev1.ConfigMap{TypeMeta: typeMeta("v1", "ConfigMap"), ObjectMeta: r.meta("ConfigMap", ns.name, name, created+60, labels)}
		c.Annotations, c.Data = annotations, data
		r.add(c)
	}
	// The longest name a ConfigMap can have: 253 characters.
	cm(longName(253), map[string]string{"app.kubernetes.io/name": strings.Repeat("l", 63)}, nil, map[string]string{"a": "1"})
	cm("0", nil, nil, nil) // a name that reads as a number, and no data at all
	cm("terminal-escapes", nil, map[string]string{
		"note":                  "\x1b[31mred\x1b[0m, \x1b]0;new window title\x07 and \x1b[2J a cleared screen",
		"carriage-return":       "looks fine\rLOOKS BAD ",
		"backspaces":            "trusted\b\b\b\b\b\b\bevil   ",
		domain + "/c1-controls": "csi: \u009b31m, string terminator: \u009c, nul: \x00, delete: \x7f",
	}, map[string]string{"script.sh": "#!/bin/sh\nprintf '\\033[1mbold\\033[0m\\n'\n", "raw": "\x1b[?1049h\x1b[H"})
	cm("bidi-and-width", nil, map[string]string{
		"right-to-left-override": "user\u202etxt.exe",
		"isolates":               "\u2066admin\u2069 \u2067resu\u2069",
		"zero-width":             "pass\u200bword, join\u200der, bom\ufeff",
		"combining":              "Z\u0351\u036b\u0343\u036a\u0302\u036bA\u0334\u0335\u031c\u0330\u0354L\u0348\u0353G\u0352\u0357O\u0315",
		"wide":                   "日本語の注釈、全角ＡＢＣ、한국어",
		"emoji":                  "👩‍👩‍👧‍👦 🏳️‍🌈 👍🏽 🇪🇺",
		"separators":             "line\u2028paragraph\u2029next\u0085nel",
		"tags":                   "flag\U000e0067\U000e0062\U000e007f",
	}, map[string]string{"poem.txt": "سطر أول\nשורה שנייה\n三行目\n"})
	labels := make(map[string]string, 64)
	for i := range 64 {
		labels[fmt.Sprintf("inventory.%s/attribute-%02d", domain, i)] = fmt.Sprintf("value-%d", i*i)
	}
	cm("sixty-four-labels", labels, nil, map[string]string{"k": "v"})
	cm("multi-line", nil, map[string]string{
		"kubectl.kubernetes.io/last-applied-configuration": `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"multi-line","namespace":"` + ns.name + `"},"data":{"large":"` + strings.Repeat("0123456789abcdef", 700) + `"}}` + "\n",
		"empty": "",
	}, map[string]string{
		"large":      strings.Repeat("0123456789abcdef", 700),
		"nginx.conf": "server {\n\tlisten 8080;\n\tlocation / {\n\t\treturn 200 'ok';\n\t}\n}\n",
		"trailing":   "two spaces  \n\n\n",
		"yaml":       "- a: |\n    b\n- 'yes'\n- 0o17\n- 1e3\n- null\n",
		"crlf":       "one\r\ntwo\r\n",
	})
	bin := &corev1.ConfigMap{TypeMeta: typeMeta("v1", "ConfigMap"), ObjectMeta: r.meta("ConfigMap", ns.name, "binary-data", created+61, nil)}
	bin.BinaryData = map[string][]byte{"logo.png": {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n', 0, 0xff, 0xfe}}
	bin.Immutable = ptr(true)
	r.add(bin)

	s := &corev1.Service{TypeMeta: typeMeta("v1", "Service"), ObjectMeta: r.meta("Service", ns.name, "external-"+strings.Repeat("x", 54), created+62, nil)}
	s.Spec = corev1.ServiceSpec{Type: corev1.ServiceTypeExternalName, ExternalName: "legacy-mainframe." + domain, SessionAffinity: corev1.ServiceAffinityNone}
	r.add(s)

	r.add(r.awkwardPod(ns, longName(253), created+70), r.awkwardPod(ns, "many-containers", created+71))
	r.add(r.event(&note{about: r.ref("v1", "Pod", ns.name, "many-containers", created+71), reason: "Unhealthy", warning: true, count: 2147483647, first: now - 3*hour, last: now - minute, component: "kubelet",
		message: "Readiness probe failed: \x1b[31mFAIL\x1b[0m\nline two of the message\n\ttabbed \u202eline\u202c three\n"}))
	u := r.object(pkiGroup+"/v1", "Certificate", ns.name, "unicode-only-in-values", created+80, 1, map[string]string{"tier": ""}, map[string]string{"remark": "ΑΒΓ ёжик ñandú \x1b[5mblink"},
		map[string]any{"secretName": "none", "issuerRef": map[string]any{"name": "발급자"}, "dnsNames": []any{"xn--bcher-kva." + domain, "*." + domain}},
		map[string]any{"conditions": readyCondition(false, "Pending", "waiting for \"발급자\" 🕰️\nsince yesterday", created+90, 1)})
	r.add(u)
}

// longName is a valid DNS subdomain of n characters: labels of at most 63.
func longName(n int) string {
	const label = "a-name-as-long-as-the-api-allows-it-to-be-0123456789."
	return strings.Repeat(label, n/len(label)+1)[:n-3] + "end"
}

// awkwardPod has no owner and a dozen containers in every state.
func (r *renderer) awkwardPod(ns *namespace, name string, created int64) *corev1.Pod {
	p := &corev1.Pod{TypeMeta: typeMeta("v1", "Pod"), ObjectMeta: r.meta("Pod", ns.name, name, created, map[string]string{"app": "awkward"})}
	p.Annotations = map[string]string{"note": "args hold an escape: \x1b[7m"}
	grace := ptr(int64(0))
	p.Spec = corev1.PodSpec{RestartPolicy: corev1.RestartPolicyAlways, DNSPolicy: corev1.DNSDefault, SchedulerName: corev1.DefaultSchedulerName, TerminationGracePeriodSeconds: grace,
		NodeName: (*r.nodes)[controlNodes].name, ServiceAccountName: "default", DeprecatedServiceAccount: "default", SecurityContext: &corev1.PodSecurityContext{}, Priority: ptr(int32(0)), EnableServiceLinks: ptr(true), PreemptionPolicy: ptr(corev1.PreemptLowerPriority)}
	p.Status = corev1.PodStatus{Phase: corev1.PodRunning, Message: "mixed \u202estates\u202c 🧨", QOSClass: corev1.PodQOSBestEffort, StartTime: atPtr(created), HostIP: (*r.nodes)[controlNodes].ip(), PodIP: "fd00:10:64::7", PodIPs: []corev1.PodIP{{IP: "fd00:10:64::7"}, {IP: "10.64.3.251"}},
		HostIPs: []corev1.HostIP{{IP: (*r.nodes)[controlNodes].ip()}}}
	p.Spec.InitContainers = []corev1.Container{{Name: "init", Image: "busybox", Command: []string{"true"}, ImagePullPolicy: corev1.PullAlways, TerminationMessagePath: corev1.TerminationMessagePathDefault, TerminationMessagePolicy: corev1.TerminationMessageReadFile, Resources: corev1.ResourceRequirements{}}}
	p.Status.InitContainerStatuses = []corev1.ContainerStatus{{Name: "init", Image: "busybox", Ready: true, State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Reason: "Completed", StartedAt: at(created), FinishedAt: at(created + 1)}}}}
	for i := range 12 {
		c := corev1.Container{Name: fmt.Sprintf("c%02d", i), Image: "registry.k8s.io/pause:3.10", Args: []string{"--banner=\x1b[1m" + strings.Repeat("=", i) + "\x1b[0m", "--text=a\nb"},
			ImagePullPolicy: corev1.PullIfNotPresent, TerminationMessagePath: corev1.TerminationMessagePathDefault, TerminationMessagePolicy: corev1.TerminationMessageReadFile}
		p.Spec.Containers = append(p.Spec.Containers, c)
		cs := corev1.ContainerStatus{Name: c.Name, Image: c.Image, Ready: i%3 == 0, RestartCount: int32(i * i * i)}
		switch i % 3 {
		case 0:
			cs.State = running(created + 2)
		case 1:
			cs.State = waitingFor("CreateContainerConfigError", "secret \"gone\" not found")
		default:
			cs.State.Terminated = &corev1.ContainerStateTerminated{ExitCode: 255, Signal: 9, Reason: "ContainerStatusUnknown", StartedAt: at(created + 2), FinishedAt: at(created + 9)}
		}
		p.Status.ContainerStatuses = append(p.Status.ContainerStatuses, cs)
	}
	p.Status.Conditions = []corev1.PodCondition{
		{Type: corev1.PodReady, Status: corev1.ConditionFalse, Reason: "ContainersNotReady", Message: "containers with unready status: [c01 c02 c04 c05 c07 c08 c10 c11]", LastTransitionTime: at(created + 9)},
		{Type: "example.com/gate", Status: corev1.ConditionUnknown, LastTransitionTime: metav1.Time{}}}
	return p
}
