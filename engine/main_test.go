package engine

import (
	"os"
	"testing"

	"go.uber.org/goleak"
	"k8s.io/client-go/rest"

	"orka/watch/kube"
)

// TestMain has every store check the Worlds it publishes.
func TestMain(m *testing.M) {
	if err := os.Setenv("ORKA_CHECK", "1"); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m, kept...)
}

// kept are goroutines of others that nothing ends.
var kept []goleak.Option

// offline is an engine over a server that is not there; nothing runs.
func offline(t *testing.T) *Engine {
	t.Helper()
	client, err := kube.New(&rest.Config{Host: "http://127.0.0.1:1"}, kube.Options{})
	if err != nil {
		t.Fatal(err)
	}
	e, err := New(DefaultConfig(), client)
	if err != nil {
		t.Fatal(err)
	}
	return e
}
