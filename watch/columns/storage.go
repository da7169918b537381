package columns

import (
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"

	"orka/watch"
)

var storage = family{
	core("PersistentVolume"): typed(projectPersistentVolume,
		cols(nameColumn, text("CAPACITY"), text("ACCESS MODES"), text("RECLAIM POLICY"), text("STATUS"), text("CLAIM"), text("STORAGECLASS"),
			text("VOLUMEATTRIBUTESCLASS"), text("REASON"), ageColumn, wide(text("VOLUMEMODE"))),
		quantityField("spec.capacity.storage", "size"),
		textField("spec.claimRef", "claim it is bound to, as namespace/name"),
		textField("spec.csi.driver", "CSI driver"),
		textField("spec.csi.volumeHandle", "the driver's name for the volume"),
		textField("spec.persistentVolumeReclaimPolicy", "Retain, Delete, Recycle"),
		textField("spec.storageClassName", "storage class"),
		textField("status.phase", "Pending, Available, Bound, Released, Failed"),
	),
	core("PersistentVolumeClaim"): typed(projectPersistentVolumeClaim,
		cols(nameColumn, text("STATUS"), text("VOLUME"), text("CAPACITY"), text("ACCESS MODES"), text("STORAGECLASS"),
			text("VOLUMEATTRIBUTESCLASS"), ageColumn, wide(text("VOLUMEMODE"))),
		quantityField("spec.resources.requests.storage", "size asked for"),
		textField("spec.storageClassName", "storage class"),
		textField("spec.volumeName", "volume it is bound to"),
		quantityField("status.capacity.storage", "size it has"),
		textField("status.phase", "Pending, Bound, Lost"),
	),
	inGroup("storage.k8s.io", "v1", "StorageClass"): typed(projectStorageClass,
		cols(nameColumn, text("PROVISIONER"), text("RECLAIMPOLICY"), text("VOLUMEBINDINGMODE"), text("ALLOWVOLUMEEXPANSION"), ageColumn),
		textField("provisioner", "who makes volumes of it"),
		textField("reclaimPolicy", "Delete, Retain"),
		textField("volumeBindingMode", "Immediate, WaitForFirstConsumer"),
	),
	inGroup("storage.k8s.io", "v1", "VolumeAttachment"): typed(projectVolumeAttachment,
		cols(nameColumn, text("ATTACHER"), text("PV"), text("NODE"), text("ATTACHED"), ageColumn),
		textField("spec.attacher", "CSI driver"),
		textField("spec.nodeName", "node"),
		textField("spec.source.persistentVolumeName", "volume"),
		boolField("status.attached", "whether it is attached"),
	),
	inGroup("storage.k8s.io", "v1", "VolumeAttributesClass"): typed(projectVolumeAttributesClass,
		cols(nameColumn, text("DRIVERNAME"), ageColumn),
		textField("driverName", "CSI driver"),
	),
	inGroup("storage.k8s.io", "v1", "CSINode"): typed(projectCSINode,
		cols(nameColumn, number("DRIVERS"), ageColumn),
		textField("spec.drivers.name", "drivers on the node, joined by commas"),
	),
	inGroup("storage.k8s.io", "v1", "CSIDriver"): typed(projectCSIDriver,
		cols(nameColumn, text("ATTACHREQUIRED"), text("PODINFOONMOUNT"), text("STORAGECAPACITY"), text("TOKENREQUESTS"), text("REQUIRESREPUBLISH"),
			text("MODES"), ageColumn)),
	inGroup("storage.k8s.io", "v1", "CSIStorageCapacity"): typed(projectCSIStorageCapacity, createdColumns,
		quantityField("capacity", "capacity that is left"),
		textField("storageClassName", "storage class"),
	),
}

func projectPersistentVolume(v *corev1.PersistentVolume, r *row) {
	phase := string(v.Status.Phase)
	if v.DeletionTimestamp != nil {
		phase = "Terminating"
	}
	claim := ""
	if ref := v.Spec.ClaimRef; ref != nil {
		claim = ref.Namespace + "/" + ref.Name
	}
	class := v.Spec.StorageClassName
	if beta, ok := v.Annotations[corev1.BetaStorageClassAnnotation]; ok {
		class = beta
	}
	capacity := v.Spec.Capacity[corev1.ResourceStorage]

	r.name()
	r.text(capacity.String())
	r.text(accessModes(v.Spec.AccessModes))
	r.text(string(v.Spec.PersistentVolumeReclaimPolicy))
	r.text(phase)
	r.text(claim)
	r.text(class)
	r.textOrUnset(v.Spec.VolumeAttributesClassName)
	r.text(v.Status.Reason)
	r.age()
	r.textOrUnset((*string)(v.Spec.VolumeMode))

	r.setStatus(phase)
	r.health = reached(v.Status.Phase == corev1.VolumeFailed, v.Status.Phase != corev1.VolumePending && v.Status.Phase != "")

	r.fieldQuantity("spec.capacity.storage", v.Spec.Capacity, corev1.ResourceStorage)
	r.field("spec.claimRef", claim)
	if csi := v.Spec.CSI; csi != nil {
		r.field("spec.csi.driver", csi.Driver)
		r.field("spec.csi.volumeHandle", csi.VolumeHandle)
	}
	r.field("spec.persistentVolumeReclaimPolicy", string(v.Spec.PersistentVolumeReclaimPolicy))
	r.field("spec.storageClassName", class)
	r.field("status.phase", string(v.Status.Phase))
}

func projectPersistentVolumeClaim(c *corev1.PersistentVolumeClaim, r *row) {
	phase := string(c.Status.Phase)
	if c.DeletionTimestamp != nil {
		phase = "Terminating"
	}
	class := deref(c.Spec.StorageClassName)
	if beta, ok := c.Annotations[corev1.BetaStorageClassAnnotation]; ok {
		class = beta
	}
	capacity, modes := "", ""
	if c.Spec.VolumeName != "" {
		q := c.Status.Capacity[corev1.ResourceStorage]
		capacity, modes = q.String(), accessModes(c.Status.AccessModes)
	}

	r.name()
	r.text(phase)
	r.text(c.Spec.VolumeName)
	r.text(capacity)
	r.text(modes)
	r.text(class)
	r.textOrUnset(c.Spec.VolumeAttributesClassName)
	r.age()
	r.textOrUnset((*string)(c.Spec.VolumeMode))

	r.setStatus(phase)
	r.health = claimHealth(c)

	r.fieldQuantity("spec.resources.requests.storage", c.Spec.Resources.Requests, corev1.ResourceStorage)
	r.field("spec.storageClassName", class)
	r.field("spec.volumeName", c.Spec.VolumeName)
	r.fieldQuantity("status.capacity.storage", c.Status.Capacity, corev1.ResourceStorage)
	r.field("status.phase", string(c.Status.Phase))
}

// claimHealth is bad for a claim whose volume is gone or can't grow as it should.
func claimHealth(c *corev1.PersistentVolumeClaim) watch.Health {
	progressing := c.Status.Phase != corev1.ClaimBound
	for i := range c.Status.Conditions {
		cond := &c.Status.Conditions[i]
		if cond.Status != corev1.ConditionTrue {
			continue
		}
		switch cond.Type {
		case corev1.PersistentVolumeClaimControllerResizeError, corev1.PersistentVolumeClaimNodeResizeError, corev1.PersistentVolumeClaimVolumeModifyVolumeError:
			return watch.HealthBad
		case corev1.PersistentVolumeClaimResizing, corev1.PersistentVolumeClaimFileSystemResizePending, corev1.PersistentVolumeClaimVolumeModifyingVolume:
			progressing = true
		}
	}
	return reached(c.Status.Phase == corev1.ClaimLost, !progressing)
}

// textOrUnset is a cell of a text, or kubectl's word for one that isn't set.
func (r *row) textOrUnset(s *string) {
	if s == nil {
		r.text(unset)
		return
	}
	r.text(*s)
}

var accessModeNames = []struct {
	mode  corev1.PersistentVolumeAccessMode
	short string
}{
	{corev1.ReadWriteOnce, "RWO"},
	{corev1.ReadOnlyMany, "ROX"},
	{corev1.ReadWriteMany, "RWX"},
	{corev1.ReadWriteOncePod, "RWOP"},
}

// accessModes writes modes short, each once, in a fixed order.
func accessModes(modes []corev1.PersistentVolumeAccessMode) string {
	var short []string
	for _, m := range accessModeNames {
		if slices.Contains(modes, m.mode) {
			short = append(short, m.short)
		}
	}
	return strings.Join(short, ",")
}

// resourceNames are the names in a resource list, in order.
func resourceNames(list corev1.ResourceList) []corev1.ResourceName {
	return slices.Sorted(maps.Keys(list))
}

func projectStorageClass(c *storagev1.StorageClass, r *row) {
	reclaim, binding := "Delete", "Immediate"
	if c.ReclaimPolicy != nil {
		reclaim = string(*c.ReclaimPolicy)
	}
	if c.VolumeBindingMode != nil {
		binding = string(*c.VolumeBindingMode)
	}
	isDefault := c.Annotations["storageclass.kubernetes.io/is-default-class"] == "true" ||
		c.Annotations["storageclass.beta.kubernetes.io/is-default-class"] == "true"
	r.defaultName(c.Name, isDefault)
	r.text(c.Provisioner)
	r.text(reclaim)
	r.text(binding)
	r.bool(deref(c.AllowVolumeExpansion))
	r.age()
	r.field("provisioner", c.Provisioner)
	r.field("reclaimPolicy", reclaim)
	r.field("volumeBindingMode", binding)
}

func projectVolumeAttachment(a *storagev1.VolumeAttachment, r *row) {
	volume := deref(a.Spec.Source.PersistentVolumeName)
	r.name()
	r.text(a.Spec.Attacher)
	r.text(volume)
	r.text(a.Spec.NodeName)
	r.bool(a.Status.Attached)
	r.age()

	r.health = reached(a.Status.AttachError != nil || a.Status.DetachError != nil, a.Status.Attached)
	switch {
	case r.health == watch.HealthBad:
		r.setStatus("Error")
	case a.Status.Attached:
		r.setStatus("Attached")
	default:
		r.setStatus("Attaching")
	}
	r.field("spec.attacher", a.Spec.Attacher)
	r.field("spec.nodeName", a.Spec.NodeName)
	r.field("spec.source.persistentVolumeName", volume)
	r.fieldBool("status.attached", a.Status.Attached)
}

func projectVolumeAttributesClass(c *storagev1.VolumeAttributesClass, r *row) {
	r.name()
	r.text(c.DriverName)
	r.age()
	r.field("driverName", c.DriverName)
}

func projectCSINode(n *storagev1.CSINode, r *row) {
	r.name()
	r.int(int64(len(n.Spec.Drivers)))
	r.age()
	fieldJoin(r, "spec.drivers.name", n.Spec.Drivers, func(d *storagev1.CSINodeDriver) string { return d.Name })
}

func projectCSIDriver(d *storagev1.CSIDriver, r *row) {
	r.name()
	r.bool(d.Spec.AttachRequired == nil || *d.Spec.AttachRequired)
	r.bool(deref(d.Spec.PodInfoOnMount))
	r.bool(deref(d.Spec.StorageCapacity))
	if d.Spec.TokenRequests == nil {
		r.text(unset)
	} else {
		var audiences []string
		for i := range d.Spec.TokenRequests {
			audiences = append(audiences, d.Spec.TokenRequests[i].Audience)
		}
		r.text(strings.Join(audiences, ","))
	}
	r.bool(deref(d.Spec.RequiresRepublish))
	var modes []string
	for _, m := range d.Spec.VolumeLifecycleModes {
		modes = append(modes, string(m))
	}
	r.textOr(strings.Join(modes, ","), none)
	r.age()
}

func projectCSIStorageCapacity(c *storagev1.CSIStorageCapacity, r *row) {
	r.name()
	r.created(c.CreationTimestamp)
	if c.Capacity != nil {
		r.field("capacity", c.Capacity.String())
	}
	r.field("storageClassName", c.StorageClassName)
}
