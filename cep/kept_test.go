package cep

import (
	"bytes"
	"testing"

	"github.com/tidemill/tidemill/internal/nfa"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/serde"
)

func keeping(tb testing.TB) *keeper[[]byte] {
	tb.Helper()
	value, err := serde.Of[[]byte]()
	if err != nil {
		tb.Fatal(err)
	}
	return &keeper[[]byte]{value: value}
}

func TestAKeptEventSharesNothingWithItsRecord(t *testing.T) {
	k := keeping(t)
	value, header := []byte("value"), []byte("one")
	e, err := k.retain(nfa.Event{Value: &kept[[]byte]{value: value, timestamp: 7, headers: record.Headers{{Key: "trace", Value: header}}}})
	if err != nil {
		t.Fatal(err)
	}
	copy(value, "xxxxx")
	copy(header, "xxx")
	recalled, err := k.recall(e.Payload)
	if err != nil {
		t.Fatal(err)
	}
	for _, own := range []any{e.Value, recalled} {
		own := own.(*kept[[]byte])
		if trace, _ := own.headers.Get("trace"); string(own.value) != "value" || own.timestamp != 7 || string(trace) != "one" {
			t.Errorf("kept %q at %d with the trace %q", own.value, own.timestamp, trace)
		}
	}
}

// Whatever is recalled is kept as the same again.
func FuzzRecall(f *testing.F) {
	k := keeping(f)
	for _, headers := range []record.Headers{nil, {{Key: "trace", Value: []byte("one")}, {Key: "empty"}}} {
		e, err := k.retain(nfa.Event{Value: &kept[[]byte]{value: []byte("value"), timestamp: 1, headers: headers}})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(e.Payload)
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		recalled, err := k.recall(payload)
		if err != nil {
			return
		}
		e, err := k.retain(nfa.Event{Value: recalled})
		if err != nil {
			t.Fatal(err)
		}
		again, err := k.recall(e.Payload)
		if err != nil {
			t.Fatal(err)
		}
		a, b := recalled.(*kept[[]byte]), again.(*kept[[]byte])
		if !bytes.Equal(a.value, b.value) || a.timestamp != b.timestamp || len(a.headers) != len(b.headers) {
			t.Fatalf("recalled %v, and then %v", a, b)
		}
	})
}
