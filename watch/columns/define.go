package columns

import (
	"time"

	"orka/watch"
)

// The makers of columns and field descriptions, so that a table reads like the head of kubectl's.

func cols(c ...watch.Column) []watch.Column { return c }

func text(name string) watch.Column { return watch.Column{Name: name} }

func number(name string) watch.Column {
	return watch.Column{Name: name, Type: watch.ColumnNumber}
}

func since(name string) watch.Column {
	return watch.Column{Name: name, Type: watch.ColumnSince}
}

func wide(c watch.Column) watch.Column {
	c.Wide = true
	return c
}

var (
	nameColumn = watch.Column{Name: "NAME", Type: watch.ColumnName}
	ageColumn  = watch.Column{Name: "AGE", Type: watch.ColumnAge}
	// createdColumns are those of kinds that kubectl prints by the server's default: a date, not an age.
	createdColumns = cols(nameColumn, text("CREATED AT"))
	plainColumns   = cols(nameColumn, ageColumn)
	// templateColumns are the wide columns of whatever holds a pod template.
	templateColumns = cols(wide(text("CONTAINERS")), wide(text("IMAGES")), wide(text("SELECTOR")))
)

// withTemplate adds the wide columns of a pod template and a selector.
func withTemplate(c ...watch.Column) []watch.Column { return append(c, templateColumns...) }

func textField(path, doc string) FieldDoc     { return FieldDoc{path, "text", doc} }
func numberField(path, doc string) FieldDoc   { return FieldDoc{path, "number", doc} }
func quantityField(path, doc string) FieldDoc { return FieldDoc{path, "quantity", doc} }
func boolField(path, doc string) FieldDoc     { return FieldDoc{path, "boolean", doc} }

func core(kind string) watch.GVK { return watch.GVK{Version: "v1", Kind: kind} }

func inGroup(group, version, kind string) watch.GVK {
	return watch.GVK{Group: group, Version: version, Kind: kind}
}

// deref is *p, or the zero value without one.
func deref[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

// seconds is a number of seconds as the API holds it.
func seconds(n int32) time.Duration { return time.Duration(n) * time.Second }
