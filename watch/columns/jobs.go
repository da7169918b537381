package columns

import (
	"strconv"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"orka/watch"
)

var jobs = family{
	inGroup("batch", "v1", "Job"): typed(projectJob,
		withTemplate(nameColumn, text("STATUS"), text("COMPLETIONS"), watch.Column{Name: "DURATION", Type: watch.ColumnDuration}, ageColumn),
		imagesField,
		numberField("status.active", "pods that run"),
		numberField("status.failed", "pods that failed"),
		numberField("status.succeeded", "pods that succeeded"),
	),
	inGroup("batch", "v1", "CronJob"): typed(projectCronJob,
		withTemplate(nameColumn, text("SCHEDULE"), text("TIMEZONE"), text("SUSPEND"), number("ACTIVE"), since("LAST SCHEDULE"), ageColumn),
		textField("spec.jobTemplate."+templateImages, "images of the pod template, joined by commas"),
		textField("spec.schedule", "schedule in cron's notation"),
		boolField("spec.suspend", "whether it is suspended"),
		textField("spec.timeZone", "time zone of the schedule"),
		numberField("status.active", "jobs of it that run"),
	),
}

func projectJob(j *batchv1.Job, r *row) {
	status := jobStatus(j)
	r.name()
	r.text(status)
	r.cell()
	r.cells = strconv.AppendInt(r.cells, int64(j.Status.Succeeded), 10)
	parallelism := deref(j.Spec.Parallelism)
	switch {
	case j.Spec.Completions != nil:
		r.cells = strconv.AppendInt(append(r.cells, '/'), int64(*j.Spec.Completions), 10)
	case parallelism > 1:
		r.cells = strconv.AppendInt(append(r.cells, "/1 of "...), int64(parallelism), 10)
	default:
		r.cells = append(r.cells, "/1"...)
	}
	r.cell()
	if start := j.Status.StartTime; start != nil {
		r.cells = append(r.cells, watch.DurationCell(start.Time, deref(j.Status.CompletionTime).Time)...)
	}
	r.age()
	r.containers(j.Spec.Template.Spec.Containers)
	r.selector(j.Spec.Selector, none, "<error>")

	r.setStatus(status)
	switch status {
	case "Failed", "FailureTarget":
		r.health = watch.HealthBad
	case "Complete", "SuccessCriteriaMet", "Suspended":
		r.health = watch.HealthOK
	default:
		r.health = watch.HealthProgressing
	}

	fieldJoin(r, templateImages, j.Spec.Template.Spec.Containers, containerImage)
	r.fieldInt("status.active", int64(j.Status.Active))
	r.fieldInt("status.failed", int64(j.Status.Failed))
	r.fieldInt("status.succeeded", int64(j.Status.Succeeded))
}

// jobStatus is the first that holds, in kubectl's order; deletion comes after the two ends of a job.
func jobStatus(j *batchv1.Job) string {
	switch {
	case jobCondition(j, batchv1.JobComplete):
		return "Complete"
	case jobCondition(j, batchv1.JobFailed):
		return "Failed"
	case j.DeletionTimestamp != nil:
		return "Terminating"
	case jobCondition(j, batchv1.JobSuspended):
		return "Suspended"
	case jobCondition(j, batchv1.JobFailureTarget):
		return "FailureTarget"
	case jobCondition(j, batchv1.JobSuccessCriteriaMet):
		return "SuccessCriteriaMet"
	}
	return "Running"
}

func jobCondition(j *batchv1.Job, t batchv1.JobConditionType) bool {
	for i := range j.Status.Conditions {
		if c := &j.Status.Conditions[i]; c.Type == t {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

func projectCronJob(c *batchv1.CronJob, r *row) {
	template := &c.Spec.JobTemplate.Spec
	r.name()
	r.text(c.Spec.Schedule)
	if c.Spec.TimeZone == nil {
		r.text(none)
	} else {
		r.text(*c.Spec.TimeZone)
	}
	switch suspend := c.Spec.Suspend; {
	case suspend == nil:
		r.text(unset)
	case *suspend:
		r.text("True")
	default:
		r.text("False")
	}
	r.int(int64(len(c.Status.Active)))
	if c.Status.LastScheduleTime == nil {
		r.since(metav1.Time{}.Time, none)
	} else {
		r.since(c.Status.LastScheduleTime.Time, unknown)
	}
	r.age()
	r.containers(template.Template.Spec.Containers)
	r.selector(template.Selector, none, "<error>")

	r.health = watch.HealthOK
	switch {
	case deref(c.Spec.Suspend):
		r.setStatus("Suspended")
	case len(c.Status.Active) > 0:
		r.setStatus("Active")
	default:
		r.setStatus("Scheduled")
	}

	fieldJoin(r, "spec.jobTemplate."+templateImages, template.Template.Spec.Containers, containerImage)
	r.field("spec.schedule", c.Spec.Schedule)
	r.fieldBool("spec.suspend", deref(c.Spec.Suspend))
	r.field("spec.timeZone", deref(c.Spec.TimeZone))
	r.fieldInt("status.active", int64(len(c.Status.Active)))
}
