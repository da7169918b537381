//go:build unix

package apply_test

import (
	"os/signal"
	"syscall"
)

// fillDisk lets no file of this process grow beyond a kibibyte, so that a write ends as on a full disk: with an error
// of the system in its middle. It returns how to make room again.
func fillDisk() (mend func() error, err error) {
	signal.Ignore(syscall.SIGXFSZ) // otherwise the system ends the process
	var was syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &was); err != nil {
		return nil, err
	}
	small := was
	small.Cur = 1 << 10
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &small); err != nil {
		return nil, err
	}
	return func() error { return syscall.Setrlimit(syscall.RLIMIT_FSIZE, &was) }, nil
}
