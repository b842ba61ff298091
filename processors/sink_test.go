package processors_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/tidemill/tidemill/internal/task"
	"github.com/tidemill/tidemill/internal/task/tasktest"
	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/serde"
	"github.com/tidemill/tidemill/topology"
	"github.com/tidemill/tidemill/window"
)

func TestSinkKeepsEmptyApartFromNull(t *testing.T) {
	b := topology.New("app")
	b.Stream[string, string]("in").To("out")
	d := tasktest.Start(t, b)
	d.Send("in", "=@1", "-=-@2")
	d.Run()
	empty, null := d.Outputs()[0], d.Outputs()[1]
	if empty.Key == nil || empty.Value == nil {
		t.Errorf("an empty key or value is written as null: %v, %v", empty.Key, empty.Value)
	}
	if null.Key != nil || null.Value != nil || null.PartitionKey != nil {
		t.Errorf("a null is written as %v, %v, partitioned by %v", null.Key, null.Value, null.PartitionKey)
	}
}

func TestSinkSaysWhereRecordsGo(t *testing.T) {
	b := topology.New("app")
	s := b.Stream[string, string]("in")
	s.To("hashed")
	s.To("chosen", topology.Partitioner(func(topic string, r record.Record[string, string], n int32) int32 {
		return int32(len(topic)+len(r.Key)) % n
	}))
	d := tasktest.Start(t, b)
	d.Send("in", "abc=1@5")
	d.Run()
	hashed, chosen := d.Outputs()[0], d.Outputs()[1]
	if hashed.Partition >= 0 || string(hashed.PartitionKey) != "abc" {
		t.Errorf("without a partitioner the record goes to %d by %q, want the hash of abc", hashed.Partition, hashed.PartitionKey)
	}
	if chosen.Partition != 1 {
		t.Errorf("the partitioner's choice is %d, want 1", chosen.Partition)
	}
	if want := (record.Metadata{Topic: "in"}); hashed.Source != want {
		t.Errorf("the output comes from %v, want %v", hashed.Source, want)
	}
}

func TestSinkPartitionsWindowedKeysByTheInnerKey(t *testing.T) {
	b := topology.New("app")
	b.Stream[string, string]("in").GroupByKey().WindowedBy(window.Tumbling(10 * ms)).Count(topology.WithoutChangelog()).ToStream().To("out")
	d := tasktest.Start(t, b, tasktest.Uncached)
	d.Send("in", "abc=1@25")
	d.Run()
	tasktest.Want(t, d.Written(), "out abc[20]=1@25")
	if got := string(d.Outputs()[0].PartitionKey); got != "abc" {
		t.Errorf("a windowed key is partitioned by %q, want abc", got)
	}
}

func TestSinkErrors(t *testing.T) {
	bad := errors.New("cannot be written")
	refuse := func([]byte, string) ([]byte, error) { return nil, bad }
	unwritable := serde.Func(refuse, func(b []byte) (string, error) { return string(b), nil })
	toNowhere := topology.Partitioner(func(string, record.Record[string, string], int32) int32 { return 4 })
	for _, c := range []struct {
		name   string
		option topology.SinkOption
		send   string
		want   string
	}{
		{"a key that cannot be encoded", topology.KeySerde(unwritable), "a=1@1", `write to topic "out": encode key: cannot be written`},
		{"a value that cannot be encoded", topology.ValueSerde(unwritable), "a=1@1", `write to topic "out": encode value: cannot be written`},
		{"a partition that does not exist", toNowhere, "a=1@1", `write to topic "out": the partitioner chose partition 4 of 4`},
		{"a record that is too large", topology.Named("k"), "a=" + strings.Repeat("v", 200) + "@1", `write to topic "out": the record has 298 bytes, the topic takes at most 200: raise max.message.bytes of the topic, or write less`},
		{"headers count", topology.Named("k"), "a=1@1 h:" + strings.Repeat("v", 200), `write to topic "out": the record has 310 bytes, the topic takes at most 200: raise max.message.bytes of the topic, or write less`},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := topology.New("app")
			b.Stream[string, string]("in").To("out", c.option)
			d := tasktest.Start(t, b, func(c *task.Config) { c.MaxBytes = func(string) int { return 200 } })
			d.Send("in", c.send)
			err := d.TryRun()
			var encode *processors.EncodeError
			var failed *record.Error
			if !errors.As(err, &encode) || encode.Error() != c.want {
				t.Errorf("the error is\n%v\nwant\n%s", encode, c.want)
			}
			if !errors.As(err, &failed) || failed.Stage != record.Produce {
				t.Errorf("the stage of %v is not %s", err, record.Produce)
			}
			if n := len(d.Outputs()); n != 0 {
				t.Errorf("%d records are written all the same", n)
			}
		})
	}
}

func TestSinkNeedsToKnowThePartitions(t *testing.T) {
	b := topology.New("app")
	b.Stream[string, string]("in").To("out", topology.Partitioner(func(string, record.Record[string, string], int32) int32 { return 0 }))
	unknown := errors.New("unknown topic")
	d := tasktest.Start(t, b, func(c *task.Config) {
		c.Partitions = func(string) (int32, error) { return 0, unknown }
	})
	d.Send("in", "a=1@1")
	if err := d.TryRun(); !errors.Is(err, unknown) {
		t.Errorf("the error is %v, want that of the look-up", err)
	}
}

func TestSourceErrors(t *testing.T) {
	numbers := topology.KeySerde(serde.Int64())
	for _, c := range []struct{ name, send, want string }{
		{"a key that cannot be decoded", "short=1@1", "decode key: "},
		{"a negative timestamp", "-=1@-5", "decode timestamp: the timestamp is negative: give the stream a Timestamps option that makes one"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := topology.New("app")
			b.Stream[int64, string]("in", numbers).To("out")
			d := tasktest.Start(t, b)
			d.Send("in", c.send)
			err := d.TryRun()
			var decode *processors.DecodeError
			if !errors.As(err, &decode) || !strings.HasPrefix(decode.Error(), c.want) {
				t.Errorf("the error is %v, want %s", err, c.want)
			}
		})
	}
}

func TestTimestampsReplaceThoseOfTheRecords(t *testing.T) {
	b := topology.New("app")
	var times []int64
	b.Stream[string, string]("in", topology.Timestamps(func(r record.Record[string, string], partitionTime int64) int64 {
		times = append(times, partitionTime)
		return r.Timestamp + int64(len(r.Value))
	})).To("out")
	d := tasktest.Start(t, b)
	d.Send("in", "a=xxx@10", "b=x@5", "c=xx@30")
	d.Run()
	tasktest.Want(t, d.Written(), "out a=xxx@13", "out b=x@6", "out c=xx@32")
	if len(times) != 3 || times[0] != -1 || times[1] != 13 || times[2] != 13 {
		t.Errorf("the partition times were %v, want -1, 13, 13", times)
	}
}
