package search

import (
	"time"

	"golang.org/x/sys/unix"
)

// threadCPU is the processor time of the calling thread: beside neighbours on a shared machine it is steadier than
// the clock on the wall. The goroutine must be locked to its thread.
func threadCPU() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts); err != nil {
		return 0
	}
	return time.Duration(ts.Nano())
}
