package sim

import (
	"fmt"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clientscheme "k8s.io/client-go/kubernetes/scheme"
)

// scheme knows the Go types of built-in kinds.
var scheme = func() *runtime.Scheme {
	s := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientscheme.AddToScheme, apiextensionsv1.AddToScheme} {
		if err := add(s); err != nil {
			panic(err) // duplicate registration: a programming error, seen at the first start
		}
	}
	metav1.AddToGroupVersion(s, metav1.SchemeGroupVersion) // DeleteOptions
	return s
}()

// builtinTable lists the built-in resources in the order the real server's discovery gives (v1.36, stable
// versions): group/version heads its resources; then resource, kind, scope, short names, categories, flags.
// Flags: s has a status subresource, r is a review (create only), l is get and list only.
const builtinTable = `
v1
bindings                  Binding                  N -        -    r
componentstatuses         ComponentStatus          C cs       -    l
configmaps                ConfigMap                N cm       -    -
endpoints                 Endpoints                N ep       -    -
events                    Event                    N ev       -    -
limitranges               LimitRange               N limits   -    -
namespaces                Namespace                C ns       -    s
nodes                     Node                     C no       -    s
persistentvolumeclaims    PersistentVolumeClaim    N pvc      -    s
persistentvolumes         PersistentVolume         C pv       -    s
pods                      Pod                      N po       all  s
podtemplates              PodTemplate              N -        -    -
replicationcontrollers    ReplicationController    N rc       all  s
resourcequotas            ResourceQuota            N quota    -    s
secrets                   Secret                   N -        -    -
serviceaccounts           ServiceAccount           N sa       -    -
services                  Service                  N svc      all  s
apiregistration.k8s.io/v1
apiservices               APIService               C -        api-extensions s
apps/v1
controllerrevisions       ControllerRevision       N -        -    -
daemonsets                DaemonSet                N ds       all  s
deployments               Deployment               N deploy   all  s
replicasets               ReplicaSet               N rs       all  s
statefulsets              StatefulSet              N sts      all  s
events.k8s.io/v1
events                    Event                    N ev       -    -
authentication.k8s.io/v1
selfsubjectreviews        SelfSubjectReview        C -        -    r
authorization.k8s.io/v1
selfsubjectaccessreviews  SelfSubjectAccessReview  C -        -    r
selfsubjectrulesreviews   SelfSubjectRulesReview   C -        -    r
autoscaling/v2
horizontalpodautoscalers  HorizontalPodAutoscaler  N hpa      all  s
batch/v1
cronjobs                  CronJob                  N cj       all  s
jobs                      Job                      N -        all  s
certificates.k8s.io/v1
certificatesigningrequests CertificateSigningRequest C csr    -    s
networking.k8s.io/v1
ingressclasses            IngressClass             C -        -    -
ingresses                 Ingress                  N ing      -    s
ipaddresses               IPAddress                C ip       -    -
networkpolicies           NetworkPolicy            N netpol   -    -
servicecidrs              ServiceCIDR              C -        -    s
policy/v1
poddisruptionbudgets      PodDisruptionBudget      N pdb      -    s
rbac.authorization.k8s.io/v1
clusterrolebindings       ClusterRoleBinding       C -        -    -
clusterroles              ClusterRole              C -        -    -
rolebindings              RoleBinding              N -        -    -
roles                     Role                     N -        -    -
storage.k8s.io/v1
csidrivers                CSIDriver                C -        -    -
csinodes                  CSINode                  C -        -    -
csistoragecapacities      CSIStorageCapacity       N -        -    -
storageclasses            StorageClass             C sc       -    -
volumeattachments         VolumeAttachment         C -        -    s
volumeattributesclasses   VolumeAttributesClass    C vac      -    -
admissionregistration.k8s.io/v1
mutatingadmissionpolicies MutatingAdmissionPolicy  C -        api-extensions -
mutatingadmissionpolicybindings MutatingAdmissionPolicyBinding C - api-extensions -
mutatingwebhookconfigurations MutatingWebhookConfiguration C - api-extensions -
validatingadmissionpolicies ValidatingAdmissionPolicy C -     api-extensions s
validatingadmissionpolicybindings ValidatingAdmissionPolicyBinding C - api-extensions -
validatingwebhookconfigurations ValidatingWebhookConfiguration C - api-extensions -
apiextensions.k8s.io/v1
customresourcedefinitions CustomResourceDefinition C crd,crds api-extensions s
scheduling.k8s.io/v1
priorityclasses           PriorityClass            C pc       -    -
coordination.k8s.io/v1
leases                    Lease                    N -        -    -
node.k8s.io/v1
runtimeclasses            RuntimeClass             C -        -    -
discovery.k8s.io/v1
endpointslices            EndpointSlice            N -        -    -
resource.k8s.io/v1
deviceclasses             DeviceClass              C -        -    -
resourceclaims            ResourceClaim            N -        -    s
resourceclaimtemplates    ResourceClaimTemplate    N -        -    -
resourceslices            ResourceSlice            C -        -    -
flowcontrol.apiserver.k8s.io/v1
flowschemas               FlowSchema               C -        -    s
prioritylevelconfigurations PriorityLevelConfiguration C -    -    s
`

// builtins parses builtinTable.
func builtins() ([]*Resource, error) {
	var gv schema.GroupVersion
	var out []*Resource
	for line := range strings.Lines(strings.TrimSpace(builtinTable)) {
		f := strings.Fields(line)
		if len(f) == 1 {
			var err error
			if gv, err = schema.ParseGroupVersion(f[0]); err != nil {
				return nil, err
			}
			continue
		}
		if len(f) != 6 {
			return nil, fmt.Errorf("sim: builtin table: %q has %d fields, want 6", line, len(f))
		}
		r := Resource{Group: gv.Group, Version: gv.Version, Plural: f[0], Kind: f[1], Namespaced: f[2] == "N",
			ShortNames: list(f[3]), Categories: list(f[4]), Status: f[5] == "s", review: f[5] == "r", builtin: true}
		switch {
		case r.review:
			r.Verbs = []string{"create"}
		case f[5] == "l":
			r.Verbs = []string{"get", "list"}
		}
		if t, ok := scheme.AllKnownTypes()[r.gvk()]; ok {
			r.goType = t
		}
		out = append(out, r.withDefaults())
	}
	return out, nil
}

func list(s string) []string {
	if s == "-" {
		return nil
	}
	return strings.Split(s, ",")
}
