package history

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

// errNoLocks means that the file system has no flock.
var errNoLocks = errors.New("file locks are not supported")

// errLocked is what tryLock returns when another process holds the lock.
var errLocked = errors.New("locked by another process")

// Waiting for the lock starts with the first pause and doubles up to the longest. The holder needs it for a few
// milliseconds; a blocking flock could not be cancelled.
const (
	firstPause   = time.Millisecond
	longestPause = 20 * time.Millisecond
)

// fileLock is a held lock. The lock goes with the process, so that a killed one leaves none behind.
type fileLock struct{ file *os.File }

// lockFile waits for the lock in the file at path, making the file when there is none. A nil lock without error means
// that there can't be one: the file doesn't exist and must not be made (readOnly). The caller then only reads.
func lockFile(ctx context.Context, path string, exclusive, readOnly bool) (*fileLock, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, fileMode)
	if readOnly && unwritable(err) {
		if f, err = os.Open(path); errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
	}
	if err != nil {
		return nil, fmt.Errorf("opening the lock: %w", err)
	}
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		err := tryLock(f, exclusive)
		if err == nil {
			return &fileLock{f}, nil
		}
		if !errors.Is(err, errLocked) {
			return nil, errors.Join(fmt.Errorf("locking %s: %w", path, err), f.Close())
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil, errors.Join(fmt.Errorf("waiting for the lock %s: %w", path, ctx.Err()), f.Close())
		}
	}
}

// release gives the lock back. A nil lock has nothing to give.
func (l *fileLock) release() {
	if l != nil {
		_ = l.file.Close() // nothing was written; the descriptor, and with it the lock, is gone in any case
	}
}
