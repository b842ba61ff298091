package state_test

import (
	"encoding/binary"
	"encoding/hex"
	"math"
	"strings"
	"testing"

	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/serde"
	"github.com/tidemill/tidemill/state"
	"github.com/tidemill/tidemill/window"
)

// The formats of Kafka Streams 2.1 to 2.3, 2.4 and 2.5.0, as its sources describe them.
func TestABufferReadsOldFormats(t *testing.T) {
	const (
		origin = "0000000000000019 0000000000000003 00000002 696e 00000001 00000001 00000001 68 00000001 78"
		none   = "0000000000000019 0000000000000003 00000002 696e 00000001 ffffffff"
		third  = origin + " 00000001 70 00000001 6f 00000001 6e 000000000000001e"
	)
	v := func(version byte) record.Headers { return record.Headers{{Key: "v", Value: []byte{version}}} }
	for _, c := range []struct {
		name    string
		records []record.Raw
		want    []string
	}{
		{"the third", []record.Raw{{Value: unhexed(t, third), Headers: v(3)}}, []string{"k=p>n@25"}},
		{"the third, marked as the second", []record.Raw{{Value: unhexed(t, third), Headers: v(2)}}, []string{"k=p>n@25"}},
		{
			"the second", []record.Raw{{Value: unhexed(t, origin+" 0000000a 00000001 6f 00000001 6e 00000001 70 000000000000001e"), Headers: v(2)}},
			[]string{"k=p>n@25"},
		},
		{
			"the second, without a prior and an old value", []record.Raw{{Value: unhexed(t, none+" 00000009 ffffffff 00000001 6e ffffffff 000000000000001e"), Headers: v(2)}},
			[]string{"k=>n@25"},
		},
		{
			"the first, where the prior value is the old one of the first update", []record.Raw{
				{Value: unhexed(t, "000000000000001e "+origin+" 0000000a 00000001 6f 00000001 6e"), Headers: v(1)},
				{Value: unhexed(t, "000000000000001e "+origin+" 0000000a 00000001 6e 00000001 6d"), Headers: v(1)},
			},
			[]string{"k=o>m@25"},
		},
		{
			"none, which has the time of the changelog", []record.Raw{
				{Value: unhexed(t, "000000000000001e 00000001 6f 00000001 6e"), Timestamp: 12},
			},
			[]string{"k=o>n@12"},
		},
		{
			"none, behind the end of another row", []record.Raw{
				{Value: unhexed(t, "000000000000001e 00000001 6f 00000001 6e"), Timestamp: 12},
				{},
				{Value: unhexed(t, "000000000000001e 00000001 6e 00000001 6d"), Timestamp: 13},
			},
			[]string{"k=n>m@13"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, apart := range []bool{false, true} {
				b := limited(t)
				var batches [][]record.Raw
				for i := range c.records {
					c.records[i].Key = []byte("k")
					batches = append(batches, c.records[i:i+1])
				}
				if !apart {
					batches = [][]record.Raw{c.records}
				}
				for _, records := range batches {
					if err := b.replay(records...); err != nil {
						t.Fatal(err)
					}
				}
				wantLines(t, b.due(29))
				wantLines(t, b.due(30), c.want...)
			}
		})
	}
}

func unhexed(t *testing.T, text string) []byte {
	t.Helper()
	data, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestABufferRefusesWhatIsNoBufferedRecord(t *testing.T) {
	v := func(version ...byte) record.Headers { return record.Headers{{Key: "v", Value: version}} }
	long := make([]byte, 40)
	long[19] = 200 // more bytes than there are
	for _, c := range []struct {
		name string
		raw  record.Raw
		want string
	}{
		{"a newer format", record.Raw{Value: long, Headers: v(4)}, "the format 04 is not known: a newer version of Kafka Streams has written it"},
		{"a format of two bytes", record.Raw{Value: long, Headers: v(3, 3)}, "the format 0303 is not known"},
		{"no format, cut off", record.Raw{Value: long[:9]}, "it ends too early"},
		{"the first, cut off", record.Raw{Value: long[:9], Headers: v(1)}, "it ends too early"},
		{"neither the second nor the third", record.Raw{Value: long, Headers: v(2)}, "it is in neither of the formats that are marked as the second"},
		{"the third, cut off", record.Raw{Value: long[:15], Headers: v(3)}, "a value of 15 bytes is no buffered record"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.raw.Key, c.raw.Offset = []byte("k"), 9
			err := limited(t).replay(c.raw)
			if want := `state: store "held": changelog record at offset 9: ` + c.want; err == nil || !strings.HasPrefix(err.Error(), want) {
				t.Errorf("the error is %v, want %s", err, want)
			}
		})
	}
	b := limited(t)
	if err := b.replay(record.Raw{Key: []byte("k"), Value: append(make([]byte, 40), long...), Headers: v(3)}); err != nil {
		t.Fatal(err)
	}
	if _, _, _, err := b.Next(math.MaxInt64); err == nil || !strings.Contains(err.Error(), "buffered record") {
		t.Errorf("reading a damaged row: %v", err)
	}
}

// Windows are ordered by their keys, time limits by times of their own. Local state of
// one is of no use to the other.
func TestABufferOfAnotherKindIsRebuilt(t *testing.T) {
	space, _ := openSpace(t)
	key := window.Serde(serde.String(), 10)
	end := func(k window.Key[string]) int64 { return k.End }
	at := window.Key[string]{Key: "k", Start: 20, End: 30}
	kinds := []func(window.Key[string]) int64{nil, end, end, nil}
	var log []record.Raw
	for i, timeOf := range kinds {
		b := openBuffer(t, space, key, timeOf)
		same := i > 0 && (timeOf == nil) == (kinds[i-1] == nil)
		if _, ok, err := space.Position(); err != nil || ok != same {
			t.Errorf("opened the %d. time, the space has a position: %v, %v; want %v", i, ok, err, same)
		}
		if !same {
			if err := b.replay(log...); err != nil {
				t.Fatal(err)
			}
		}
		if i == 0 {
			b.update(at, "", "1", 25)
			log, _ = b.flush()
		}
		batch := space.NewBatch()
		if err := b.Lifecycle().Checkpoint(batch); err != nil {
			t.Fatal(err)
		}
		space.SetPosition(batch, state.Position{Offset: 1})
		if err := batch.Commit(); err != nil {
			t.Fatal(err)
		}
		b.Lifecycle().Checkpointed()
		if _, has, held, err := b.Prior(at); has || !held || err != nil {
			t.Errorf("opened the %d. time, the row is there: %v, %v", i, held, err)
		}
	}
}

func TestABufferKeepsNothingOfWhatARecordHolds(t *testing.T) {
	space, _ := openSpace(t)
	b := state.NewBuffer("held", serde.Bytes(), serde.Bytes(), nil, state.Options{Space: space, Capacity: 1 << 16})
	data := []byte("kvh")
	err := b.Put(data[:1:1], state.Held[[]byte]{New: data[1:2:2], HasNew: true, Headers: record.Headers{header("h", data[2:3:3])}})
	if err != nil {
		t.Fatal(err)
	}
	copy(data, "xxx")
	key, row, ok, err := b.Next(0)
	if string(key) != "k" || string(row.New) != "v" || string(row.Headers[0].Value) != "h" || !ok || err != nil {
		t.Errorf("the row is %s=%s %s, %v, %v", key, row.New, row.Headers[0].Value, ok, err)
	}
}

func TestRowOfABufferSendsToReplay(t *testing.T) {
	b := limited(t)
	if _, _, err := b.Lifecycle().Row([]byte("k"), binary.BigEndian.AppendUint64(nil, 1), 0); err == nil || !strings.Contains(err.Error(), "has to be replayed") {
		t.Errorf("Row: %v", err)
	}
}
