package state_test

import (
	"encoding/hex"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/serde"
	"github.com/tidemill/tidemill/state"
	"github.com/tidemill/tidemill/state/memory"
)

func spanOptions(t *testing.T) (state.Options, *record.Outbox) {
	t.Helper()
	directory, err := state.OpenDirectory(memory.New())
	if err != nil {
		t.Fatal(err)
	}
	space, err := directory.Space("s", 0)
	if err != nil {
		t.Fatal(err)
	}
	outbox := &record.Outbox{}
	return state.Options{Space: space, Capacity: 1 << 20, Log: &state.Changelog{Outbox: outbox, Topic: "changelog", Number: 1}}, outbox
}

func logged(outbox *record.Outbox) (lines []string) {
	for _, batch := range outbox.Take(nil) {
		for _, o := range batch.Outputs {
			lines = append(lines, fmt.Sprintf("%x=%x@%d", o.Key, o.Value, o.Timestamp))
		}
	}
	return lines
}

func wantLines(t *testing.T, got []string, want ...string) {
	t.Helper()
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// restore applies a changelog record to the backend.
func restore(t *testing.T, l state.Lifecycle, key, value string) error {
	t.Helper()
	k, err := hex.DecodeString(key)
	if err != nil {
		t.Fatal(err)
	}
	row, v, err := l.Row(k, []byte(value), 7)
	if err != nil {
		return err
	}
	batch := l.Space().NewBatch()
	batch.Set(row, v)
	return batch.Commit()
}

// The changelog's bytes are those that Kafka Streams 4.3.1 writes.
func TestASessionStoreWritesAndReadsKafkaStreamsChangelog(t *testing.T) {
	o, outbox := spanOptions(t)
	s := state.NewSession("s", 1000, serde.String(), serde.String(), o)
	e, err := s.Lookup("k", 25, 30)
	if err == nil {
		err = s.Set(e, "v", 40, nil)
	}
	if err == nil {
		err = s.Remove(e, 50, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	wantLines(t, logged(outbox), "6b000000000000001e0000000000000019=76@40", "6b000000000000001e0000000000000019=@50")

	o, _ = spanOptions(t)
	s = state.NewSession("s", 1000, serde.String(), serde.String(), o)
	if err := restore(t, s.Lifecycle(), "6b000000000000001e0000000000000019", "v"); err != nil {
		t.Fatal(err)
	}
	if v, ts, ok, err := s.Fetch("k", 25, 30); v != "v" || ts != 7 || !ok || err != nil {
		t.Errorf("Fetch = %q, %d, %v, %v, want v", v, ts, ok, err)
	}
	const want = "the changelog key of a session has 15 bytes, want at least 16"
	if err := restore(t, s.Lifecycle(), "00000000000000000000000000000a", "v"); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("a key that is too short: %v, want %q", err, want)
	}
}

func TestASlidingStoreWritesAndReadsKafkaStreamsChangelog(t *testing.T) {
	o, outbox := spanOptions(t)
	s := state.NewSliding("s", 10, 1000, serde.String(), serde.String(), o)
	told := 0
	s.OnWrite(func(*state.Written[state.Span[string], string]) error { told++; return nil })
	for _, hidden := range []bool{false, true} {
		e, err := s.Lookup("k", 20, hidden)
		if err == nil {
			err = s.Set(e, "v", 25, nil)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	// The sequence number tells a hidden window apart.
	wantLines(t, logged(outbox), "6b000000000000001400000000=76@25", "6b000000000000001400000001=76@25")
	if told != 1 {
		t.Errorf("%d writes were told of, want 1: nobody sees the hidden window", told)
	}

	o, _ = spanOptions(t)
	s = state.NewSliding("s", 10, 1000, serde.String(), serde.String(), o)
	for key, value := range map[string]string{"6b000000000000001400000000": "seen", "6b000000000000001500000001": "hidden"} {
		if err := restore(t, s.Lifecycle(), key, value); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for item, err := range s.FetchAll(0, math.MaxInt64) {
		got = append(got, fmt.Sprint(item, err))
	}
	wantLines(t, got, "{{k 20 30 false} seen 7} <nil>")
	found, err := s.Find("k", 0, 100)
	if err != nil || len(found) != 2 || !found[1].Key().Hidden() || found[1].Key().End != 31 {
		t.Errorf("Find = %v, %v, want both windows", found, err)
	}
	const want = "a window changelog key has 11 bytes, want at least 12"
	if err := restore(t, s.Lifecycle(), "0000000000000000000000", "v"); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("a key that is too short: %v, want %q", err, want)
	}
}

func TestSessionsAreReturnedInTheOrderOfTheirEnds(t *testing.T) {
	o, _ := spanOptions(t)
	s := state.NewSession("s", 1000, serde.String(), serde.String(), o)
	for _, one := range []struct {
		key        string
		start, end int64
	}{{"bb", 5, 20}, {"a", 0, 30}, {"b", 5, 20}, {"a", 7, 20}, {"a", 2, 4}} {
		if err := s.Put(one.key, one.start, one.end, "v", one.end); err != nil {
			t.Fatal(err)
		}
	}
	var all, some []string
	for item, err := range s.FetchAll(5, 6) {
		all = append(all, fmt.Sprintf("%s %d %d %v", item.Key.Key, item.Key.Start, item.Key.End, err))
	}
	wantLines(t, all, "b 5 20 <nil>", "bb 5 20 <nil>", "a 0 30 <nil>")
	for item, err := range s.FetchRange("a", 4, 7) {
		some = append(some, fmt.Sprintf("%s %d %d %v", item.Key.Key, item.Key.Start, item.Key.End, err))
	}
	wantLines(t, some, "a 2 4 <nil>", "a 7 20 <nil>", "a 0 30 <nil>")
}

func TestSessionsThatCannotBeAreIgnored(t *testing.T) {
	o, outbox := spanOptions(t)
	s := state.NewSession("s", 1000, serde.String(), serde.Bytes(), o)
	for _, one := range [][2]int64{{-1, 5}, {6, 5}} {
		if err := s.Put("k", one[0], one[1], []byte("v"), 0); err != nil {
			t.Fatal(err)
		}
	}
	wantLines(t, logged(outbox))
	for _, value := range [][]byte{[]byte("v"), nil} {
		if err := s.Put("k", 5, 6, value, 1); err != nil {
			t.Fatal(err)
		}
	}
	wantLines(t, logged(outbox), "6b00000000000000060000000000000005=76@1", "6b00000000000000060000000000000005=@1")
	if _, _, ok, err := s.Fetch("k", 5, 6); ok || err != nil {
		t.Errorf("Fetch of a session that was set to nil = %v, %v, want none", ok, err)
	}
}

func TestDamagedRowsOfSessionsAreReported(t *testing.T) {
	o, _ := spanOptions(t)
	prefix, _, err := state.NewKeyValue("s", serde.Bytes(), serde.Bytes(), o).Lifecycle().Row(nil, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	batch := o.Space.NewBatch()
	batch.Set(append(prefix, make([]byte, 20)...), []byte("12345678v"))
	if err := batch.Commit(); err != nil {
		t.Fatal(err)
	}
	s := state.NewSession("s", 1000, serde.String(), serde.String(), o)
	const want = "a stored key of 20 bytes is none of a session or sliding window: the state folder is damaged; delete it"
	for _, err := range s.FetchAll(0, 10) {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("FetchAll: %v, want %q", err, want)
		}
	}
	if _, err := s.Find("k", 0, 10); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("Find: %v, want %q", err, want)
	}
	if err := s.TrackEnds(0); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("TrackEnds: %v, want %q", err, want)
	}
}
