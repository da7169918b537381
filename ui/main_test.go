package ui

import (
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	time.Local = time.UTC // clocks on screen are local; golden files are not
	if err := os.Unsetenv("TERM"); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m)
}
