//go:build integration

package columns_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"orka/watch"
	"orka/watch/columns"
)

// tableAccept asks for what kubectl asks for.
const tableAccept = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"

// TestAgainstServer compares, for every kind a real API server lists, its table (what kubectl get -o wide prints)
// with ours, column by column and cell by cell. ORKA_E2E_KUBECONFIG names the cluster; the objects of
// testdata/cluster.yaml are made in it, in namespaces orka-columns and
// orka-columns-quota, and stay.
func TestAgainstServer(t *testing.T) {
	kubeconfig := os.Getenv("ORKA_E2E_KUBECONFIG")
	if kubeconfig == "" {
		t.Skip("ORKA_E2E_KUBECONFIG names no cluster")
	}
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	config.QPS, config.Burst = 200, 400
	config.WarningHandler = rest.NoWarnings{}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()

	transport, err := rest.HTTPClientFor(config)
	if err != nil {
		t.Fatal(err)
	}
	defer utilnet.CloseIdleConnectionsFor(transport.Transport)
	disco, err := discovery.NewDiscoveryClientForConfigAndClient(config, transport)
	if err != nil {
		t.Fatal(err)
	}
	objects, err := dynamic.NewForConfigAndClient(config, transport)
	if err != nil {
		t.Fatal(err)
	}
	createAll(ctx, t, objects, disco)

	client, err := rest.UnversionedRESTClientForConfigAndClient(dynamicConfig(config), transport)
	if err != nil {
		t.Fatal(err)
	}
	crds := definitions(ctx, t, client)
	_, lists, err := disco.ServerGroupsAndResources()
	if err != nil {
		t.Fatal(err)
	}
	compared := map[watch.GVK]int{}
	for _, list := range lists {
		gv, err := schema.ParseGroupVersion(list.GroupVersion)
		if err != nil {
			t.Fatal(err)
		}
		for _, resource := range list.APIResources {
			if !slices.Contains([]string(resource.Verbs), "list") || strings.Contains(resource.Name, "/") {
				continue
			}
			gvk := watch.GVK{Group: gv.Group, Version: gv.Version, Kind: resource.Kind}
			t.Run(strings.ReplaceAll(gvk.String(), "/", "_"), func(t *testing.T) {
				kind := &watch.Kind{GVK: gvk, Columns: columns.For(gvk)}
				if crd, ok := crds[gvk.Group+"/"+gvk.Kind]; ok {
					kind.Columns = columns.FromCRD(crd, gvk.Version)
				} else if !slices.Contains(columns.Known(), gvk) && len(kind.Columns) == 2 {
					t.Skipf("%v has no columns of its own here", gvk)
				}
				path := "/apis/" + list.GroupVersion
				if gv.Group == "" {
					path = "/api/" + gv.Version
				}
				compared[gvk] = compareKind(ctx, t, client, kind, path+"/"+resource.Name)
			})
		}
	}
	for gvk, n := range compared {
		t.Logf("%v: %d objects agree", gvk, n)
	}
}

func dynamicConfig(config *rest.Config) *rest.Config {
	c := rest.CopyConfig(config)
	c.NegotiatedSerializer = scheme.Codecs.WithoutConversion()
	c.GroupVersion = &schema.GroupVersion{}
	return c
}

// createAll makes the objects of the fixture, or brings those that are there to its state, status included.
func createAll(ctx context.Context, t *testing.T, client dynamic.Interface, disco *discovery.DiscoveryClient) {
	t.Helper()
	fixture, err := os.ReadFile("testdata/cluster.yaml")
	if err != nil {
		t.Fatal(err)
	}
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(fixture), 4096)
	for {
		o := &unstructured.Unstructured{}
		if err := decoder.Decode(o); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
		if err := create(ctx, client, disco, o); err != nil {
			t.Errorf("%s %s: %v", o.GetKind(), o.GetName(), err)
		}
	}
}

func create(ctx context.Context, client dynamic.Interface, disco *discovery.DiscoveryClient, o *unstructured.Unstructured) error {
	var resource metav1.APIResource
	gv := o.GroupVersionKind().GroupVersion()
	// The kind of a CRD that has just been made is served a moment later.
	err := wait.PollUntilContextTimeout(ctx, 200*time.Millisecond, 30*time.Second, true, func(context.Context) (bool, error) {
		list, err := disco.ServerResourcesForGroupVersion(gv.String())
		if apierrors.IsNotFound(err) {
			return false, nil
		} else if err != nil {
			return false, err
		}
		i := slices.IndexFunc(list.APIResources, func(r metav1.APIResource) bool {
			return r.Kind == o.GetKind() && !strings.Contains(r.Name, "/")
		})
		if i >= 0 {
			resource = list.APIResources[i]
		}
		return i >= 0, nil
	})
	if err != nil {
		return err
	}
	var objects dynamic.ResourceInterface = client.Resource(gv.WithResource(resource.Name))
	if resource.Namespaced {
		objects = client.Resource(gv.WithResource(resource.Name)).Namespace(o.GetNamespace())
	}
	var made *unstructured.Unstructured
	err = wait.PollUntilContextTimeout(ctx, 200*time.Millisecond, 30*time.Second, true, func(ctx context.Context) (bool, error) {
		made, err = objects.Create(ctx, o, metav1.CreateOptions{})
		if apierrors.IsAlreadyExists(err) {
			made, err = objects.Get(ctx, o.GetName(), metav1.GetOptions{})
		}
		if apierrors.IsNotFound(err) { // a custom resource may be, for a moment
			return false, nil
		}
		return true, err
	})
	status, ok := o.Object["status"]
	if err != nil || !ok {
		return err
	}
	made.Object["status"] = status
	_, err = objects.UpdateStatus(ctx, made, metav1.UpdateOptions{})
	if apierrors.IsNotFound(err) { // no status subresource: it was created with the rest
		return nil
	}
	return err
}

func definitions(ctx context.Context, t *testing.T, client *rest.RESTClient) map[string]*apiextensionsv1.CustomResourceDefinition {
	t.Helper()
	raw, err := client.Get().AbsPath("/apis/apiextensions.k8s.io/v1/customresourcedefinitions").DoRaw(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var list apiextensionsv1.CustomResourceDefinitionList
	if err := json.Unmarshal(raw, &list); err != nil {
		t.Fatal(err)
	}
	crds := map[string]*apiextensionsv1.CustomResourceDefinition{}
	for i := range list.Items {
		crds[list.Items[i].Spec.Group+"/"+list.Items[i].Spec.Names.Kind] = &list.Items[i]
	}
	return crds
}

// compareKind compares the objects that both lists hold in the same version, and counts them.
func compareKind(ctx context.Context, t *testing.T, client *rest.RESTClient, kind *watch.Kind, path string) (agree int) {
	t.Helper()
	raw, err := client.Get().AbsPath(path).DoRaw(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var objects struct{ Items []json.RawMessage }
	if err := json.Unmarshal(raw, &objects); err != nil {
		t.Fatal(err)
	}
	raw, err = client.Get().AbsPath(path).SetHeader("Accept", tableAccept).DoRaw(ctx)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Now()
	var table metav1.Table
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	if err := decoder.Decode(&table); err != nil {
		t.Fatal(err)
	}

	type head struct {
		Name string
		Wide bool
	}
	var want, got []head
	for _, c := range table.ColumnDefinitions {
		want = append(want, head{strings.ToUpper(c.Name), c.Priority != 0})
	}
	for _, c := range kind.Columns {
		got = append(got, head{c.Name, c.Wide})
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("columns: -server +ours\n%s", diff)
		return 0
	}

	rows := map[string]metav1.TableRow{}
	for _, row := range table.Rows {
		var m metav1.PartialObjectMetadata
		if err := json.Unmarshal(row.Object.Raw, &m); err != nil {
			t.Fatal(err)
		}
		rows[m.Namespace+"/"+m.Name+"@"+m.ResourceVersion] = row
	}
	for _, item := range objects.Items {
		var m metav1.PartialObjectMetadata
		if err := json.Unmarshal(item, &m); err != nil {
			t.Fatal(err)
		}
		row, ok := rows[m.Namespace+"/"+m.Name+"@"+m.ResourceVersion]
		if !ok {
			continue
		}
		o := &watch.Object{Kind: kind, Name: m.Name, Namespace: m.Namespace, Created: m.CreationTimestamp.Unix(), Cells: project(t, kind, item).Cells}
		agree++
		for i, c := range kind.Columns {
			if want := printed(row.Cells[i]); !rendersAs(c, i, o, at, want) {
				t.Errorf("%s %s: server %q, ours %q", o.NamespacedName(), c.Name, want, columns.Render(c, i, o, at))
				agree--
				break
			}
		}
	}
	return agree
}

// project decodes an object as the watcher does: into its Go type, or as JSON.
func project(t *testing.T, kind *watch.Kind, raw []byte) columns.Projection {
	t.Helper()
	var typed runtime.Object
	gvk := schema.GroupVersionKind{Group: kind.Group, Version: kind.Version, Kind: kind.Kind}
	if kind.Kind == "CustomResourceDefinition" {
		typed = &apiextensionsv1.CustomResourceDefinition{}
	} else if o, err := scheme.Scheme.New(gvk); err == nil {
		typed = o
	}
	if typed == nil {
		p, err := columns.ProjectJSON(kind, raw, nil)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	if err := json.Unmarshal(raw, typed); err != nil {
		t.Fatal(err)
	}
	return columns.Project(kind.GVK, typed, nil)
}

// printed is a cell of the server as kubectl prints it, sanitised.
func printed(cell any) string {
	if cell == nil {
		return ""
	}
	if n, ok := cell.(json.Number); ok { // kubectl reads a fraction as float64
		if _, err := n.Int64(); err != nil {
			cell, _ = n.Float64()
		}
	}
	s := fmt.Sprint(cell)
	if i := strings.IndexAny(s, "\f\n\r"); i >= 0 {
		return watch.Sanitize(s[:i]) + "..."
	}
	return watch.Sanitize(s)
}

// rendersAs allows for the moment between the server's clock reading and ours.
func rendersAs(c watch.Column, i int, o *watch.Object, at time.Time, want string) bool {
	for d := -5 * time.Second; d <= 2*time.Second; d += time.Second {
		if columns.Render(c, i, o, at.Add(d)) == want {
			return true
		}
	}
	return false
}
