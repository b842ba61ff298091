package input

import (
	"encoding/json/v2"
	"testing"
)

func TestAValueReadsTheSameAsBytesAndAsJSON(t *testing.T) {
	m := newMaker()
	levels := map[int]int{}
	for range 1000 {
		value := m.next(100_000)
		if n := len(name('k', 1)) + len(value); n != Bytes {
			t.Fatalf("a record has %d bytes, want %d", n, Bytes)
		}
		var e Event
		if err := json.Unmarshal(value, &e, json.RejectUnknownMembers(true)); err != nil {
			t.Fatalf("%s: %v", value, err)
		}
		if Passes(value) != (e.Level >= 2) || string(User(value)) != e.User {
			t.Fatalf("%s: passes %t, user %s, but decoded %+v", value, Passes(value), User(value), e)
		}
		again, err := json.Marshal(&e)
		if err != nil || string(again) != string(value) {
			t.Fatalf("%s became %s, %v", value, again, err)
		}
		levels[e.Level]++
	}
	if len(levels) != 10 {
		t.Errorf("levels %v, want 0 to 9", levels)
	}
}

func TestACountIsDecodedAsItWasEncoded(t *testing.T) {
	for _, n := range []int64{0, 1, 1 << 40, -1} {
		if got, err := Count(AppendCount(nil, n)); err != nil || got != n {
			t.Errorf("%d became %d, %v", n, got, err)
		}
	}
	if _, err := Count([]byte("short")); err == nil {
		t.Error("5 bytes were taken for a count")
	}
}
