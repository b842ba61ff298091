package state_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/serde"
	"github.com/tidemill/tidemill/state"
	"github.com/tidemill/tidemill/window"
)

// buffering is a buffer of texts, with its changelog.
type buffering[K any] struct {
	*state.Buffer[K, string]
	t      testing.TB
	space  state.Space
	outbox *record.Outbox
	offset int64
}

func openBuffer[K any](tb testing.TB, space state.Space, key serde.Serde[K], timeOf func(K) int64) *buffering[K] {
	b := &buffering[K]{t: tb, space: space, outbox: &record.Outbox{}}
	b.Buffer = state.NewBuffer("held", key, serde.String(), timeOf, state.Options{
		Space: space, Capacity: 1 << 16, Log: &state.Changelog{Outbox: b.outbox, Topic: "held-changelog", Number: 1},
	})
	b.Clock = func() int64 { return 7 }
	return b
}

// limited is a buffer of a time limit: rows come with their times.
func limited(tb testing.TB) *buffering[string] {
	space, _ := openSpace(tb)
	return openBuffer(tb, space, serde.String(), nil)
}

// update puts an update of a record of topic "in"; empty texts are null.
func (b *buffering[K]) update(key K, old, next string, at int64, headers ...record.Header) {
	b.t.Helper()
	err := b.Put(key, state.Held[string]{
		Old: old, HasOld: old != "", New: next, HasNew: next != "", Time: at, Timestamp: at,
		Source: record.Metadata{Topic: "in", Offset: b.offset}, Headers: headers,
	})
	if err != nil {
		b.t.Fatal(err)
	}
	b.offset++
}

// due takes out all rows that are due, as text.
func (b *buffering[K]) due(until int64) (rows []string) {
	b.t.Helper()
	for {
		key, row, ok, err := b.Next(until)
		if err != nil {
			b.t.Fatal(err)
		}
		if !ok {
			return rows
		}
		rows = append(rows, fmt.Sprintf("%v=%s>%s@%d", key, row.Prior, row.New, row.Timestamp))
	}
}

// flush logs, and returns the records as key=value in hexadecimal, those with the mark
// of the present format with "v3 " before them.
func (b *buffering[K]) flush() (records []record.Raw, lines []string) {
	b.t.Helper()
	for {
		logged, err := b.Lifecycle().FlushLog()
		if err != nil {
			b.t.Fatal(err)
		}
		if !logged {
			break
		}
		if err := b.Lifecycle().FlushForward(); err != nil {
			b.t.Fatal(err)
		}
	}
	for _, batch := range b.outbox.Take(nil) {
		for _, out := range batch.Outputs {
			line := fmt.Sprintf("%x=%x", out.Key, out.Value)
			if out.Timestamp != 7 {
				line += fmt.Sprintf(" at %d, not by the clock", out.Timestamp)
			}
			if len(out.Headers) > 0 && out.Headers[0].Key == "v" && string(out.Headers[0].Value) == "\x03" {
				line = "v3 " + line
			}
			lines = append(lines, line)
			records = append(records, record.Raw{Key: out.Key, Value: out.Value, Headers: out.Headers, Timestamp: out.Timestamp})
		}
	}
	return records, lines
}

func (b *buffering[K]) replay(records ...record.Raw) error {
	batch := b.space.NewBatch()
	if err := state.Replay(b.Lifecycle(), batch, slices.Values(records)); err != nil {
		batch.Discard()
		return err
	}
	return batch.Commit()
}

func wantLines(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func header(key string, value []byte) record.Header { return record.Header{Key: key, Value: value} }

// The changelog is what Kafka Streams 4.3.1 writes for the same updates of a table
// behind suppress(untilTimeLimit(10 ms)), committed after each.
func TestABufferLogsTheBytesOfKafkaStreams(t *testing.T) {
	b := limited(t)
	for _, step := range []struct {
		key, old, next string
		at             int64
		headers        []record.Header
		due, log       []string
	}{
		{
			key: "a", next: "1", at: 5, headers: []record.Header{header("h", []byte("x"))},
			log: []string{"v3 61=0000000000000005000000000000000000000002696e000000000000000100000001680000000178ffffffffffffffff00000001310000000000000005"},
		},
		{
			key: "a", old: "1", next: "22", at: 6, headers: []record.Header{header("h", []byte("y")), header("n", nil)},
			log: []string{"v3 61=0000000000000006000000000000000100000002696e000000000000000200000001680000000179000000016effffffffffffffff00000001310000000232320000000000000005"},
		},
		{
			key: "b", next: "1", at: 7,
			log: []string{"v3 62=0000000000000007000000000000000200000002696e0000000000000000ffffffffffffffff00000001310000000000000007"},
		},
		{
			key: "a", old: "22", at: 8,
			log: []string{"v3 61=0000000000000008000000000000000300000002696e0000000000000000ffffffff000000023232ffffffff0000000000000005"},
		},
		{
			key: "c", next: "1", at: 15, due: []string{"a=>@8"},
			log: []string{"61=", "v3 63=000000000000000f000000000000000400000002696e0000000000000000ffffffffffffffff0000000131000000000000000f"},
		},
		{
			key: "c", old: "1", next: "2", at: 16,
			log: []string{"v3 63=0000000000000010000000000000000500000002696e0000000000000000ffffffff00000001310000000132000000000000000f"},
		},
		{
			key: "a", next: "1", at: 17, due: []string{"b=>1@7"},
			log: []string{"v3 61=0000000000000011000000000000000600000002696e0000000000000000ffffffffffffffff00000001310000000000000011", "62="},
		},
		{
			key: "a", old: "1", at: 17,
			log: []string{"v3 61=0000000000000011000000000000000700000002696e0000000000000000ffffffff0000000131ffffffff0000000000000011"},
		},
		{
			key: "b", old: "1", next: "3", at: 30, due: []string{"c=>2@16", "a=>@17"},
			log: []string{
				"61=", "v3 62=000000000000001e000000000000000800000002696e00000000000000000000000131fffffffe0000000133000000000000001e", "63=",
			},
		},
		{
			key: "b", old: "3", next: "1", at: 31,
			log: []string{"v3 62=000000000000001f000000000000000900000002696e0000000000000000000000013100000001330000000131000000000000001e"},
		},
		{
			key: "b", old: "1", next: "1", at: 32,
			log: []string{"v3 62=0000000000000020000000000000000a00000002696e00000000000000000000000131fffffffe0000000131000000000000001e"},
		},
	} {
		b.update(step.key, step.old, step.next, step.at, step.headers...)
		wantLines(t, b.due(step.at-10), step.due...)
		_, lines := b.flush()
		slices.SortFunc(lines, func(x, y string) int {
			return strings.Compare(strings.TrimPrefix(x, "v3 "), strings.TrimPrefix(y, "v3 "))
		})
		wantLines(t, lines, step.log...)
	}
}

// As TimeWindowedSerializer and SessionWindowedSerializer write the keys.
func TestABufferOfWindowsLogsTheKeyAloneAndTheWindowsEnd(t *testing.T) {
	space, _ := openSpace(t)
	b := openBuffer(t, space, window.Serde(serde.String(), 10), func(k window.Key[string]) int64 { return k.End })
	key := window.Key[string]{Key: "k", Start: 20, End: 30}
	b.update(key, "", "1", 25, header("h", []byte("x")))
	_, lines := b.flush()
	wantLines(t, lines, "v3 6b0000000000000014=0000000000000019000000000000000000000002696e000000000000000100000001680000000178ffffffffffffffff0000000131000000000000001e")
	wantLines(t, b.due(29))
	wantLines(t, b.due(30), "[k@20/30]=>1@25")
	_, lines = b.flush()
	wantLines(t, lines, "6b0000000000000014=")
}

// What Kafka Streams 4.3.1 emits early for the same updates with maxBytes(160).
func TestABufferCountsBytesAsKafkaStreamsDoes(t *testing.T) {
	b := limited(t)
	if err := b.Measure(true); err != nil {
		t.Fatal(err)
	}
	const long = "012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
	var out []string
	for _, u := range []struct {
		key, old, next string
		at             int64
		headers        []record.Header
	}{
		{"a", "", "1", 5, nil},
		{"b", "", "22", 6, []record.Header{header("h", []byte("y")), header("n", nil)}},
		{"a", "1", "333", 7, nil},
		{"c", "", "0123456789", 8, nil},
		{"d", "", "1", 9, nil},
		{"a", "333", "4", 10, nil},
		{"b", "22", "1", 11, nil},
		{"e", "", long, 12, nil},
		{"a", "4", "1", 13, nil},
		{"é", "", "é", 14, nil},
		{"f", "", "1", 15, nil},
		{"g", "", "1", 16, []record.Header{header("hé", []byte("1"))}},
	} {
		b.update(u.key, u.old, u.next, u.at, u.headers...)
		for _, bytes := b.Size(); bytes > 160; _, bytes = b.Size() {
			key, row, _, err := b.Next(math.MaxInt64)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, fmt.Sprintf("%d:%s@%d", u.at, key, row.Timestamp))
		}
	}
	wantLines(t, out, "12:a@10", "12:b@11", "12:c@8", "12:d@9", "13:e@12")
	if rows, bytes := b.Size(); rows != 4 || bytes != 134 {
		t.Errorf("%d rows and %d bytes are left, want 4 and 134", rows, bytes)
	}
}

// Counting [102/100] bytes, Kafka Streams 4.3.1 shuts down for these.
func TestABufferCountsTheBytesOfWindowsToo(t *testing.T) {
	space, _ := openSpace(t)
	b := openBuffer(t, space, window.Serde(serde.String(), 10), func(k window.Key[string]) int64 { return k.End })
	if err := b.Measure(true); err != nil {
		t.Fatal(err)
	}
	b.update(window.Key[string]{Key: "a", End: 10}, "", "8 bytes.", 5, header("h", []byte("x")))
	b.update(window.Key[string]{Key: "a", End: 10}, "8 bytes.", "8 bytes.", 6)
	b.update(window.Key[string]{Key: "b", End: 10}, "", "8 bytes.", 7)
	if rows, bytes := b.Size(); rows != 2 || bytes != 102 {
		t.Errorf("the buffer has %d rows and %d bytes, want 2 and 102", rows, bytes)
	}
}

func TestABufferPassesOverWhatCameAndWentBetweenTwoFlushes(t *testing.T) {
	b := limited(t)
	b.update("a", "", "1", 5)
	wantLines(t, b.due(5), "a=>1@5")
	_, lines := b.flush()
	wantLines(t, lines)
}

func TestPriorIsWhatWasPassedOnLast(t *testing.T) {
	b := limited(t)
	check := func(want string, has, held bool) {
		t.Helper()
		if prior, h, is, err := b.Prior("a"); prior != want || h != has || is != held || err != nil {
			t.Errorf("Prior = %q, %v, %v, %v; want %q, %v, %v", prior, h, is, err, want, has, held)
		}
	}
	check("", false, false)
	b.update("a", "", "1", 1)
	b.update("a", "1", "2", 2)
	check("", false, true)
	wantLines(t, b.due(1), "a=>2@2")
	check("", false, false)
	b.update("a", "2", "3", 3)
	b.update("a", "3", "4", 4)
	check("2", true, true)
}
