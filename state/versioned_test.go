package state_test

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/serde"
	"github.com/tidemill/tidemill/state"
	"github.com/tidemill/tidemill/state/memory"
)

func unhex(tb testing.TB, text string) []byte {
	tb.Helper()
	data, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		tb.Fatal(err)
	}
	return data
}

// openSpace returns a place in a new backend that keeps everything in memory.
func openSpace(tb testing.TB) (state.Space, state.Backend) {
	tb.Helper()
	backend := memory.New()
	directory, err := state.OpenDirectory(backend)
	if err != nil {
		tb.Fatal(err)
	}
	space, err := directory.Space("store", 0)
	if err != nil {
		tb.Fatal(err)
	}
	return space, backend
}

func openPrices(tb testing.TB, retention int64, outbox *record.Outbox) (*state.Versioned[string, string], state.Backend) {
	tb.Helper()
	space, backend := openSpace(tb)
	return state.NewVersioned("prices", retention, serde.String(), serde.String(), state.Options{
		Space: space, Capacity: 1 << 20, Log: &state.Changelog{Outbox: outbox, Topic: "prices-changelog", Partition: 2, Number: 1},
	}), backend
}

// rendered are the outputs that wait, as "key=value@timestamp", in hexadecimal.
func rendered(outbox *record.Outbox) []string {
	var lines []string
	for _, batch := range outbox.Take(nil) {
		for _, out := range batch.Outputs {
			value := "null"
			if out.Value != nil {
				value = fmt.Sprintf("%x", out.Value)
			}
			line := fmt.Sprintf("%s/%d %x=%s@%d", out.Topic, out.Partition, out.Key, value, out.Timestamp)
			for _, h := range out.Headers {
				line += " " + h.Key
			}
			lines = append(lines, line)
		}
	}
	return lines
}

// The records are those that Kafka Streams 4.3.1 writes for the same puts.
func TestVersionedLogsEveryPutAsKafkaStreamsDoes(t *testing.T) {
	var outbox record.Outbox
	s, _ := openPrices(t, 100, &outbox)
	for _, put := range []struct {
		value    string
		ts, to   int64
		accepted bool
	}{{"v1", 5, state.Forever, true}, {"v0", 3, 5, true}, {"v2", 500, state.Forever, true}, {"late", 399, 0, false}, {"edge", 400, 500, true}} {
		to, accepted, err := s.Put("k", put.value, put.ts)
		if err != nil || to != put.to || accepted != put.accepted {
			t.Errorf("Put(%s, %d) = %d, %v, %v; want %d, %v", put.value, put.ts, to, accepted, err, put.to, put.accepted)
		}
	}
	if _, _, err := s.Delete("k", 700); err != nil {
		t.Fatal(err)
	}
	have := rendered(&outbox)
	want := []string{
		"prices-changelog/2 6b=7631@5",
		"prices-changelog/2 6b=7630@3",
		"prices-changelog/2 6b=7632@500",
		"prices-changelog/2 6b=6c617465@399",
		"prices-changelog/2 6b=65646765@400",
		"prices-changelog/2 6b=null@700",
	}
	if !slices.Equal(have, want) {
		t.Errorf("the changelog is\n%s\nwant\n%s", strings.Join(have, "\n"), strings.Join(want, "\n"))
	}
}

func TestVersionedLogsTheNewestVersionAgainBehindOlderOnes(t *testing.T) {
	var outbox record.Outbox
	s, _ := openPrices(t, 100, &outbox)
	put := func(key, value string, ts int64) {
		t.Helper()
		if _, _, err := s.Put(key, value, ts); err != nil {
			t.Fatal(err)
		}
	}
	put("older", "b", 20)
	put("older", "a", 10)
	put("overtaken", "b", 20)
	put("overtaken", "a", 10)
	put("overtaken", "c", 30)
	put("rejected", "a", 10)
	put("time", "a", 300)
	put("rejected", "b", 150)
	put("nothing", "a", 150)
	outbox.Take(nil)
	for {
		more, err := s.Lifecycle().FlushLog()
		if err != nil {
			t.Fatal(err)
		}
		if !more {
			break
		}
	}
	have := rendered(&outbox)
	slices.Sort(have)
	want := []string{
		"prices-changelog/2 6e6f7468696e67=null@150 __tidemill.newest",
		"prices-changelog/2 6f6c646572=62@20 __tidemill.newest",
		"prices-changelog/2 72656a6563746564=61@10 __tidemill.newest",
	}
	if !slices.Equal(have, want) {
		t.Errorf("flushed\n%s\nwant\n%s", strings.Join(have, "\n"), strings.Join(want, "\n"))
	}
}

func TestVersionedRefusesWhatCannotBe(t *testing.T) {
	s, backend := openPrices(t, 100, &record.Outbox{})
	if _, _, err := s.Put("k", "v", -1); err == nil || !strings.Contains(err.Error(), "not negative") {
		t.Errorf("Put at -1: %v, want an error that asks for another timestamp", err)
	}
	if _, _, err := s.Lifecycle().Row([]byte("k"), []byte("v"), 1); err == nil || !strings.Contains(err.Error(), "replayed") {
		t.Errorf("Row: %v, want an error that points to Replay", err)
	}
	if err := backend.Close(); err != nil {
		t.Fatal(err)
	}
	reopened := state.NewVersioned("prices", 100, serde.String(), serde.String(), state.Options{Space: s.Lifecycle().Space()})
	_, _, get := reopened.Get("k")
	_, _, asOf := reopened.GetAsOf("k", 1)
	_, _, put := reopened.Put("k", "v", 1)
	_, _, del := reopened.Delete("k", 1)
	errs := map[string]error{"Get": get, "GetAsOf": asOf, "Put": put, "Delete": del, "Checkpoint": reopened.Lifecycle().Checkpoint(backend.NewBatch())}
	for _, err := range reopened.History("k", 0, 1) {
		errs["History"] = err
	}
	for _, err := range reopened.ReverseHistory("k", 0, 1) {
		errs["ReverseHistory"] = err
	}
	for _, err := range reopened.All() {
		errs["All"] = err
	}
	if len(errs) != 8 {
		t.Errorf("%d calls gave an error, want 8: %v", len(errs), errs)
	}
	for call, err := range errs {
		var fault *state.BackendError
		if !errors.As(err, &fault) || !errors.Is(err, state.ErrClosed) {
			t.Errorf("%s on a closed backend: %v, want a BackendError with ErrClosed", call, err)
		}
	}
}

// exampleSpace is where an example keeps its store.
func exampleSpace() state.Space {
	directory, _ := state.OpenDirectory(memory.New())
	space, _ := directory.Space("example", 0)
	return space
}

func ExampleVersioned() {
	prices := state.NewVersioned("prices", 1000, serde.String(), serde.Int64(), state.Options{Space: exampleSpace(), Capacity: 1 << 20})

	_, _, _ = prices.Put("tea", 3, 100)
	_, _, _ = prices.Put("tea", 5, 300)
	to, accepted, _ := prices.Put("tea", 4, 200) // late, but within the history
	fmt.Println("4 lasts until", to, accepted)
	_, _, _ = prices.Delete("tea", 400)

	for version, err := range prices.History("tea", 250, 500) {
		if err != nil {
			fmt.Println(err)
		}
		fmt.Println(version.Value, "from", version.From, "to", version.To)
	}
	_, found, _ := prices.Get("tea")
	fmt.Println("sold now:", found)
	// Output:
	// 4 lasts until 300 true
	// 4 from 200 to 300
	// 5 from 300 to 400
	// sold now: false
}
