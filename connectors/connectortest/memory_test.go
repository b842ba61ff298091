package connectortest

import (
	"strconv"
	"testing"
)

func TestMemoryConforms(t *testing.T) { Run(t, openMemory) }

func TestMemoryConformsBehindAWorker(t *testing.T) { RunWorker(t, openMemory) }

func openMemory(t *testing.T) Subject[Change] {
	t.Helper()
	m := &Memory{}
	if err := m.change(Change{Key: "word", Value: "no number"}); err != nil {
		t.Fatal(err)
	}
	return Subject[Change]{
		Target: m,
		Put:    func(key, value string) Change { return Change{Key: key, Value: value} },
		Delete: func(key string) Change { return Change{Key: key, Delete: true} },
		Add:    func(key string, n int) Change { return Change{Key: key, Add: n} },
		Poison: func() Change { return Change{Key: "word", Add: 1} },
		Get:    m.Get,
		Sum: func(key string) int {
			value, _ := m.Get(key)
			n, _ := strconv.Atoi(value)
			return n
		},
		Interrupt: m.Interrupt,
	}
}
