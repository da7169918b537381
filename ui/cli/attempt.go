package cli

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	"orka/apply"
)

// attempt is one document on its way: what was found, meant, tried and done so far.
type attempt struct {
	doc     *document
	base    *apply.Base    // nil before it was read
	intent  *apply.Intent  // nil before it was made
	preview *apply.Preview // nil before the server tried it
	checks  []apply.Check  // of the guard, when they were looked at
	result  *apply.Result  // nil unless written

	outcome   string
	delivered *bool // whether the watch has shown the result; nil unless written
	err       error // what stands in the way
}

// fail notes what stands in the way.
func (t *attempt) fail(err error) {
	t.err, t.outcome = err, outcomeRefused
	var unknown *apply.UnknownError
	switch {
	case errors.As(err, &unknown):
		t.outcome = outcomeUnknown
	case errors.Is(err, errNotAttempted):
		t.outcome = outcomeNotTried
	}
}

// placed puts the document's place before an error of its file.
func (d *document) placed(err error) error {
	var draft *apply.DraftError
	if !errors.As(err, &draft) {
		return err
	}
	return &badFileError{inFile(d.file.Name, err)}
}

// try reads the object and has the server try the document. What stands in the way is in the result.
func (s *session) try(ctx context.Context, d *document, c apply.Consent, create bool) *attempt {
	t := &attempt{doc: d}
	var err error
	if t.base, err = s.FileBase(ctx, d.Target); err != nil {
		t.fail(err)
		return t
	}
	if t.base.Absent && !create {
		t.fail(&absentError{d.Target, d.file.Name})
		return t
	}
	t.intent, err = s.FileIntent(ctx, t.base, d.file)
	if errors.Is(err, apply.ErrNoChange) {
		t.outcome = outcomeSame
		return t
	}
	if err != nil {
		t.fail(d.placed(err))
		return t
	}
	if t.preview, err = s.Preview(ctx, t.base, t.intent, c); err != nil {
		t.fail(d.placed(err))
		return t
	}
	t.outcome = outcomeDiffers
	if t.unchanged() {
		t.outcome = outcomeSame
	}
	return t
}

// unchanged reports whether applying would leave the object as it is, the owners of its fields included.
func (t *attempt) unchanged() bool {
	p := t.preview
	return p == nil || p.Diff.Empty() && p.Local == "" && !t.owns()
}

// owns reports whether applying would change which fields orka owns. The times in managedFields are left out: the
// server keeps them where nothing else changes.
func (t *attempt) owns() bool {
	entry := func(b *apply.Preview, result bool) any {
		o := b.Base.Object
		if result {
			o = b.Result
		}
		if o == nil {
			return nil
		}
		for _, e := range o.GetManagedFields() {
			if e.Manager == apply.FieldManager && e.Operation == "Apply" && e.Subresource == "" {
				return [2]any{e.APIVersion, e.FieldsV1.String()}
			}
		}
		return nil
	}
	return !reflect.DeepEqual(entry(t.preview, false), entry(t.preview, true))
}

// notices are ours about a document, beside the server's warnings.
func (t *attempt) notices() []string {
	var out []string
	if t.preview != nil {
		out = append(out, t.preview.Notices...)
		if t.preview.Local != "" {
			out = append(out, "the server has not tried it: "+t.preview.Local)
		}
		if n := unexplained(t.preview); n > 0 {
			out = append(out, fmt.Sprintf("%d of the changed lines are not asked for by the file: defaults, a webhook or a controller", n))
		}
		if t.preview.Diff.Empty() && !t.base.Absent && t.owns() {
			out = append(out, "no value changes; orka becomes an owner of the fields in the file")
		}
		if t.base.Object != nil && t.base.Object.GetDeletionTimestamp() != nil {
			out = append(out, "the object is being deleted")
		}
	} else if t.intent != nil {
		out = append(out, t.intent.Notices...)
	}
	return out
}
