//go:build !linux

package shard

import "time"

// CPU times are known on Linux alone.
func threadCPU() time.Duration  { return 0 }
func processCPU() time.Duration { return 0 }
