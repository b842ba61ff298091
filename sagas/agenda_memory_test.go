//go:build !race

// Pebble checks itself under the race detector, which takes memory of its own.

package sagas

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/tidemill/tidemill/state/pebble"
)

func TestPendingTimersDoNotStayInMemory(t *testing.T) {
	backend, err := pebble.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := backend.Close(); err != nil {
			t.Error(err)
		}
	}()
	a := agenda{rows: newRows(t, backend)}
	const n, round = 100_000, 5_000
	var first uint64
	for i := range int64(n) {
		if err := a.set(entry{1000 + i, "step", fmt.Sprint("saga-", i)}); err != nil {
			t.Fatal(err)
		}
		if (i+1)%round == 0 {
			checkpoint(t, a.rows, backend)
		}
		if i+1 == round {
			first = heap()
		}
	}
	if grown := int64(heap()) - int64(first); grown > 4<<20 {
		t.Errorf("%d more timers took %d KiB of memory", n-round, grown>>10)
	}
	if due := a.must(t, 1000+n, 2*n); len(due) != n {
		t.Errorf("%d are due, want %d", len(due), n)
	}
}

// heap is how much memory is in use.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
