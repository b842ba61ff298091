package topologytest

import (
	"fmt"
	"time"

	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/serde"
)

// Input writes to a topic that the topology reads.
type Input[K, V any] struct {
	d         *Driver
	topic     string
	key       serde.Serde[K]
	value     serde.Serde[V]
	partition int32
	nilKey    func(K) bool
	nilValue  func(V) bool
	clock     *clock
}

// clock is the time of the next record that Next sends, and how much later each one
// is than the one before.
type clock struct{ at, step int64 }

// Input is a topic that the topology reads, to be written to. Keys and values are
// encoded as the topology reads them, or as follows from the types if those are
// others, unless an option says how.
func (d *Driver) Input[K, V any](topic string, options ...SerdeOption) *Input[K, V] {
	d.tb.Helper()
	in := &Input[K, V]{d: d, topic: topic, partition: -1, nilKey: isNil[K](), nilValue: isNil[V](), clock: &clock{}}
	var err error
	if in.key, in.value, err = serdesOf[K, V](d, topic, options); err == nil {
		err = d.checkRead(topic)
	}
	if err == nil {
		d.topic(topic)
	}
	d.check(err)
	return in
}

// isNil tells a null that is a nil of its type.
func isNil[T any]() func(T) bool {
	if f, ok := serde.Nilable[T](); ok {
		return f
	}
	return func(T) bool { return false }
}

// checkRead finds names that are misspelled.
func (d *Driver) checkRead(topic string) error {
	for _, sub := range d.plan.Subtopologies {
		for _, source := range sub.Sources {
			if source.Matches(topic) {
				return nil
			}
		}
	}
	return fmt.Errorf("topologytest: the topology does not read topic %q: it reads %q", topic, d.inputTopics())
}

// Send writes a record with a timestamp, and lets the topology process it with all
// that follows from it. A nil key or value is null.
func (in *Input[K, V]) Send[T Time](key K, value V, at T) {
	in.d.tb.Helper()
	in.SendRecord(record.Record[K, V]{Key: key, Value: value, Timestamp: millis(at)})
}

// Delete is Send of a tombstone: a record without a value.
func (in *Input[K, V]) Delete[T Time](key K, at T) {
	in.d.tb.Helper()
	in.SendRecord(record.Record[K, V]{Key: key, Timestamp: millis(at), Tombstone: true})
}

// Clock sets the time of the next record that Next sends, and how much later each is
// than the one before. Without it, all have the time 0.
func (in *Input[K, V]) Clock[T Time](start T, step time.Duration) *Input[K, V] {
	*in.clock = clock{at: millis(start), step: step.Milliseconds()}
	return in
}

// Next is Send at the time of the input's clock, which it moves on.
func (in *Input[K, V]) Next(key K, value V) {
	in.d.tb.Helper()
	at := in.clock.at
	in.clock.at += in.clock.step
	in.Send(key, value, at)
}

// SendAll is SendRecord for each of the records: each is processed before the next,
// unless it is in a Batch.
func (in *Input[K, V]) SendAll(records ...record.Record[K, V]) {
	in.d.tb.Helper()
	for _, r := range records {
		in.SendRecord(r)
	}
}

// SendRecord is the general form of Send: the record may have headers, and no key
// or value whatever their types are.
func (in *Input[K, V]) SendRecord(r record.Record[K, V]) {
	in.d.tb.Helper()
	if !in.d.batching {
		in.d.step++
	}
	out, err := in.encode(r)
	if err == nil {
		in.d.append(out)
		err = in.d.run()
	}
	in.d.check(err)
}

// To is the input with another choice of partition: all records go to that one.
func (in *Input[K, V]) To(partition int32) *Input[K, V] {
	in.d.tb.Helper()
	if n := len(in.d.topic(in.topic).logs); partition < 0 || int(partition) >= n {
		in.d.check(fmt.Errorf("topologytest: topic %q has %d partitions, there is no partition %d: see the option Partitions", in.topic, n, partition))
		return in
	}
	next := *in
	next.partition = partition
	return &next
}

// partitionKeyer is implemented by serdes of keys of which only a part decides on
// the partition.
type partitionKeyer interface {
	PartitionKey(encoded []byte) []byte
}

func (in *Input[K, V]) encode(r record.Record[K, V]) (out record.Output, err error) {
	out = record.Output{Topic: in.topic, Partition: in.partition, Headers: r.Headers, Timestamp: r.Timestamp}
	if !r.NullKey && !in.nilKey(r.Key) {
		if out.Key, err = in.key.Append([]byte{}, r.Key); err != nil {
			return out, fmt.Errorf("topologytest: topic %q: encode key: %w", in.topic, err)
		}
		out.PartitionKey = out.Key
		if keyer, ok := in.key.(partitionKeyer); ok {
			out.PartitionKey = keyer.PartitionKey(out.Key)
		}
	}
	if !r.Tombstone && !in.nilValue(r.Value) {
		if out.Value, err = in.value.Append([]byte{}, r.Value); err != nil {
			return out, fmt.Errorf("topologytest: topic %q: encode value: %w", in.topic, err)
		}
	}
	return out, nil
}
