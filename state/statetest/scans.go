package statetest

import (
	"errors"
	"fmt"
	"testing"

	"github.com/tidemill/tidemill/state"
)

var scanChecks = []check{
	{"keys are ordered bytewise", func(t *testing.T, b state.Backend) {
		ordered := []string{"\x00", "\x00\x00", "\x00\xff", "\x01", "A", "a", "a\x00", "a\x00\x00", "a\x01", "a\xff", "a\xff\xff", "b", "\x7f", "\x80", "\xff", "\xff\x00", "\xff\xff"}
		commit(t, b, func(batch state.Batch) {
			for i := range ordered {
				batch.Set([]byte(ordered[(i*7)%len(ordered)]), []byte("v"))
			}
		})
		wantKeys(t, b, nil, nil, ordered...)
		wantKeys(t, b, []byte("a"), []byte("b"), "a", "a\x00", "a\x00\x00", "a\x01", "a\xff", "a\xff\xff")
		wantKeys(t, b, []byte("a\xff"), []byte("b"), "a\xff", "a\xff\xff")
		wantKeys(t, b, []byte("\xff"), nil, "\xff", "\xff\x00", "\xff\xff")
	}},
	{"a scan yields values with their keys", func(t *testing.T, b state.Backend) {
		put(t, b, "a", "1", "b", "", "c", "3")
		for _, reverse := range []bool{false, true} {
			got := scan(t, b, nil, nil, reverse)
			want := `["a"="1" "b"="" "c"="3"]`
			if reverse {
				want = `["c"="3" "b"="" "a"="1"]`
			}
			if fmt.Sprint(got) != want {
				t.Errorf("Scan(reverse %v) = %v; want %s", reverse, got, want)
			}
		}
	}},
	{"a scan includes from and excludes to", scanBounds},
	{"a scan of an empty range yields nothing", func(t *testing.T, b state.Backend) {
		put(t, b, "a", "1", "b", "2")
		wantKeys(t, b, []byte("a"), []byte("a"))
		wantKeys(t, b, []byte("b"), []byte("a"))
		wantKeys(t, b, nil, []byte{})
		wantKeys(t, b, []byte("a"), []byte{})
		wantKeys(t, b, []byte("aa"), []byte("ab"))
		wantKeys(t, b, []byte("c"), nil)
	}},
	{"a scan stops when yield returns false", scanStops},
	{"yield may get, scan and commit", scanNested},
	{"a scan that deletes what it has seen misses nothing", func(t *testing.T, b state.Backend) {
		fill(t, b, 500)
		seen := 0
		err := b.Scan(nil, nil, false, func(key, _ []byte) bool {
			if string(key) != numbered(seen) {
				t.Fatalf("key %d is %q", seen, key)
			}
			seen++
			commit(t, b, func(batch state.Batch) { batch.Delete(key) })
			return true
		})
		if err != nil || seen != 500 {
			t.Errorf("Scan yielded %d keys, error %v; want 500", seen, err)
		}
		wantKeys(t, b, nil, nil)
	}},
	{"a panic in yield leaves the backend usable", func(t *testing.T, b state.Backend) {
		put(t, b, "a", "1")
		func() {
			defer func() { _ = recover() }()
			_ = b.Scan(nil, nil, false, func(_, _ []byte) bool { panic("yield") })
			t.Error("Scan swallowed a panic")
		}()
		put(t, b, "b", "2")
		wantKeys(t, b, nil, nil, "a", "b")
		if err := b.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}},
}

func scanBounds(t *testing.T, b state.Backend) {
	put(t, b, "a", "1", "b", "2", "c", "3", "d", "4")
	wantKeys(t, b, []byte("b"), []byte("d"), "b", "c")
	wantKeys(t, b, []byte("aa"), []byte("cc"), "b", "c")
	wantKeys(t, b, nil, []byte("c"), "a", "b")
	wantKeys(t, b, []byte{}, []byte("c"), "a", "b")
	wantKeys(t, b, []byte("c"), nil, "c", "d")
	wantKeys(t, b, []byte("b"), []byte("b\x00"), "b")
	wantKeys(t, b, nil, nil, "a", "b", "c", "d")
}

func scanStops(t *testing.T, b state.Backend) {
	fill(t, b, 300)
	for _, reverse := range []bool{false, true} {
		for _, limit := range []int{1, 2, 100, 299} {
			seen := 0
			err := b.Scan(nil, nil, reverse, func(_, _ []byte) bool {
				seen++
				return seen < limit
			})
			if err != nil || seen != limit {
				t.Errorf("Scan(reverse %v) called yield %d times, error %v; want %d", reverse, seen, err, limit)
			}
		}
	}
}

func scanNested(t *testing.T, b state.Backend) {
	fill(t, b, 100)
	seen := 0
	err := b.Scan(nil, nil, false, func(key, value []byte) bool {
		wantValue(t, b, string(key), string(value))
		wantKeys(t, b, key, append(append([]byte(nil), key...), 0), string(key))
		put(t, b, "copy/"+string(key), string(value))
		wantValue(t, b, "copy/"+string(key), string(value))
		seen++
		return seen < 100
	})
	if err = errors.Join(err, b.Flush()); err != nil || seen != 100 {
		t.Errorf("Scan called yield %d times, error %v; want 100", seen, err)
	}
}

// fill sets n numbered keys.
func fill(t testing.TB, b state.Backend, n int) {
	t.Helper()
	commit(t, b, func(batch state.Batch) {
		for i := range n {
			batch.Set([]byte(numbered(i)), []byte(numbered(i)))
		}
	})
}

func numbered(i int) string { return fmt.Sprintf("key%06d", i) }
