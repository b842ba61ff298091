package statetest

import (
	"testing"

	"github.com/tidemill/tidemill/state"
)

var rangeChecks = []check{
	{"DeleteRange includes from and excludes to", func(t *testing.T, b state.Backend) {
		put(t, b, "a", "1", "b", "2", "bb", "3", "c", "4", "d", "5")
		deleteRange(t, b, []byte("b"), []byte("d"))
		wantKeys(t, b, nil, nil, "a", "d")
		wantNone(t, b, "bb")
		put(t, b, "bb", "6")
		wantKeys(t, b, nil, nil, "a", "bb", "d")
	}},
	{"DeleteRange handles 0x00 and 0xff bytes", func(t *testing.T, b state.Backend) {
		put(t, b, "\x00", "1", "a", "2", "a\x00", "3", "a\xff", "4", "b", "5", "\xff", "6", "\xff\xff", "7")
		deleteRange(t, b, []byte("a\x00"), []byte("b"))
		wantKeys(t, b, nil, nil, "\x00", "a", "b", "\xff", "\xff\xff")
		deleteRange(t, b, nil, []byte("a"))
		wantKeys(t, b, nil, nil, "a", "b", "\xff", "\xff\xff")
		deleteRange(t, b, []byte("b"), []byte("\xff\xff"))
		wantKeys(t, b, nil, nil, "a", "\xff\xff")
	}},
	{"DeleteRange of an empty range does nothing", func(t *testing.T, b state.Backend) {
		put(t, b, "a", "1", "b", "2")
		deleteRange(t, b, []byte("a"), []byte("a"))
		deleteRange(t, b, []byte("b"), []byte("a"))
		deleteRange(t, b, nil, []byte{})
		deleteRange(t, b, nil, nil)
		deleteRange(t, b, []byte("a"), nil)
		wantKeys(t, b, nil, nil, "a", "b")
	}},
	{"DeleteRange deletes many keys, flushed ones too", func(t *testing.T, b state.Backend) {
		fill(t, b, 20_000)
		if err := b.Flush(); err != nil {
			t.Fatal(err)
		}
		deleteRange(t, b, []byte(numbered(3)), []byte(numbered(19_998)))
		wantKeys(t, b, nil, nil, numbered(0), numbered(1), numbered(2), numbered(19_998), numbered(19_999))
		wantNone(t, b, numbered(10_000))
	}},
}

var batchChecks = []check{
	{"the writes of a batch apply in their order", writesApplyInOrder},
	{"a batch is invisible before Commit", func(t *testing.T, b state.Backend) {
		put(t, b, "a", "1")
		batch := b.NewBatch()
		batch.Set([]byte("a"), []byte("2"))
		batch.Set([]byte("b"), []byte("2"))
		batch.DeleteRange([]byte("x"), []byte("z"))
		wantValue(t, b, "a", "1")
		wantKeys(t, b, nil, nil, "a")
		if err := batch.Commit(); err != nil {
			t.Fatal(err)
		}
		wantValue(t, b, "a", "2")
		wantKeys(t, b, nil, nil, "a", "b")
	}},
	{"a discarded batch leaves no trace", func(t *testing.T, b state.Backend) {
		put(t, b, "a", "1")
		batch := b.NewBatch()
		batch.Set([]byte("a"), []byte("2"))
		batch.Delete([]byte("a"))
		batch.DeleteRange(nil, []byte("z"))
		batch.Discard()
		b.NewBatch().Discard()
		wantValue(t, b, "a", "1")
		wantKeys(t, b, nil, nil, "a")
	}},
	{"an empty batch commits", func(t *testing.T, b state.Backend) {
		put(t, b, "a", "1")
		commit(t, b, func(state.Batch) {})
		wantKeys(t, b, nil, nil, "a")
	}},
	{"a batch copies what it is given", batchCopies},
	{"batches apply in the order of their commits", func(t *testing.T, b state.Backend) {
		first, second := b.NewBatch(), b.NewBatch()
		first.Set([]byte("a"), []byte("first"))
		second.Set([]byte("a"), []byte("second"))
		for _, batch := range []state.Batch{second, first} {
			if err := batch.Commit(); err != nil {
				t.Fatal(err)
			}
		}
		wantValue(t, b, "a", "first")
	}},
	{"a batch of 200,000 writes commits", func(t *testing.T, b state.Backend) {
		fill(t, b, 200_000)
		for _, i := range []int{0, 1, 99_999, 199_999} {
			wantValue(t, b, numbered(i), numbered(i))
		}
		if n := len(scan(t, b, nil, nil, false)); n != 200_000 {
			t.Errorf("a scan yields %d keys; want 200000", n)
		}
	}},
}

func deleteRange(t testing.TB, b state.Backend, from, to []byte) {
	t.Helper()
	commit(t, b, func(batch state.Batch) { batch.DeleteRange(from, to) })
}

func writesApplyInOrder(t *testing.T, b state.Backend) {
	put(t, b, "old", "0", "x", "0")
	commit(t, b, func(batch state.Batch) {
		batch.Set([]byte("a"), []byte("1"))
		batch.Set([]byte("a"), []byte("2"))
		batch.Set([]byte("b"), []byte("1"))
		batch.Delete([]byte("b"))
		batch.Delete([]byte("c"))
		batch.Set([]byte("c"), []byte("1"))
	})
	wantValue(t, b, "a", "2")
	wantNone(t, b, "b")
	wantValue(t, b, "c", "1")
	commit(t, b, func(batch state.Batch) {
		batch.Set([]byte("before"), []byte("1"))
		batch.DeleteRange([]byte("a"), []byte("p"))
		batch.Set([]byte("after"), []byte("1"))
		batch.Set([]byte("c"), []byte("2"))
		batch.DeleteRange([]byte("c"), []byte("d"))
		batch.Set([]byte("d"), []byte("3"))
	})
	wantKeys(t, b, nil, nil, "after", "d", "x")
	wantNone(t, b, "before")
	wantNone(t, b, "c")
	wantNone(t, b, "old")
	wantValue(t, b, "after", "1")
}

func batchCopies(t *testing.T, b state.Backend) {
	key, value, from, to, gone := []byte("key"), []byte("value"), []byte("m"), []byte("p"), []byte("gone")
	put(t, b, "n", "1", "q", "1", "gone", "1")
	batch := b.NewBatch()
	batch.Set(key, value)
	batch.DeleteRange(from, to)
	batch.Delete(gone)
	for _, s := range [][]byte{key, value, from, to, gone} {
		for i := range s {
			s[i] = 'z'
		}
	}
	if err := batch.Commit(); err != nil {
		t.Fatal(err)
	}
	for i := range key {
		key[i], value[i] = 'y', 'y'
	}
	wantKeys(t, b, nil, nil, "key", "q")
	wantValue(t, b, "key", "value")
}
