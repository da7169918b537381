//go:build integration

package sim

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"testing"
	"time"

	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// TestOracleServer asks a real API server (ORKA_E2E_KUBECONFIG names it) what TestOracle asks the simulated one, and
// holds it to the same answers. Each run uses namespaces of its own, which stay.
func TestOracleServer(t *testing.T) {
	kubeconfig := os.Getenv("ORKA_E2E_KUBECONFIG")
	if kubeconfig == "" {
		t.Skip("ORKA_E2E_KUBECONFIG names no cluster")
	}
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	config.WarningHandler = rest.NoWarnings{}
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		t.Fatal(err)
	}
	defer utilnet.CloseIdleConnectionsFor(client.Transport)
	for _, table := range oracleTables(t) {
		t.Run(table, func(t *testing.T) {
			ns := fmt.Sprintf("orka-oracle-%x", time.Now().UnixNano())
			dropDefinitions(t, client, config.Host)
			t.Cleanup(func() { dropDefinitions(t, client, config.Host) })
			prepareOracle(t, client, config.Host, ns)
			o := newOracle(t, client, config.Host, ns)
			answers := o.run(readSteps(t, oracleFile(table, "yaml")))
			if !*updateOracle {
				checkOracle(t, table, answers)
				return
			}
			if err := os.WriteFile(oracleFile(table, "golden"), encodeAnswers(t, answers), 0o644); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// dropDefinitions deletes the definitions that the tables make.
func dropDefinitions(t *testing.T, client *http.Client, host string) {
	t.Helper()
	for _, name := range []string{"widgets.oracle.orka.test", "gadgets.oracle.orka.test"} {
		req, err := http.NewRequestWithContext(context.Background(), http.MethodDelete, host+"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/"+name, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
}
