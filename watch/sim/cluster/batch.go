package cluster

// CronJobs and Jobs.

import (
	"fmt"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func (r *renderer) cronJobRef(a *app) ref {
	return r.ref("batch/v1", "CronJob", a.ns.name, a.name, a.created)
}

func (r *renderer) jobRef(a *app, j *job) ref {
	return r.ref("batch/v1", "Job", a.ns.name, j.name, j.created)
}

// jobSpec is the part of a Job that its CronJob dictates.
func (r *renderer) jobSpec(a *app) batchv1.JobSpec {
	return batchv1.JobSpec{Parallelism: ptr(int32(1)), Completions: ptr(int32(1)), BackoffLimit: ptr(int32(2)), ActiveDeadlineSeconds: ptr(int64(3600)),
		Template: r.template(a, a.current()).render()}
}

// cronJob renders the CronJob of a batch app.
func (r *renderer) cronJob(a *app) *batchv1.CronJob {
	t := r.template(a, a.current())
	c := &batchv1.CronJob{TypeMeta: typeMeta("batch/v1", "CronJob"), ObjectMeta: r.meta("CronJob", a.ns.name, a.name, a.created, a.labels())}
	c.Generation = a.generation
	c.Annotations = a.annotations()
	cron, _ := a.schedule()
	c.Spec = batchv1.CronJobSpec{Schedule: cron, TimeZone: ptr("Etc/UTC"), ConcurrencyPolicy: batchv1.ForbidConcurrent, Suspend: ptr(a.suspended),
		StartingDeadlineSeconds: ptr(int64(600)), SuccessfulJobsHistoryLimit: ptr(int32(jobsKept)), FailedJobsHistoryLimit: ptr(int32(failedJobsKept)),
		JobTemplate: batchv1.JobTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: a.labels()}, Spec: r.jobSpec(a)}}
	for i := range a.jobs {
		j := &a.jobs[i]
		c.Status.LastScheduleTime = atPtr(j.created)
		switch {
		case j.finished == 0:
			f := r.jobRef(a, j)
			c.Status.Active = append(c.Status.Active, corev1.ObjectReference{APIVersion: f.apiVersion, Kind: f.kind, Namespace: f.namespace, Name: f.name, UID: f.uid})
		case !j.failed:
			c.Status.LastSuccessfulTime = atPtr(j.finished)
		}
	}
	r.manage(c, "cronjob/"+t.shape+a.manager(), a.containerName(), a.manager(), "batch/v1", metav1.ManagedFieldsOperationApply, a.created)
	return c
}

// job renders one run.
func (r *renderer) job(a *app, j *job) *batchv1.Job {
	t := r.template(a, a.current())
	f := r.jobRef(a, j)
	labels := a.labels()
	names := jobLabels(j, f)
	for i := 0; i < len(names); i += 2 {
		labels[names[i]] = names[i+1]
	}
	o := &batchv1.Job{TypeMeta: typeMeta("batch/v1", "Job"), ObjectMeta: r.meta("Job", a.ns.name, j.name, j.created, labels)}
	o.Generation = 1
	o.Annotations = map[string]string{"batch.kubernetes.io/cronjob-scheduled-timestamp": at(j.created).Format("2006-01-02T15:04:05Z07:00")}
	o.OwnerReferences = r.cronJobRef(a).owner()
	o.Spec = r.jobSpec(a)
	o.Spec.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{"batch.kubernetes.io/controller-uid": string(f.uid)}}
	o.Spec.Suspend = ptr(false)
	o.Spec.CompletionMode = ptr(batchv1.NonIndexedCompletion)
	o.Spec.ManualSelector = ptr(false)
	o.Spec.PodReplacementPolicy = ptr(batchv1.TerminatingOrFailed)
	o.Spec.Template = t.render(names...)
	o.Status = batchv1.JobStatus{StartTime: atPtr(j.created), Ready: ptr(int32(0)), Terminating: ptr(int32(0)), UncountedTerminatedPods: &batchv1.UncountedTerminatedPods{}}
	finish := func(kind batchv1.JobConditionType, reason, message string) {
		o.Status.Conditions = append(o.Status.Conditions, batchv1.JobCondition{Type: kind, Status: corev1.ConditionTrue, Reason: reason, Message: message,
			LastProbeTime: at(j.finished), LastTransitionTime: at(j.finished)})
	}
	switch {
	case j.finished == 0:
		o.Status.Active, o.Status.Ready = 1, ptr(int32(1))
	case j.failed:
		o.Status.Failed = int32(len(j.pods))
		message := "Job has reached the specified backoff limit"
		finish(batchv1.JobFailureTarget, batchv1.JobReasonBackoffLimitExceeded, message)
		finish(batchv1.JobFailed, batchv1.JobReasonBackoffLimitExceeded, message)
	default:
		o.Status.Succeeded = 1
		o.Status.CompletionTime = atPtr(j.finished)
		message := fmt.Sprintf("Reached expected number of succeeded pods: %d", 1)
		finish(batchv1.JobSuccessCriteriaMet, batchv1.JobReasonCompletionsReached, message)
		finish(batchv1.JobComplete, batchv1.JobReasonCompletionsReached, message)
	}
	r.manage(o, "job/"+t.shape, a.containerName(), "kube-controller-manager", "batch/v1", metav1.ManagedFieldsOperationUpdate, j.created)
	return o
}

// jobLabels are what the job controller puts on a job's pods.
func jobLabels(j *job, f ref) []string {
	return []string{"batch.kubernetes.io/controller-uid", string(f.uid), "batch.kubernetes.io/job-name", j.name, "controller-uid", string(f.uid), "job-name", j.name}
}

// jobPod renders a pod of a run.
func (r *renderer) jobPod(a *app, j *job, q *pod) *corev1.Pod {
	f := r.jobRef(a, j)
	p := r.pod(a, q, f, jobLabels(j, f)...)
	if j.finished == 0 {
		p.Finalizers = []string{batchv1.JobTrackingFinalizer}
	}
	return p
}
