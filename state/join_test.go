package state_test

import (
	"bytes"
	"encoding/binary"
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

// logging is how a test opens a store, and the outbox that its changelog goes to.
func logging(t testing.TB) (state.Options, *record.Outbox) {
	t.Helper()
	directory, err := state.OpenDirectory(memory.New())
	if err != nil {
		t.Fatal(err)
	}
	space, err := directory.Space("s", 0)
	if err != nil {
		t.Fatal(err)
	}
	outbox := new(record.Outbox)
	return state.Options{Space: space, Capacity: 1 << 20, Log: &state.Changelog{Outbox: outbox, Topic: "log", Number: 1}}, outbox
}

// written are the changelog records so far, in hexadecimal.
func written(outbox *record.Outbox) []string {
	var out []string
	for _, batch := range outbox.Take(nil) {
		for _, o := range batch.Outputs {
			value := "null"
			if o.Value != nil {
				value = hex.EncodeToString(o.Value)
			}
			line := fmt.Sprintf("%x=%s@%d", o.Key, value, o.Timestamp)
			for _, h := range o.Headers {
				line += fmt.Sprintf(" %s:%s", h.Key, h.Value)
			}
			out = append(out, line)
		}
	}
	return out
}

func must(t testing.TB, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

func want(t testing.TB, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got\n\t%q\nwant\n\t%q", got, want)
	}
}

// The bytes are those that Kafka Streams 4.3.1 wrote for the same records.
func TestJoinWindowLogsAsKafkaStreamsDoes(t *testing.T) {
	o, outbox := logging(t)
	s := state.NewJoinWindow("s", 100, serde.String(), serde.String(), o)
	headers := record.Headers{{Key: "h", Value: []byte("x")}}
	must(t, s.Put("k", "v", 25, headers), s.Put("z", "q", 29, headers), s.Put("z", "q2", 29, nil))
	want(t, written(outbox), "6b000000000000001900000001=76@25 h:x", "7a000000000000001d00000002=71@29 h:x", "7a000000000000001d00000003=7132@29")
}

func TestJoinWindowCountsOnWithoutASign(t *testing.T) {
	o, outbox := logging(t)
	s := state.NewJoinWindow("s", 100, serde.String(), serde.String(), o)
	_, count := s.Progress()
	*count = 1<<31 - 2
	must(t, s.Put("k", "v", 1, nil), s.Put("k", "w", 1, nil), s.Put("k", "x", 2, nil))
	want(t, written(outbox), "6b00000000000000017fffffff=76@1", "6b000000000000000100000000=77@1", "6b000000000000000200000001=78@2")
}

func TestJoinWindowForgetsByItsOwnTime(t *testing.T) {
	o, outbox := logging(t)
	s := state.NewJoinWindow("s", 10, serde.String(), serde.String(), o)
	must(t, s.Put("k", "a", 20, nil), s.Put("k", "b", 29, nil))
	fetch := func(from, to int64) string {
		rows, err := s.Fetch("k", from, to)
		must(t, err)
		out := ""
		for _, row := range rows {
			out += fmt.Sprint(row.Value, row.Timestamp, " ")
		}
		return out
	}
	if got := fetch(19, 29); got != "a20 b29 " {
		t.Errorf("within the retention there is %q", got)
	}
	must(t, s.Put("l", "c", 30, nil))
	if got := fetch(19, 29); got != "b29 " {
		t.Errorf("behind the retention there is %q", got)
	}
	outbox.Take(nil)
	must(t, s.Put("k", "d", 20, nil))
	if got := fetch(0, 30); got != "b29 " {
		t.Errorf("a row that was put too late is found: %q", got)
	}
	want(t, written(outbox))
}

// failing is a serde that writes and reads nothing.
func failing() serde.Serde[string] {
	bad := fmt.Errorf("no")
	return serde.Func(func([]byte, string) ([]byte, error) { return nil, bad }, func([]byte) (string, error) { return "", bad })
}

func TestJoinStoresNameWhatTheyCannotEncode(t *testing.T) {
	o, _ := logging(t)
	for wanted, err := range map[string]error{
		`state: store "s": encode value: no`:   state.NewJoinWindow("s", 10, serde.String(), failing(), o).Put("k", "v", 1, nil),
		`state: store "s": encode key: no`:     state.NewJoinWindow("s", 10, failing(), serde.String(), o).Put("k", "v", 1, nil),
		`state: store "u": encode value: no`:   state.NewUnmatched("u", serde.String(), failing(), serde.String(), o).Left.Add("k", 1, "v"),
		`state: store "u": encode key: no`:     state.NewUnmatched("u", failing(), serde.String(), serde.String(), o).Right.Add("k", 1, "v"),
		`state: store "fetch": encode key: no`: fetchError(state.NewJoinWindow("fetch", 10, failing(), serde.String(), o)),
	} {
		if err == nil || err.Error() != wanted {
			t.Errorf("the error is %v, want %s", err, wanted)
		}
	}
}

func fetchError(s *state.JoinWindow[string, string]) error {
	_, err := s.Fetch("k", 0, 1)
	return err
}

// The bytes are those that Kafka Streams 4.3.1 wrote for the same records.
func TestUnmatchedLogsAsKafkaStreamsDoes(t *testing.T) {
	o, outbox := logging(t)
	u := state.NewUnmatched("u", serde.String(), serde.String(), serde.String(), o)
	now := int64(25)
	u.Clock = func() int64 { return now }
	must(t, u.Left.Add("k", 25, "v"))
	now = 28
	must(t, u.Left.Remove("k", 25))
	now = 29
	must(t, u.Left.Add("z", 29, "q"), u.Left.Add("z", 29, "q2"), u.Right.Add("k", 25, "v"))
	want(t, written(outbox),
		"0000000000000019016b=0100000001000000020176@25",
		"0000000000000019016b=null@28",
		"000000000000001d017a=0100000001000000020171@29",
		"000000000000001d017a=010000000200000002017100000003017132@29",
		"0000000000000019006b=0100000001000000020076@29",
	)
}

func TestUnmatchedRemovesOnlyWhatWaits(t *testing.T) {
	o, outbox := logging(t)
	u := state.NewUnmatched("u", serde.String(), serde.String(), serde.String(), o)
	must(t, u.Left.Remove("k", 1), u.Left.Add("k", 2, "v"), u.Left.Remove("k", 1), u.Right.Remove("k", 2), u.Left.Remove("l", 2))
	if got := written(outbox); len(got) != 1 {
		t.Errorf("the changelog has %q, want one record only", got)
	}
}

func TestDueStopsAtAnError(t *testing.T) {
	o, _ := logging(t)
	u := state.NewUnmatched("u", serde.String(), serde.String(), serde.String(), o)
	must(t, u.Left.Add("a", 1, "1"), u.Left.Add("a", 1, "2"), u.Left.Add("b", 2, "3"))
	calls := 0
	bad := fmt.Errorf("no")
	err := u.Due(10, 10, func(string, int64, string) error { calls++; return bad }, nil)
	if !errors.Is(err, bad) || calls != 1 {
		t.Errorf("Due returns %v after %d calls, want the error after 1", err, calls)
	}
	var got []string
	must(t, u.Due(10, 10, func(key string, ts int64, value string) error {
		got = append(got, fmt.Sprint(key, ts, value))
		return nil
	}, nil))
	want(t, got, "a11", "a12", "b23")
}

func TestJoinStoresRefuseForeignRows(t *testing.T) {
	o, _ := logging(t)
	window := state.NewJoinWindow("s", 10, serde.String(), serde.String(), o).Lifecycle()
	unmatched := state.NewUnmatched("u", serde.String(), serde.String(), serde.String(), o).Lifecycle()
	for _, c := range []struct {
		store state.Lifecycle
		key   string
		want  string
	}{
		{window, "short", "a changelog key of a join has 5 bytes, want at least 12"},
		{unmatched, "short", "is no changelog key of a join's waiting records"},
		{unmatched, "\x00\x00\x00\x00\x00\x00\x00\x01\x02k", "is no changelog key of a join's waiting records"},
	} {
		if _, _, err := c.store.Row([]byte(c.key), []byte("v"), 1); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("Row(%q): %v, want %q in it", c.key, err, c.want)
		}
	}
}

func TestADamagedListIsNoticed(t *testing.T) {
	for _, row := range []string{
		"", "01", "0000000001", "0100000000", "0100000001", "010000000100000000", "010000000100000002",
		"01000000010000000201", "0100000001000000020076", "010000000100000002017600", "01ffffffff0000000201760000000201",
		"0100000001ffffffff0176",
	} {
		o, _ := logging(t)
		u := state.NewUnmatched("u", serde.String(), serde.String(), serde.String(), o)
		value, err := hex.DecodeString(row)
		must(t, err)
		key, value, err := u.Lifecycle().Row([]byte("\x00\x00\x00\x00\x00\x00\x00\x01\x01k"), value, 1)
		must(t, err)
		b := o.Space.NewBatch()
		b.Set(key, value)
		must(t, b.Commit())
		err = u.Left.Remove("k", 1)
		if err == nil || !strings.Contains(err.Error(), `state: store "u": a list of waiting records is damaged`) {
			t.Errorf("%s: %v", row, err)
		}
	}
}

func FuzzUnmatchedRow(f *testing.F) {
	for _, seed := range []string{"0100000001000000020176", "010000000200000002017100000003017132", "01000000010000000101", ""} {
		value, _ := hex.DecodeString(seed)
		f.Add([]byte("\x00\x00\x00\x00\x00\x00\x00\x01\x01k"), value)
	}
	f.Fuzz(func(t *testing.T, key, value []byte) {
		o, outbox := logging(t)
		u := state.NewUnmatched("u", serde.Bytes(), serde.Bytes(), serde.Bytes(), o)
		k, v, err := u.Lifecycle().Row(key, value, 1)
		if err != nil || v == nil {
			return
		}
		b := o.Space.NewBatch()
		b.Set(k, v)
		must(t, b.Commit())
		var values [][]byte
		keep := func(_ []byte, _ int64, v []byte) error {
			values = append(values, v)
			return nil
		}
		const end = 1<<63 - 1
		if err := u.Due(end, end, keep, keep); err != nil || len(values) == 0 {
			return
		}
		// What was read is written as it was.
		u = state.NewUnmatched("u", serde.Bytes(), serde.Bytes(), serde.Bytes(), state.Options{Space: o.Space, Log: o.Log, Capacity: 1})
		side := &u.Left
		if key[8] == 0 {
			side = &u.Right
		}
		ts := int64(binary.BigEndian.Uint64(key))
		must(t, side.Remove(key[9:], ts))
		outbox.Take(nil)
		for _, v := range values {
			must(t, side.Add(key[9:], ts, v))
		}
		outputs := outbox.Take(nil)
		last := outputs[len(outputs)-1].Outputs
		if got := last[len(last)-1]; !bytes.Equal(got.Key, key) || !bytes.Equal(got.Value, value) {
			t.Errorf("%x=%x is written as %x=%x", key, value, got.Key, got.Value)
		}
	})
}

func FuzzJoinWindowRow(f *testing.F) {
	f.Add([]byte("k\x00\x00\x00\x00\x00\x00\x00\x19\x00\x00\x00\x01"), []byte("v"))
	f.Add([]byte("\x7f\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), []byte{})
	f.Add([]byte("short"), []byte("v"))
	f.Fuzz(func(t *testing.T, key, value []byte) {
		o, _ := logging(t)
		s := state.NewJoinWindow("s", 10, serde.Bytes(), serde.Bytes(), o)
		k, v, err := s.Lifecycle().Row(key, value, 1)
		if err != nil || v == nil {
			return
		}
		b := o.Space.NewBatch()
		b.Set(k, v)
		must(t, b.Commit())
		n := len(key) - 12
		ts := int64(binary.BigEndian.Uint64(key[n:]))
		if ts < 0 {
			return // no record has such a timestamp
		}
		rows, err := s.Fetch(key[:n], max(ts-3, 0), ts)
		must(t, err)
		if len(rows) != 1 || rows[0].Timestamp != ts || !bytes.Equal(rows[0].Value, value) {
			t.Errorf("%x=%x is found as %v", key, value, rows)
		}
	})
}
