package statetest

import (
	"bytes"
	"testing"

	"github.com/tidemill/tidemill/state"
)

var pointChecks = []check{
	{"a new backend is empty", func(t *testing.T, b state.Backend) {
		wantNone(t, b, "a")
		wantKeys(t, b, nil, nil)
	}},
	{"a key has the value that was set last", func(t *testing.T, b state.Backend) {
		put(t, b, "a", "1", "b", "2")
		put(t, b, "a", "3")
		wantValue(t, b, "a", "3")
		wantValue(t, b, "b", "2")
	}},
	{"a deleted key is gone until it is set again", func(t *testing.T, b state.Backend) {
		put(t, b, "a", "1", "b", "2")
		commit(t, b, func(batch state.Batch) { batch.Delete([]byte("a")) })
		wantNone(t, b, "a")
		wantKeys(t, b, nil, nil, "b")
		put(t, b, "a", "3")
		wantValue(t, b, "a", "3")
	}},
	{"deleting a key that is not there does nothing", func(t *testing.T, b state.Backend) {
		put(t, b, "b", "1")
		commit(t, b, func(batch state.Batch) { batch.Delete([]byte("a")) })
		wantKeys(t, b, nil, nil, "b")
	}},
	{"a key is found whole, not by its prefix", func(t *testing.T, b state.Backend) {
		put(t, b, "ab", "1")
		wantNone(t, b, "a")
		wantNone(t, b, "abc")
	}},
	{"an empty value is a value", func(t *testing.T, b state.Backend) {
		commit(t, b, func(batch state.Batch) {
			batch.Set([]byte("empty"), []byte{})
			batch.Set([]byte("nil"), nil)
		})
		wantValue(t, b, "empty", "")
		wantValue(t, b, "nil", "")
		wantNone(t, b, "missing")
		wantKeys(t, b, nil, nil, "empty", "nil")
	}},
	{"no key is empty", noKeyIsEmpty},
	{"Get appends to dst", getAppends},
	{"Get returns dst for a key that is not there", func(t *testing.T, b state.Backend) {
		got, ok, err := b.Get([]byte("dst"), []byte("missing"))
		if ok || err != nil || string(got) != "dst" {
			t.Errorf("Get = %q, %v, %v; want dst, false, nil", got, ok, err)
		}
	}},
	{"what Get returns belongs to the caller", func(t *testing.T, b state.Backend) {
		put(t, b, "a", "value")
		first, _, _ := b.Get(nil, []byte("a"))
		for i := range first {
			first[i] = 'x'
		}
		_ = append(first, "more"...)
		wantValue(t, b, "a", "value")
	}},
	{"long keys and values are kept", func(t *testing.T, b state.Backend) {
		key, value := bytes.Repeat([]byte("k"), 10_000), bytes.Repeat([]byte("v"), 1_000_000)
		commit(t, b, func(batch state.Batch) { batch.Set(key, value) })
		wantValue(t, b, string(key), string(value))
		wantNone(t, b, string(key[1:]))
	}},
}

func getAppends(t *testing.T, b state.Backend) {
	put(t, b, "a", "value")
	buf := make([]byte, 2, 64)
	copy(buf, "<>")
	got, ok, err := b.Get(buf, []byte("a"))
	if err != nil || !ok || string(got) != "<>value" {
		t.Fatalf("Get = %q, %v, %v; want <>value", got, ok, err)
	}
	if &got[0] != &buf[0] {
		t.Error("Get allocated although dst had room")
	}
	got, ok, err = b.Get([]byte("no room:"), []byte("a"))
	if err != nil || !ok || string(got) != "no room:value" {
		t.Errorf("Get = %q, %v, %v; want no room:value", got, ok, err)
	}
}

func noKeyIsEmpty(t *testing.T, b state.Backend) {
	put(t, b, "a", "1")
	for _, empty := range [][]byte{nil, {}} {
		batch := b.NewBatch()
		batch.Set([]byte("b"), []byte("2"))
		batch.Set(empty, []byte("3"))
		batch.Set([]byte("c"), []byte("4"))
		if err := batch.Commit(); err == nil {
			t.Error("a batch that sets an empty key was committed")
		}
		commit(t, b, func(batch state.Batch) {
			batch.Delete(empty)
			batch.DeleteRange(empty, []byte("a"))
		})
		wantNone(t, b, "")
		wantKeys(t, b, empty, nil, "a")
		if err := b.Flush(); err != nil {
			t.Fatal(err)
		}
		wantNone(t, b, "")
		wantKeys(t, b, empty, nil, "a")
	}
}
