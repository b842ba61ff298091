package state_test

import (
	"testing"

	"github.com/tidemill/tidemill/serde"
	"github.com/tidemill/tidemill/state"
	"github.com/tidemill/tidemill/state/memory"
)

func TestPutIfAbsentReturnsWhatWasThere(t *testing.T) {
	directory, err := state.OpenDirectory(memory.New())
	if err != nil {
		t.Fatal(err)
	}
	space, err := directory.Space("kv", 0)
	if err != nil {
		t.Fatal(err)
	}
	s := state.NewKeyValue("kv", serde.String(), serde.Int64(), state.Options{Space: space, Capacity: 1 << 16})
	if old, had, err := s.PutIfAbsent("a", 1); old != 0 || had || err != nil {
		t.Errorf("of a new key: %d, %v, %v; want 0, false", old, had, err)
	}
	if old, had, err := s.PutIfAbsent("a", 2); old != 1 || !had || err != nil {
		t.Errorf("of a key with a value: %d, %v, %v; want 1, true", old, had, err)
	}
	if now, ok, err := s.Get("a"); now != 1 || !ok || err != nil {
		t.Errorf("the value is %d, %v, %v; want 1", now, ok, err)
	}
}
