package connectors_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/tidemill/tidemill/connectors"
	"github.com/tidemill/tidemill/connectors/connectortest"
	"github.com/tidemill/tidemill/record"
)

var task = connectors.Task{Application: "app", Sink: "sink"}

type item = connectortest.Change

func sink(m *connectortest.Memory, options ...connectors.Option) connectors.Sink[string, string] {
	return connectors.To("sink", connectors.Target[item](m), func(r record.Record[string, string]) (item, bool, error) {
		if r.Value == "" {
			return item{}, false, nil
		}
		return item{Key: r.Key, Value: r.Value}, true, nil
	}, options...)
}

// standing is a target that stands at an offset of topic t, or at none if it is below 0.
func standing(t *testing.T, at int64) *connectortest.Memory {
	t.Helper()
	m := &connectortest.Memory{}
	if at < 0 {
		return m
	}
	w, err := sink(m).Open(t.Context(), task, []connectors.Input{{Topic: "t", Next: at, Committed: -1, End: -1}})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Batches.Close(); err != nil {
		t.Fatal(err)
	}
	return m
}

func at(offset int64) record.Metadata { return record.Metadata{Topic: "t", Offset: offset} }

func TestWhatAStartFindsDecidesWhereItBegins(t *testing.T) {
	for _, test := range []struct {
		name           string
		stands         int64
		input          connectors.Input
		loss           connectors.Loss
		begin, written int64 // the first offset that is read, and that is written
		err            error
		says           string
	}{
		{name: "a new sink of a new application begins with it", stands: -1,
			input: connectors.Input{Next: 3, Committed: -1, First: 3, End: 90}, begin: 3, written: 3},
		{name: "a target that is as far as the commit goes on", stands: 40,
			input: connectors.Input{Next: 40, Committed: 40, End: 90}, begin: 40, written: 40},
		{name: "what is ahead of the commit is read and not written", stands: 60,
			input: connectors.Input{Next: 40, Committed: 40, End: 90}, begin: 40, written: 60},
		{name: "offsets deleted from Kafka repeat nothing", stands: 60,
			input: connectors.Input{Next: 0, Committed: -1, End: 90}, begin: 0, written: 60},
		{name: "an emptied target is reported", stands: -1,
			input: connectors.Input{Next: 40, Committed: 40, End: 90}, err: connectors.ErrLost, says: "holds no position"},
		{name: "an old backup is reported", stands: 20,
			input: connectors.Input{Next: 40, Committed: 40, End: 90}, err: connectors.ErrLost, says: "stands at offset 20"},
		{name: "an emptied target is rebuilt from the first record", stands: -1, loss: connectors.Rebuild,
			input: connectors.Input{Next: 40, Committed: 40, End: 90}, begin: 0, written: 0},
		{name: "an old backup is rebuilt from where it stands", stands: 20, loss: connectors.Rebuild,
			input: connectors.Input{Next: 40, Committed: 40, First: 10, End: 90}, begin: 20, written: 20},
		{name: "records that are deleted cannot be rebuilt", stands: -1, loss: connectors.Rebuild,
			input: connectors.Input{Next: 40, Committed: 40, First: 10, End: 90}, err: connectors.ErrLost, says: "the topic begins at offset 10"},
		{name: "nor those behind an old backup", stands: 5, loss: connectors.Rebuild,
			input: connectors.Input{Next: 40, Committed: 40, First: 10, End: 90}, err: connectors.ErrLost, says: "RebuildRest"},
		{name: "unless the rest will do", stands: -1, loss: connectors.RebuildRest,
			input: connectors.Input{Next: 40, Committed: 40, First: 10, End: 90}, begin: 10, written: 10},
		{name: "a task with stores cannot go back", stands: -1, loss: connectors.Rebuild,
			input: connectors.Input{Next: 40, Committed: 40, End: 90, Fixed: true}, err: connectors.ErrLost, says: "has stores"},
		{name: "a loss is accepted", stands: 20, loss: connectors.Accept,
			input: connectors.Input{Next: 40, Committed: 40, End: 90}, begin: 40, written: 40},
		{name: "a topic that was made anew is reported", stands: 60,
			input: connectors.Input{Next: 0, Committed: -1, End: 5}, err: connectors.ErrAhead, says: "ends at offset 5, the target stands at 60"},
		{name: "also if it is to be rebuilt", stands: 60, loss: connectors.Rebuild,
			input: connectors.Input{Next: 0, Committed: -1, End: 5}, err: connectors.ErrAhead},
		{name: "and begun with if that is accepted", stands: 60, loss: connectors.Accept,
			input: connectors.Input{Next: 0, Committed: -1, End: 5}, begin: 0, written: 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.input.Topic = "t"
			inputs := []connectors.Input{test.input}
			w, err := sink(standing(t, test.stands), connectors.OnLoss(test.loss)).Open(t.Context(), task, inputs)
			if !errors.Is(err, test.err) || err != nil && !strings.Contains(err.Error(), test.says) {
				t.Fatalf("opened with %v, want %v with %q", err, test.err, test.says)
			}
			if test.err != nil {
				var target *connectors.TargetError
				if !errors.As(err, &target) || target.Passes() || target.Sink != "sink" {
					t.Errorf("%v is to be an error of the sink that does not pass", err)
				}
				return
			}
			if inputs[0].Next != test.begin {
				t.Errorf("begins with offset %d, want %d", inputs[0].Next, test.begin)
			}
			if w.Batches.Skip(at(test.written)) || test.written > 0 && test.begin < test.written && !w.Batches.Skip(at(test.written-1)) {
				t.Errorf("the first offset to be written is not %d", test.written)
			}
		})
	}
}

func TestWhatIsLostIsLostForTheNextStartToo(t *testing.T) {
	m := standing(t, 20)
	input := connectors.Input{Topic: "t", Next: 40, Committed: 40, End: 90}
	for range 2 {
		if _, err := sink(m).Open(t.Context(), task, []connectors.Input{input}); !errors.Is(err, connectors.ErrLost) {
			t.Fatalf("opened with %v, want ErrLost each time", err)
		}
	}
}

func TestABatchIsWhatUnitsOfWorkKept(t *testing.T) {
	m := &connectortest.Memory{}
	w, err := sink(m, connectors.BatchItems(2)).Open(t.Context(), task, []connectors.Input{{Topic: "t", Committed: -1, End: -1}})
	if err != nil {
		t.Fatal(err)
	}
	add := func(offset int64, value string) {
		t.Helper()
		if err := w.Add(record.Record[string, string]{Key: value, Value: value}); err != nil {
			t.Fatal(err)
		}
	}
	add(0, "kept")
	w.Batches.Keep(at(0), nil)
	add(1, "forgotten")
	w.Batches.Forget()
	add(2, "") // is left out
	w.Batches.Keep(at(2), nil)
	if w.Batches.Full() {
		t.Error("one item of two is a full batch")
	}
	add(3, "too")
	w.Batches.Keep(at(3), nil)
	if !w.Batches.Full() {
		t.Error("two items of two are no full batch")
	}
	positions := []connectors.Position{{Topic: "t", Next: 4}}
	write := w.Batches.Cut(positions)
	if err := write.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if again := w.Batches.Cut(positions); again != nil {
		t.Error("there is nothing to write, and it is written")
	}
	var have []string
	for _, key := range []string{"kept", "forgotten", "too"} {
		if _, ok := m.Get(key); ok {
			have = append(have, key)
		}
	}
	if want := []string{"kept", "too"}; !slices.Equal(have, want) {
		t.Errorf("%q are there, want %q", have, want)
	}
}

func TestOptionsOfASinkAreChecked(t *testing.T) {
	m := &connectortest.Memory{}
	if err := sink(m, connectors.BatchItems(0), connectors.OnLoss(9)).Err(); err == nil || !strings.Contains(err.Error(), "BatchItems is 0") || !strings.Contains(err.Error(), "OnLoss(9)") {
		t.Errorf("the faults are %v, want both", err)
	}
	unnamed := connectors.To("", connectors.Target[item](m), func(record.Record[string, string]) (item, bool, error) { return item{}, false, nil })
	if err := unnamed.Err(); err == nil || !strings.Contains(err.Error(), "needs a name") {
		t.Errorf("the fault is %v, want the name", err)
	}
	if err := sink(m).Err(); err != nil {
		t.Errorf("a sink that is right has the fault %v", err)
	}
}

func TestErrorsThatPassHaveTheTaskBeginAnew(t *testing.T) {
	for _, test := range []struct {
		err    error
		passes bool
	}{
		{connectors.Unavailable(errors.New("away")), true},
		{connectors.ErrMoved, true},
		{connectors.ErrLost, false},
		{errors.New("a fault"), false},
	} {
		if e := (&connectors.TargetError{Sink: "s", Err: test.err}); e.Passes() != test.passes || !errors.Is(e, errors.Unwrap(e)) {
			t.Errorf("%v passes: %v, want %v", e, e.Passes(), test.passes)
		}
	}
	if connectors.Unavailable(nil) != nil {
		t.Error("no error became one")
	}
}
