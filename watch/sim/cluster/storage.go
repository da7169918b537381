package cluster

// Volumes, claims, classes.

import (
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const csiDriver = "ebs.csi.aws.com"

// storage is the class and size of the volumes of a role.
func (a *app) storage() (class, size string) {
	switch {
	case a.comp.role == roleDB:
		return "fast-ssd", "200Gi"
	case a.comp.role == roleQueue && a.ns.prod():
		return "gp3", "100Gi"
	case a.comp.role == roleQueue:
		return "gp3", "20Gi"
	}
	return "gp3", "8Gi"
}

func (r *renderer) claimSpec(a *app) corev1.PersistentVolumeClaimSpec {
	class, size := a.storage()
	if a.problem == volumePending {
		class = "local-nvme" // which nothing provisions
	}
	return corev1.PersistentVolumeClaimSpec{AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce}, StorageClassName: ptr(class), VolumeMode: ptr(corev1.PersistentVolumeFilesystem),
		Resources: corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: r.q(size)}}}
}

// bound reports whether the pod's claim has a volume.
func (a *app) bound(q *pod) bool { return q.node >= 0 }

// claimCreated is when the claim of stateful pod i was made: claims outlive their pods, so it follows
// from the app alone.
func (a *app) claimCreated(i int) int64 { return a.created + 60*int64(i+1) }

// volume renders the PersistentVolume of a claim.
func (r *renderer) volume(a *app, i int) *corev1.PersistentVolume {
	q := &a.pods[i]
	claim := r.ref("v1", "PersistentVolumeClaim", a.ns.name, a.claim(q), a.claimCreated(i))
	name := "pvc-" + string(claim.uid)
	class, size := a.storage()
	v := &corev1.PersistentVolume{TypeMeta: typeMeta("v1", "PersistentVolume"), ObjectMeta: r.meta("PersistentVolume", "", name, a.claimCreated(i)+6, nil)}
	v.Annotations = map[string]string{"pv.kubernetes.io/provisioned-by": csiDriver}
	v.Finalizers = []string{"external-provisioner.volume.kubernetes.io/finalizer", "kubernetes.io/pv-protection"}
	v.Spec = corev1.PersistentVolumeSpec{AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce}, Capacity: corev1.ResourceList{corev1.ResourceStorage: r.q(size)},
		StorageClassName: class, VolumeMode: ptr(corev1.PersistentVolumeFilesystem), PersistentVolumeReclaimPolicy: corev1.PersistentVolumeReclaimDelete,
		ClaimRef: &corev1.ObjectReference{APIVersion: "v1", Kind: "PersistentVolumeClaim", Namespace: a.ns.name, Name: claim.name, UID: claim.uid},
		PersistentVolumeSource: corev1.PersistentVolumeSource{CSI: &corev1.CSIPersistentVolumeSource{Driver: csiDriver, FSType: "ext4",
			VolumeHandle: "vol-0" + r.hash("volume", a.ns.name, claim.name).hex(16), VolumeAttributes: map[string]string{"storage.kubernetes.io/csiProvisionerIdentity": "1767225600000-8081-" + csiDriver}}},
		NodeAffinity: &corev1.VolumeNodeAffinity{Required: &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{{MatchExpressions: []corev1.NodeSelectorRequirement{
			{Key: "topology.kubernetes.io/zone", Operator: corev1.NodeSelectorOpIn, Values: []string{r.node(q).zone}}}}}}},
	}
	v.Status = corev1.PersistentVolumeStatus{Phase: corev1.VolumeBound, LastPhaseTransitionTime: atPtr(a.claimCreated(i) + 7)}
	r.manage(v, "pv", "", "csi-provisioner", "v1", metav1.ManagedFieldsOperationUpdate, a.claimCreated(i)+6)
	return v
}

// volumeClaim renders the claim of a stateful pod.
func (r *renderer) volumeClaim(a *app, i int) *corev1.PersistentVolumeClaim {
	q := &a.pods[i]
	c := &corev1.PersistentVolumeClaim{TypeMeta: typeMeta("v1", "PersistentVolumeClaim"), ObjectMeta: r.meta("PersistentVolumeClaim", a.ns.name, a.claim(q), a.claimCreated(i), a.selector())}
	c.Finalizers = []string{"kubernetes.io/pvc-protection"}
	c.Spec = r.claimSpec(a)
	if !a.bound(q) {
		c.Status.Phase = corev1.ClaimPending
		return c
	}
	class, size := a.storage()
	c.Spec.StorageClassName = ptr(class)
	c.Spec.VolumeName = "pvc-" + string(c.UID)
	c.Annotations = map[string]string{"pv.kubernetes.io/bind-completed": "yes", "pv.kubernetes.io/bound-by-controller": "yes",
		"volume.kubernetes.io/storage-provisioner": csiDriver, "volume.kubernetes.io/selected-node": r.node(q).name}
	c.Status = corev1.PersistentVolumeClaimStatus{Phase: corev1.ClaimBound, AccessModes: c.Spec.AccessModes, Capacity: corev1.ResourceList{corev1.ResourceStorage: r.q(size)}}
	r.manage(c, "pvc", "", "kube-controller-manager", "v1", metav1.ManagedFieldsOperationUpdate, a.claimCreated(i))
	return c
}

// attachment renders the attachment of a volume to the node of its pod.
func (r *renderer) attachment(a *app, i int) *storagev1.VolumeAttachment {
	q := &a.pods[i]
	pv := "pvc-" + string(r.uid("PersistentVolumeClaim", a.ns.name, a.claim(q), a.claimCreated(i)))
	n := r.node(q)
	name := "csi-" + r.hash("VolumeAttachment", pv, n.name).hex64()
	v := &storagev1.VolumeAttachment{TypeMeta: typeMeta("storage.k8s.io/v1", "VolumeAttachment"), ObjectMeta: r.meta("VolumeAttachment", "", name, q.created+2, nil)}
	v.Annotations = map[string]string{"csi.alpha.kubernetes.io/node-id": "i-0" + r.hash("instance", "", n.name).hex(16)}
	v.Finalizers = []string{"external-attacher/ebs-csi-aws-com"}
	v.Spec = storagev1.VolumeAttachmentSpec{Attacher: csiDriver, NodeName: n.name, Source: storagev1.VolumeAttachmentSource{PersistentVolumeName: ptr(pv)}}
	v.Status.Attached = true
	return v
}

// storageClasses are the classes of the cluster.
func (r *renderer) storageClasses(created int64) {
	for i, c := range []struct{ name, provisioner, kind string }{
		{"gp3", csiDriver, "gp3"}, {"fast-ssd", csiDriver, "io2"}, {"local-nvme", "local.csi." + domain, "nvme"}} {
		s := &storagev1.StorageClass{TypeMeta: typeMeta("storage.k8s.io/v1", "StorageClass"), ObjectMeta: r.meta("StorageClass", "", c.name, created+int64(i), nil)}
		if i == 0 {
			s.Annotations = map[string]string{"storageclass.kubernetes.io/is-default-class": "true"}
		}
		s.Provisioner = c.provisioner
		s.Parameters = map[string]string{"type": c.kind, "encrypted": "true"}
		s.AllowVolumeExpansion = ptr(true)
		s.ReclaimPolicy = ptr(corev1.PersistentVolumeReclaimDelete)
		s.VolumeBindingMode = ptr(storagev1.VolumeBindingWaitForFirstConsumer)
		if i == 2 {
			s.VolumeBindingMode = ptr(storagev1.VolumeBindingImmediate)
		}
		r.add(s)
	}
	d := &storagev1.CSIDriver{TypeMeta: typeMeta("storage.k8s.io/v1", "CSIDriver"), ObjectMeta: r.meta("CSIDriver", "", csiDriver, created, nil)}
	d.Spec = storagev1.CSIDriverSpec{AttachRequired: ptr(true), PodInfoOnMount: ptr(false), FSGroupPolicy: ptr(storagev1.ReadWriteOnceWithFSTypeFSGroupPolicy),
		VolumeLifecycleModes: []storagev1.VolumeLifecycleMode{storagev1.VolumeLifecyclePersistent}, RequiresRepublish: ptr(false), SELinuxMount: ptr(false), StorageCapacity: ptr(false)}
	r.add(d)
}
