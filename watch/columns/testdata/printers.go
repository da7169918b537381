// Command printers reads JSON lines {Group, Version, Kind, Object} and adds to each the row that the API server's own
// printers make of the object. See README.md.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	_ "k8s.io/kubernetes/pkg/apis/admissionregistration/install"
	_ "k8s.io/kubernetes/pkg/apis/apps/install"
	_ "k8s.io/kubernetes/pkg/apis/autoscaling/install"
	_ "k8s.io/kubernetes/pkg/apis/batch/install"
	_ "k8s.io/kubernetes/pkg/apis/certificates/install"
	_ "k8s.io/kubernetes/pkg/apis/coordination/install"
	_ "k8s.io/kubernetes/pkg/apis/core/install"
	_ "k8s.io/kubernetes/pkg/apis/discovery/install"
	_ "k8s.io/kubernetes/pkg/apis/events/install"
	_ "k8s.io/kubernetes/pkg/apis/flowcontrol/install"
	_ "k8s.io/kubernetes/pkg/apis/networking/install"
	_ "k8s.io/kubernetes/pkg/apis/node/install"
	_ "k8s.io/kubernetes/pkg/apis/policy/install"
	_ "k8s.io/kubernetes/pkg/apis/rbac/install"
	_ "k8s.io/kubernetes/pkg/apis/resource/install"
	_ "k8s.io/kubernetes/pkg/apis/scheduling/install"
	_ "k8s.io/kubernetes/pkg/apis/storage/install"
	_ "k8s.io/kubernetes/pkg/apis/storagemigration/install"
	"k8s.io/kubernetes/pkg/printers"
	internal "k8s.io/kubernetes/pkg/printers/internalversion"
)

type line struct {
	Group, Version, Kind string
	Object               json.RawMessage
	Columns              []metav1.TableColumnDefinition `json:",omitempty"`
	Cells                []any                          `json:",omitempty"`
	Error                string                         `json:",omitempty"`
}

func main() {
	g := printers.NewTableGenerator().With(internal.AddHandlers)
	in := bufio.NewReaderSize(os.Stdin, 1<<24)
	dec := json.NewDecoder(in)
	out := json.NewEncoder(os.Stdout)
	for {
		var l line
		if err := dec.Decode(&l); err != nil {
			return
		}
		func() {
			defer func() {
				if e := recover(); e != nil {
					l.Error = fmt.Sprint(e)
				}
			}()
			gv := schema.GroupVersion{Group: l.Group, Version: l.Version}
			obj, _, err := legacyscheme.Codecs.UniversalDecoder().Decode(l.Object, nil, nil)
			if err != nil {
				l.Error = err.Error()
				return
			}
			b, err := runtime.Encode(legacyscheme.Codecs.LegacyCodec(gv), obj)
			if err != nil {
				l.Error = err.Error()
				return
			}
			l.Object = b
			table, err := g.GenerateTable(obj, printers.GenerateOptions{Wide: true})
			if err != nil {
				l.Error = err.Error()
				return
			}
			l.Columns, l.Cells = table.ColumnDefinitions, table.Rows[0].Cells
		}()
		for i := range l.Columns {
			l.Columns[i].Description = ""
		}
		out.Encode(l)
	}
}
