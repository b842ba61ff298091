package statetest

import (
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/tidemill/tidemill/state"
)

var concurrencyChecks = []check{
	{"a committed batch is visible whole to all readers", readersSeeCommits},
	{"commits from several goroutines all apply", commitsFromSeveral},
}

// readersSeeCommits commits batches that set several keys to the batch's
// number. A reader that starts after a commit must find that number or a later
// one in each of the keys.
func readersSeeCommits(t *testing.T, b state.Backend) {
	const keys, batches = 8, 2000
	var committed, stop atomic.Int64
	write := func(n int64) {
		commit(t, b, func(batch state.Batch) {
			batch.DeleteRange([]byte("k"), []byte("l"))
			for k := range keys {
				batch.Set(fmt.Appendf(nil, "k%d", k), strconv.AppendInt(nil, n, 10))
			}
		})
		committed.Store(n)
	}
	check := func(key, value []byte, atLeast int64) {
		n, err := strconv.ParseInt(string(value), 10, 64)
		if err != nil || n < atLeast || n > batches {
			t.Errorf("%s is %q after batch %d was committed", key, value, atLeast)
		}
	}
	write(1)
	var readers sync.WaitGroup
	defer readers.Wait()
	defer stop.Store(1)
	readers.Go(func() {
		for k := 0; stop.Load() == 0; k = (k + 1) % keys {
			atLeast := committed.Load()
			key := fmt.Appendf(nil, "k%d", k)
			value, ok, err := b.Get(nil, key)
			if !ok || err != nil {
				t.Errorf("Get(%s) = %v, %v during a commit", key, ok, err)
				return
			}
			check(key, value, atLeast)
		}
	})
	readers.Go(func() {
		for reverse := false; stop.Load() == 0; reverse = !reverse {
			atLeast := committed.Load()
			err := b.Scan([]byte("k"), []byte("l"), reverse, func(key, value []byte) bool {
				check(key, value, atLeast)
				return true
			})
			if err != nil {
				t.Errorf("Scan: %v", err)
				return
			}
		}
	})
	for n := int64(2); n <= batches; n++ {
		write(n)
	}
}

func commitsFromSeveral(t *testing.T, b state.Backend) {
	const writers, batches = 4, 200
	var group sync.WaitGroup
	for w := range writers {
		group.Go(func() {
			for n := range batches {
				batch := b.NewBatch()
				batch.Set(fmt.Appendf(nil, "%d/%04d", w, n), []byte("v"))
				batch.Set(fmt.Appendf(nil, "last/%d", w), strconv.AppendInt(nil, int64(n), 10))
				if err := batch.Commit(); err != nil {
					t.Errorf("Commit: %v", err)
					return
				}
			}
		})
	}
	group.Wait()
	for w := range writers {
		wantValue(t, b, fmt.Sprintf("last/%d", w), strconv.Itoa(batches-1))
		if n := len(scan(t, b, fmt.Appendf(nil, "%d/", w), fmt.Appendf(nil, "%d0", w), false)); n != batches {
			t.Errorf("writer %d left %d keys; want %d", w, n, batches)
		}
	}
}
