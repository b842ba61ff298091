package topologytest_test

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strconv"
	"testing"

	"github.com/tidemill/tidemill/state"
	"github.com/tidemill/tidemill/topologytest"
	"github.com/tidemill/tidemill/window"
)

// encoded is a golden key or value as it is in a topic.
func encoded(t *testing.T, kind string, v json.RawMessage) []byte {
	switch v := decoded(t, kind, v).(type) {
	case string:
		return []byte(v)
	case int64:
		return binary.BigEndian.AppendUint64(nil, uint64(v))
	default:
		return nil
	}
}

// decoded is a golden key or value: a string, an int64 or nil.
func decoded(t *testing.T, kind string, v json.RawMessage) any {
	t.Helper()
	var text *string
	var number *int64
	var err error
	switch kind {
	case "string":
		err = json.Unmarshal(v, &text)
	case "int64":
		err = json.Unmarshal(v, &number)
	default:
		t.Fatalf("unknown type %q", kind)
	}
	switch {
	case err != nil:
		t.Fatal(err)
	case text != nil:
		return *text
	case number != nil:
		return *number
	}
	return nil
}

// show writes a key or value so that null, text and numbers differ.
func show(v any) string {
	switch v := v.(type) {
	case string:
		return strconv.Quote(v)
	case *string:
		if v != nil {
			return strconv.Quote(*v)
		}
	case int64:
		return strconv.FormatInt(v, 10)
	case *int64:
		if v != nil {
			return strconv.FormatInt(*v, 10)
		}
	}
	return "null"
}

// line is one output or row to be compared.
type line struct {
	key, value any
	windowed   bool
	start, end int64
	ts         int64
	step       int
}

func lineOfOutput(l line) string {
	return fmt.Sprintf("%s = %s @%d, step %d", l.keyText(), show(l.value), l.ts, l.step)
}

func lineOfRow(l line) string { return fmt.Sprintf("%s = %s @%d", l.keyText(), show(l.value), l.ts) }

func (l line) keyText() string {
	if !l.windowed {
		return show(l.key)
	}
	return fmt.Sprintf("%s in %d-%d", show(l.key), l.start, l.end)
}

// goldenLines are rows as the scenario has them.
func goldenLines(t *testing.T, types goldenTypes, rows []goldenRow, text func(line) string) []string {
	var lines []string
	for _, r := range rows {
		l := line{key: decoded(t, types.Key, r.Key), value: decoded(t, types.Value, r.Value), ts: r.TS, step: r.Step}
		if r.Window != nil {
			l.windowed, l.start, l.end = true, r.Window.Start, r.Window.End
		}
		lines = append(lines, text(l))
	}
	return lines
}

// outputLines are the records of a topic.
func outputLines(t *testing.T, d *topologytest.Driver, topic string, types goldenTypes) []string {
	switch types {
	case goldenTypes{"string", "string", ""}:
		return plainOutput[string, string](d, topic)
	case goldenTypes{"string", "int64", ""}:
		return plainOutput[string, int64](d, topic)
	case goldenTypes{"int64", "string", ""}:
		return plainOutput[int64, string](d, topic)
	case goldenTypes{"int64", "int64", ""}:
		return plainOutput[int64, int64](d, topic)
	}
	switch types {
	case goldenTypes{"string", "string", "time"}, goldenTypes{"string", "string", "session"}:
		return windowedOutput[string, string](d, topic)
	case goldenTypes{"string", "int64", "time"}, goldenTypes{"string", "int64", "session"}:
		return windowedOutput[string, int64](d, topic)
	}
	t.Fatalf("topic %q: no reader for %+v", topic, types)
	return nil
}

func plainOutput[K, V any](d *topologytest.Driver, topic string) []string {
	var lines []string
	for _, r := range d.Output[K, V](topic).All() {
		lines = append(lines, lineOfOutput(lineOf(r)))
	}
	return lines
}

func windowedOutput[K, V any](d *topologytest.Driver, topic string) []string {
	var lines []string
	for _, r := range d.Output[window.Key[K], V](topic).All() {
		l := lineOf(r)
		l.key, l.windowed, l.start, l.end = r.Key.Key, true, r.Key.Start, r.Key.End
		lines = append(lines, lineOfOutput(l))
	}
	return lines
}

func lineOf[K, V any](r topologytest.Record[K, V]) line {
	l := line{key: r.Key, value: r.Value, ts: r.Timestamp, step: r.Step}
	if r.NullKey {
		l.key = nil
	}
	if r.Tombstone {
		l.value = nil
	}
	return l
}

// compare compares the rows of a store. Its values may be pointers, where the
// topology needs null.
func (s goldenStore) compare(t *testing.T, d *topologytest.Driver, name string) {
	types := goldenTypes{Key: s.Key, Value: s.Value}
	want := goldenLines(t, types, s.Entries, lineOfRow)
	var got []string
	switch stores := d.Stores[any](name); stores[0].(type) {
	case *state.KeyValue[string, string]:
		got = s.keyValue[string, string](d, name)
	case *state.KeyValue[string, *string]:
		got = s.keyValue[string, *string](d, name)
	case *state.KeyValue[string, int64]:
		got = s.keyValue[string, int64](d, name)
	case *state.KeyValue[int64, int64]:
		got = s.keyValue[int64, int64](d, name)
	case *state.Window[string, string]:
		got = s.window[string, string](d, name)
	case *state.Window[string, *string]:
		got = s.window[string, *string](d, name)
	case *state.Window[string, int64]:
		got = s.window[string, int64](d, name)
	case *state.Versioned[string, string]:
		s.versioned[string](t, d, name)
		return
	case *state.Versioned[string, *string]:
		s.versioned[*string](t, d, name)
		return
	case *state.Session[string, string]:
		got = s.spans(d.Session[string, string](name).All())
	case *state.Session[string, int64]:
		got = s.spans(d.Session[string, int64](name).All())
	case *state.Sliding[string, string]:
		got = s.spans(d.Sliding[string, string](name).All())
	case *state.Sliding[string, int64]:
		got = s.spans(d.Sliding[string, int64](name).All())
	default:
		t.Fatalf("store %q: no reader for a %T", name, stores[0])
	}
	compare(t, "store "+name, got, want)
}

func (s goldenStore) keyValue[K, V any](d *topologytest.Driver, name string) []string {
	var lines []string
	for _, row := range d.KeyValue[K, V](name).All() {
		l := line{key: row.Key, value: row.Value, ts: row.Timestamp}
		if s.Kind == "plainKeyValue" {
			l.ts = 0
		}
		lines = append(lines, lineOfRow(l))
	}
	return lines
}

// window lists the rows of a window store, which knows only where windows start:
// all of them are as long as those of the scenario.
func (s goldenStore) window[K, V any](d *topologytest.Driver, name string) []string {
	var size int64
	if len(s.Entries) > 0 {
		size = s.Entries[0].Window.End - s.Entries[0].Window.Start
	}
	var lines []string
	for _, row := range d.Window[K, V](name).All() {
		lines = append(lines, lineOfRow(line{
			key: row.Key.Key, windowed: true, start: row.Key.Start, end: row.Key.Start + size, value: row.Value, ts: row.Timestamp,
		}))
	}
	return lines
}

// spans lists the rows of a store of sessions, which have no timestamps, or of
// sliding windows.
func (s goldenStore) spans[K, V any](rows []state.Item[state.Span[K], V]) []string {
	var lines []string
	for _, row := range rows {
		l := line{key: row.Key.Key, windowed: true, start: row.Key.Start, end: row.Key.End, value: row.Value, ts: row.Timestamp}
		if s.Kind == "session" {
			l.ts = 0
		}
		lines = append(lines, lineOfRow(l))
	}
	return lines
}
