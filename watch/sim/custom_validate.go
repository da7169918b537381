package sim

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype"
	"k8s.io/apimachinery/pkg/util/validation/field"
	openapierrors "k8s.io/kube-openapi/pkg/validation/errors"
)

// check holds a new object to its schema.
func (c *customSchema) check(obj map[string]any) field.ErrorList {
	if c == nil || c.validator == nil {
		return nil
	}
	var errs field.ErrorList
	for _, err := range c.validator.Validate(obj).Errors {
		errs = append(errs, fieldError(err))
	}
	return append(errs, listtype.ValidateListSetsAndMaps(nil, c.structural, obj)...)
}

// checkUpdate holds a changed object to its schema: what was wrong before and is unchanged is let through
// (CRDValidationRatcheting). Of a write to the status only the status is looked at.
func (c *customSchema) checkUpdate(sub string, obj, old map[string]any) (errs field.ErrorList) {
	now := c.check(obj)
	if len(now) == 0 {
		return nil
	}
	before := map[string]bool{}
	for _, e := range c.check(old) {
		before[e.Error()] = true
	}
	for _, e := range now {
		if !before[e.Error()] && (sub != "status" || e.Field == "status" || strings.HasPrefix(e.Field, "status.")) {
			errs = append(errs, e)
		}
	}
	return errs
}

// fieldError words a schema error as apiextensions-apiserver's pkg/apiserver/validation does, which can't be linked without CEL.
func fieldError(err error) *field.Error {
	var e *openapierrors.Validation
	if !errors.As(err, &e) {
		return field.Invalid(nil, "", err.Error())
	}
	var path *field.Path
	if e.Name != "" && e.Name != "." {
		path = field.NewPath(strings.TrimPrefix(e.Name, "."))
	}
	number := func(v any) int {
		n, _ := v.(int64)
		return int(n)
	}
	switch e.Code() {
	case openapierrors.RequiredFailCode:
		return field.Required(path, "")
	case openapierrors.EnumFailCode:
		values := make([]string, 0, len(e.Values))
		for _, v := range e.Values {
			if s, ok := v.(string); ok {
				values = append(values, s)
			} else if b, err := json.Marshal(v); err == nil {
				values = append(values, string(b))
			} else {
				values = append(values, fmt.Sprint(v))
			}
		}
		return field.NotSupported(path, e.Value, values)
	case openapierrors.TooLongFailCode:
		return field.TooLong(path, "", number(e.Valid))
	case openapierrors.MaxItemsFailCode, openapierrors.TooManyPropertiesCode:
		return field.TooMany(path, number(e.Value), number(e.Valid))
	}
	value := e.Value
	if value == nil {
		value = ""
	}
	if e.Code() == openapierrors.InvalidTypeCode {
		return field.TypeInvalid(path, value, e.Error())
	}
	return field.Invalid(path, value, e.Error())
}
