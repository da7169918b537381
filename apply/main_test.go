package apply_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if os.Getenv(envServer) != "" { // a child that is about to be killed, or to end with its connection open
		os.Exit(m.Run()) //nolint:forbidigo // as VerifyTestMain does
	}
	goleak.VerifyTestMain(m)
}
