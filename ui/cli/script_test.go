package cli

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain makes the test binary answer as orka inside the scripts.
func TestMain(m *testing.M) {
	orka := func() { os.Exit(Main()) }
	testscript.Main(m, map[string]func(){"orka": orka, "kubectl-orka": orka})
}

// TestScripts runs the commands as a person types them, against the demo cluster or none.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "../../testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Setenv("XDG_CONFIG_HOME", env.WorkDir+"/config")
			env.Setenv("XDG_STATE_HOME", env.WorkDir+"/state")
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("KUBECONFIG", "")
			return nil
		},
	})
}
