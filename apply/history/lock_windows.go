package history

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// canRenameOpen says whether a file can be renamed while a process has it open.
const canRenameOpen = false

// tryLock takes the lock of f without waiting, or returns errLocked.
func tryLock(f *os.File, exclusive bool) error {
	flags := uint32(windows.LOCKFILE_FAIL_IMMEDIATELY)
	if exclusive {
		flags |= windows.LOCKFILE_EXCLUSIVE_LOCK
	}
	err := windows.LockFileEx(windows.Handle(f.Fd()), flags, 0, 1, 0, new(windows.Overlapped))
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) || errors.Is(err, windows.ERROR_IO_PENDING) {
		return errLocked
	}
	return err
}

// unwritable reports whether err means that a file can't be written although it may be read.
func unwritable(err error) bool {
	return errors.Is(err, windows.ERROR_ACCESS_DENIED) || errors.Is(err, windows.ERROR_WRITE_PROTECT) || errors.Is(err, windows.ERROR_DISK_FULL)
}

// syncDir does nothing: NTFS journals its names.
func syncDir(string) error { return nil }
