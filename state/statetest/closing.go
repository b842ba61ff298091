package statetest

import (
	"errors"
	"sync"
	"testing"

	"github.com/tidemill/tidemill/state"
)

var closeChecks = []check{
	{"every call on a closed backend returns ErrClosed", closedCalls},
	{"Close during other calls is safe", closeDuringCalls},
	{"Flush of an empty backend succeeds", func(t *testing.T, b state.Backend) {
		for range 2 {
			if err := b.Flush(); err != nil {
				t.Errorf("Flush: %v", err)
			}
		}
	}},
	{"Flush changes nothing that can be read", func(t *testing.T, b state.Backend) {
		put(t, b, "a", "1", "b", "2")
		deleteRange(t, b, []byte("b"), []byte("c"))
		if err := b.Flush(); err != nil {
			t.Fatal(err)
		}
		wantKeys(t, b, nil, nil, "a")
		put(t, b, "c", "3")
		wantKeys(t, b, nil, nil, "a", "c")
	}},
}

func closedCalls(t *testing.T, b state.Backend) {
	put(t, b, "a", "1")
	opened := b.NewBatch()
	opened.Set([]byte("b"), []byte("2"))
	if err := b.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
	fresh := b.NewBatch()
	fresh.Set([]byte("c"), []byte("3"))
	fresh.Delete([]byte("c"))
	fresh.DeleteRange([]byte("c"), []byte("d"))

	value, ok, err := b.Get([]byte("dst"), []byte("a"))
	if string(value) != "dst" || ok {
		t.Errorf("Get = %q, %v; want dst, false", value, ok)
	}
	errs := map[string]error{
		"Get":                     err,
		"Scan":                    b.Scan(nil, nil, false, func(_, _ []byte) bool { t.Error("yield called"); return true }),
		"Scan of an empty range":  b.Scan([]byte("b"), []byte("a"), true, func(_, _ []byte) bool { return true }),
		"Commit":                  opened.Commit(),
		"Commit of a later batch": fresh.Commit(),
		"Flush":                   b.Flush(),
		"Close":                   b.Close(),
	}
	for call, err := range errs {
		if !errors.Is(err, state.ErrClosed) {
			t.Errorf("%s after Close: error %v; want ErrClosed", call, err)
		}
	}
	b.NewBatch().Discard()
}

// closeDuringCalls has goroutines use the backend until it is closed under them.
func closeDuringCalls(t *testing.T, b state.Backend) {
	fill(t, b, 1000)
	calls := []func() error{
		func() error { _, _, err := b.Get(nil, []byte(numbered(500))); return err },
		func() error {
			return b.Scan(nil, nil, false, func(key, _ []byte) bool {
				_, _, err := b.Get(nil, key)
				return err == nil
			})
		},
		func() error {
			batch := b.NewBatch()
			batch.Set([]byte(numbered(1)), []byte("1"))
			return batch.Commit()
		},
		b.Flush,
	}
	var running, ended sync.WaitGroup
	for _, call := range calls {
		running.Add(1)
		ended.Go(func() {
			var once sync.Once
			defer once.Do(running.Done)
			for n := 0; ; n++ {
				err := call()
				if n == 3 {
					once.Do(running.Done)
				}
				if err == nil {
					continue
				}
				if !errors.Is(err, state.ErrClosed) || n < 3 {
					t.Errorf("call %d: error %v; want ErrClosed, and only after Close", n, err)
				}
				return
			}
		})
	}
	running.Wait()
	if err := b.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	ended.Wait()
}
