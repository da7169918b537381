package columns

import (
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"

	"orka/watch"
)

// agePath is where an age column points; such a column needs no cell.
const agePath = ".metadata.creationTimestamp"

// FromCRD are the columns kubectl prints for a version of a custom resource: NAME, then its printer columns,
// of which those with a priority above 0 are wide; AGE when it declares none. Like the API server it stops at
// a column whose JSONPath can't be read. A version that the CRD doesn't have gets NAME and AGE.
func FromCRD(crd *apiextensionsv1.CustomResourceDefinition, version string) []watch.Column {
	out := []watch.Column{nameColumn}
	for i := range crd.Spec.Versions {
		v := &crd.Spec.Versions[i]
		if v.Name != version || len(v.AdditionalPrinterColumns) == 0 {
			continue
		}
		for _, c := range v.AdditionalPrinterColumns {
			if _, err := parsePath(c.JSONPath); err != nil {
				return out
			}
			out = append(out, watch.Column{
				Name: watch.Sanitize(strings.ToUpper(c.Name)),
				Type: printerColumnType(c),
				Wide: c.Priority != 0,
				Path: c.JSONPath,
			})
		}
		return out
	}
	return append(out, watch.Column{Name: "AGE", Type: watch.ColumnAge, Path: agePath})
}

func printerColumnType(c apiextensionsv1.CustomResourceColumnDefinition) watch.ColumnType {
	switch c.Type {
	case "integer":
		return watch.ColumnNumber
	case "number":
		return watch.ColumnDecimal
	case "boolean":
		return watch.ColumnBoolean
	case "date":
		if strings.TrimSpace(c.JSONPath) == agePath {
			return watch.ColumnAge
		}
		return watch.ColumnSince
	}
	return watch.ColumnText
}
