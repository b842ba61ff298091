package state_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/serde"
	"github.com/tidemill/tidemill/state"
)

func openTimeBuffer(tb testing.TB, outbox *record.Outbox) (*state.TimeBuffer[string, string], state.Backend) {
	tb.Helper()
	space, backend := openSpace(tb)
	s := state.NewTimeBuffer("j-Buffer", serde.String(), serde.String(), state.Options{
		Space: space, Capacity: 1 << 20, Log: &state.Changelog{Outbox: outbox, Topic: "log", Number: 1},
	})
	s.Clock = func() int64 { return 1_700_000_000_000 }
	return s, backend
}

func await(tb testing.TB, s *state.TimeBuffer[string, string], key, value string, ts, offset int64) {
	tb.Helper()
	r := record.Record[string, string]{Key: key, Value: value, Timestamp: ts, Headers: record.Headers{{Key: "h", Value: []byte("x")}}}
	if err := s.Put(r, record.Metadata{Topic: "s", Offset: offset}); err != nil {
		tb.Fatal(err)
	}
}

// release removes all that are due and returns what they were.
func release(tb testing.TB, s *state.TimeBuffer[string, string], until int64) (out []string) {
	tb.Helper()
	for {
		b, ok, err := s.First(until)
		if err != nil {
			tb.Fatal(err)
		}
		if !ok {
			return out
		}
		out = append(out, fmt.Sprintf("%s=%s@%d", b.Key, b.Value, b.Timestamp))
		if err := s.RemoveFirst(); err != nil {
			tb.Fatal(err)
		}
	}
}

// The records are those that Kafka Streams 4.3.1 wrote for the same stream.
func TestTimeBufferLogsAsKafkaStreamsDoes(t *testing.T) {
	var outbox record.Outbox
	s, _ := openTimeBuffer(t, &outbox)
	await(t, s, "k", "sv", 6, 0)
	await(t, s, "k", "sv2", 20, 1)
	if have := release(t, s, 10); !slices.Equal(have, []string{"k=sv@6"}) {
		t.Errorf("released %v", have)
	}
	have := rendered(&outbox)
	want := []string{
		"log/0 0000000000000000066b00000001=000000000000000600000000000000000000000173000000000000000100000001680000000178ffffffffffffffff0000000273760000000000000000@1700000000000",
		"log/0 0000000000000000146b00000002=000000000000001400000000000000010000000173000000000000000100000001680000000178ffffffffffffffff000000037376320000000000000000@1700000000000",
		"log/0 0000000000000000066b00000001=null@1700000000000",
	}
	if !slices.Equal(have, want) {
		t.Errorf("the changelog is\n%s\nwant\n%s", strings.Join(have, "\n"), strings.Join(want, "\n"))
	}
}

// Kafka Streams 4.3.1 turns keys around when it restores, which has lost it records.
// The third key is what became of the first in a test of it with a real broker, and
// the tombstone is what it wrote when it then released the record.
func TestTimeBufferRestoresWhatKafkaStreamsHasTurnedAround(t *testing.T) {
	value := func(ts, text string) []byte {
		return unhex(t, "00000000000000"+ts+"0000000000000000 00000001 73 00000000 00000000 ffffffff ffffffff 00000001"+text+"0000000000000000")
	}
	for _, c := range []struct {
		name string
		log  []record.Raw
		want []string
	}{
		{"rows as they should be", []record.Raw{
			{Key: unhex(t, "00 0000000000000006 6b 00000001"), Value: value("06", "61")},
			{Key: unhex(t, "00 0000000000000006 00000000"), Value: value("06", "62")},
			{Key: unhex(t, "00 0000000000000006 6b 00000001")},
		}, []string{"=b@6"}},
		{"a row under the key that it was turned into", []record.Raw{
			{Key: unhex(t, "00 000000000000066b 0000 00000001"), Value: value("06", "61")},
		}, []string{"k=a@6"}},
		{"a row, and a tombstone under the key that it was turned into", []record.Raw{
			{Key: unhex(t, "00 0000000000000006 6b 00000001"), Value: value("06", "61")},
			{Key: unhex(t, "00 000000000000066b 0000 00000001")},
		}, []string{"k=a@6"}},
		{"a row under either key, which is one row", []record.Raw{
			{Key: unhex(t, "00 0000000000000006 6b 00000001"), Value: value("06", "61")},
			{Key: unhex(t, "00 000000000000066b 0000 00000001"), Value: value("06", "62")},
		}, []string{"k=b@6"}},
		{"a key with another timestamp than its value is taken as it is", []record.Raw{
			{Key: unhex(t, "00 0000000000000007 6b 00000001"), Value: value("06", "61")},
		}, []string{"k=a@7"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, _ := openTimeBuffer(t, &record.Outbox{})
			replay(t, s.Lifecycle(), c.log)
			if have := release(t, s, 100); !slices.Equal(have, c.want) {
				t.Errorf("released %v, want %v", have, c.want)
			}
		})
	}
}

func replay(tb testing.TB, l state.Lifecycle, log []record.Raw) {
	tb.Helper()
	b := l.Space().NewBatch()
	if err := state.Replay(l, b, slices.Values(log)); err != nil {
		tb.Fatal(err)
	}
	if err := b.Commit(); err != nil {
		tb.Fatal(err)
	}
}

// Kafka Streams begins to count anew, and a record that has the time, key and number
// of one that waits replaces it.
func TestTimeBufferCountsOnAfterItWasRestored(t *testing.T) {
	var outbox record.Outbox
	s, _ := openTimeBuffer(t, &outbox)
	await(t, s, "k", "first", 6, 0)
	var log []record.Raw
	for _, batch := range outbox.Take(nil) {
		for _, out := range batch.Outputs {
			log = append(log, record.Raw{Key: out.Key, Value: out.Value})
		}
	}
	again, _ := openTimeBuffer(t, &outbox)
	replay(t, again.Lifecycle(), log)
	await(t, again, "k", "second", 6, 1)
	if have, want := release(t, again, 6), []string{"k=first@6", "k=second@6"}; !slices.Equal(have, want) {
		t.Errorf("released %v, want %v", have, want)
	}
}

func TestTimeBufferSaysWhatIsWrong(t *testing.T) {
	s, backend := openTimeBuffer(t, &record.Outbox{})
	if err := state.Replay(s.Lifecycle(), s.Space().NewBatch(), slices.Values([]record.Raw{{Key: []byte("short"), Value: []byte("v")}})); err == nil || !strings.Contains(err.Error(), `store "j-Buffer": the key of a buffered record has 5 bytes, want at least 13`) {
		t.Errorf("a short key: error %v", err)
	}
	for name, value := range map[string]string{
		"is damaged":   "0000000000000006",
		"has no value": "0000000000000006 0000000000000000 00000000 00000000 00000000 ffffffff ffffffff ffffffff",
	} {
		replay(t, s.Lifecycle(), []record.Raw{{Key: unhex(t, "00 0000000000000006 6b 00000001"), Value: unhex(t, value)}})
		if _, _, err := s.First(100); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("value %q: error %v, want one that it %s", value, err, name)
		}
	}
	if err := backend.Close(); err != nil {
		t.Fatal(err)
	}
	closed := state.NewTimeBuffer("j-Buffer", serde.String(), serde.String(), state.Options{Space: s.Space()})
	_, _, first := closed.First(1)
	for call, err := range map[string]error{
		"First":      first,
		"Put":        closed.Put(record.Record[string, string]{Key: "k", Value: "v"}, record.Metadata{}),
		"Checkpoint": closed.Checkpoint(backend.NewBatch()),
		"Replay":     closed.Replay(backend.NewBatch(), slices.Values([]record.Raw{})),
	} {
		var fault *state.BackendError
		if !errors.As(err, &fault) || !errors.Is(err, state.ErrClosed) {
			t.Errorf("%s on a closed backend: %v, want a BackendError with ErrClosed", call, err)
		}
	}
}

func ExampleTimeBuffer() {
	space := exampleSpace()
	late := state.NewTimeBuffer("late", serde.String(), serde.String(), state.Options{Space: space, Capacity: 1 << 20})
	for i, value := range []string{"c", "a", "b"} {
		at := []int64{300, 100, 200}[i]
		_ = late.Put(record.Record[string, string]{Key: "k", Value: value, Timestamp: at}, record.Metadata{Topic: "in"})
	}
	for {
		waiting, ok, _ := late.First(250)
		if !ok {
			break
		}
		fmt.Println(waiting.Value, "of", waiting.Timestamp)
		_ = late.RemoveFirst()
	}
	// Output:
	// a of 100
	// b of 200
}
