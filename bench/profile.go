package main

import (
	"errors"
	"os"
	"runtime/pprof"
)

// profile is a CPU profile in the making.
type profile struct {
	path string
	cpu  *os.File
}

func startProfile(path string) (*profile, error) {
	cpu, err := os.Create(path + ".cpu.pprof")
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(cpu); err != nil {
		return nil, errors.Join(err, cpu.Close())
	}
	return &profile{path: path, cpu: cpu}, nil
}

// stop ends the CPU profile and adds one of the heap, allocations included.
func (p *profile) stop() error {
	pprof.StopCPUProfile()
	heap, err := os.Create(p.path + ".heap.pprof")
	if err != nil {
		return errors.Join(err, p.cpu.Close())
	}
	return errors.Join(pprof.WriteHeapProfile(heap), heap.Close(), p.cpu.Close())
}
