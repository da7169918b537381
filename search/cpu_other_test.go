//go:build !linux

package search

import "time"

// threadCPU has no portable form.
func threadCPU() time.Duration { return 0 }
