package topologytest

import (
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/serde"
)

// Record is one record of a topic, with where it is and what led to it.
type Record[K, V any] struct {
	record.Record[K, V]
	Partition int32
	Offset    int64
	// Step counts the calls of Send and Advance from 0: it is that of the call
	// during which the record became visible.
	Step int
}

// String is the record as key=value@timestamp, with null for what it does not have.
func (r Record[K, V]) String() string {
	key, value := "null", "null"
	if !r.NullKey {
		key = text(r.Key)
	}
	if !r.Tombstone {
		value = text(r.Value)
	}
	return fmt.Sprintf("%s=%s@%d", key, value, r.Timestamp)
}

// text is a key or value for people: bytes as text, and what a pointer points to.
func text(v any) string {
	if bytes, ok := v.([]byte); ok {
		return string(bytes)
	}
	if p := reflect.ValueOf(v); p.Kind() == reflect.Pointer && !p.IsNil() {
		return text(p.Elem().Interface())
	}
	return fmt.Sprint(v)
}

// Output reads a topic.
type Output[K, V any] struct {
	d     *Driver
	topic string
	key   serde.Serde[K]
	value serde.Serde[V]
	next  int
}

// Output is a topic to be read: one that the topology writes, or reads, or a
// repartition topic, a changelog or a dead-letter topic. Keys and values are decoded
// as the topology writes them, or as follows from the types if those are others,
// unless an option says how; []byte is the bytes themselves.
func (d *Driver) Output[K, V any](topic string, options ...SerdeOption) *Output[K, V] {
	d.tb.Helper()
	out := &Output[K, V]{d: d, topic: topic}
	var err error
	if out.key, out.value, err = serdesOf[K, V](d, topic, options); err == nil {
		err = d.checkWritten(topic)
	}
	d.check(err)
	return out
}

// checkWritten finds names that are misspelled.
func (d *Driver) checkWritten(topic string) error {
	if d.topics[topic] != nil || d.plan.ChoosesTopics() {
		return nil
	}
	return fmt.Errorf("topologytest: there is no topic %q: there are %q", topic, slices.Sorted(maps.Keys(d.topics)))
}

// Read returns the next record that was not read yet, in the order in which the
// records of all partitions came; ok is false if there is none.
func (o *Output[K, V]) Read() (r Record[K, V], ok bool) {
	o.d.tb.Helper()
	if o.next >= o.Len() {
		return r, false
	}
	r, err := o.at(o.next)
	o.next++
	o.d.check(err)
	return r, err == nil
}

// ReadAll returns all records that were not read yet.
func (o *Output[K, V]) ReadAll() []Record[K, V] {
	o.d.tb.Helper()
	return o.from(&o.next)
}

// All returns all records that the topic ever had, read or not.
func (o *Output[K, V]) All() []Record[K, V] {
	o.d.tb.Helper()
	first := 0
	return o.from(&first)
}

// Len is how many records the topic has.
func (o *Output[K, V]) Len() int {
	t := o.d.topics[o.topic]
	if t == nil {
		return 0 // a sink may yet choose it
	}
	return len(t.order)
}

// AsMap is the topic as a table: the last value of each key. Records without a key
// are left out.
func AsMap[K comparable, V any](o *Output[K, V]) map[K]V {
	o.d.tb.Helper()
	rows := map[K]V{}
	for _, r := range o.All() {
		switch {
		case r.NullKey:
		case r.Tombstone:
			delete(rows, r.Key)
		default:
			rows[r.Key] = r.Value
		}
	}
	return rows
}

func (o *Output[K, V]) from(next *int) []Record[K, V] {
	o.d.tb.Helper()
	var all []Record[K, V]
	for ; *next < o.Len(); *next++ {
		r, err := o.at(*next)
		if err != nil {
			o.d.check(err)
			return all
		}
		all = append(all, r)
	}
	return all
}

// at decodes the record at a place of the order.
func (o *Output[K, V]) at(i int) (r Record[K, V], err error) {
	t := o.d.topics[o.topic]
	at := t.order[i]
	e := t.logs[at.partition].entries[at.offset]
	r.Partition, r.Offset, r.Step = int32(at.partition), e.Offset, e.step
	r.Timestamp, r.Headers, r.NullKey, r.Tombstone = e.Timestamp, e.Headers, e.Key == nil, e.Value == nil
	if !r.NullKey {
		if r.Key, err = o.key.Decode(e.Key); err != nil {
			return r, fmt.Errorf("topologytest: topic %q: decode key %q: %w", o.topic, e.Key, err)
		}
	}
	if !r.Tombstone {
		if r.Value, err = o.value.Decode(e.Value); err != nil {
			return r, fmt.Errorf("topologytest: topic %q: decode value %q: %w", o.topic, e.Value, err)
		}
	}
	return r, nil
}
