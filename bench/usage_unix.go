//go:build unix

package main

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"syscall"
	"time"
)

// measureProcess asks the system for the CPU time and the memory of this process.
func measureProcess() (usage, error) {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return usage{}, fmt.Errorf("getrusage: %w", err)
	}
	return usage{CPU: time.Duration(r.Utime.Nano() + r.Stime.Nano()), PeakRSS: peakRSS(r.Maxrss)}, nil
}

// peakRSS prefers what Linux tells in /proc, because the Maxrss of a child begins
// with that of the process which started it.
func peakRSS(maxrss int64) int64 {
	status, err := os.ReadFile("/proc/self/status")
	if err == nil {
		for line := range bytes.Lines(status) {
			fields := bytes.Fields(line)
			if len(fields) == 3 && string(fields[0]) == "VmHWM:" {
				if kib, err := strconv.ParseInt(string(fields[1]), 10, 64); err == nil {
					return kib << 10
				}
			}
		}
	}
	if runtime.GOOS == "darwin" || runtime.GOOS == "ios" {
		return maxrss // in bytes there, in KiB elsewhere
	}
	return maxrss << 10
}
