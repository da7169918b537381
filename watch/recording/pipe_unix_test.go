//go:build unix

package recording

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestOpenPipe: opening a pipe would wait for its writer, and nothing could end it.
func TestOpenPipe(t *testing.T) {
	name := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(name, 0o600); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := Open(name)
		done <- err
	}()
	select {
	case err := <-done:
		if err == nil || !strings.Contains(err.Error(), "no regular file") {
			t.Errorf("%v, want that it is no regular file", err)
		}
	case <-time.After(10 * time.Second):
		t.Error("Open waits for a writer")
		if w, err := os.OpenFile(name, os.O_WRONLY, 0); err == nil {
			_ = w.Close() // lets it go
			<-done
		}
	}
}
