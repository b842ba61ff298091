package processors

import (
	"fmt"

	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/serde"
)

// Sink says how records are written to a topic.
type Sink[K, V any] struct {
	// Topic is where all records go, unless Choose is set, which says it for
	// each record. An empty name drops the record.
	Topic  string
	Choose func(record.Record[K, V]) string
	Key    serde.Serde[K]
	Value  serde.Serde[V]
	// Partitioner, if set, says which of n partitions a record goes to. Without
	// it, records go where Kafka's Java client would put them.
	Partitioner func(topic string, r record.Record[K, V], n int32) int32
	// Fixed, if set, says where a record goes for which that is known; it is negative
	// for any other.
	Fixed func(record.Record[K, V]) int32
}

// partitionKeyer is implemented by the serdes of keys of which only a part
// decides on the partition, such as windowed keys.
type partitionKeyer interface {
	PartitionKey(encoded []byte) []byte
}

// EncodeError is the error of a sink that cannot encode a key or a value, or
// cannot say where it goes.
type EncodeError struct {
	Topic string
	Err   error
}

func (e *EncodeError) Error() string { return fmt.Sprintf("write to topic %q: %v", e.Topic, e.Err) }
func (e *EncodeError) Unwrap() error { return e.Err }

// Supplier is the sink as the last node of a chain.
func (s Sink[K, V]) Supplier() Supplier[K, V, K, V] {
	return func(c *Context[K, V]) (Processor[K, V], error) {
		p := &sink[K, V]{Sink: s, task: c.Task, written: &c.passed}
		p.keyer, _ = s.Key.(partitionKeyer)
		p.keys, p.values = nullsOf[K](), nullsOf[V]()
		return p, nil
	}
}

type sink[K, V any] struct {
	Sink[K, V]
	task *Task
	// written counts the records.
	written *int64
	keyer   partitionKeyer
	keys    nulls[K]
	values  nulls[V]
	// limited is the topic that bytes is the limit of.
	limited string
	bytes   int
}

func (s *sink[K, V]) Process(r record.Record[K, V]) error {
	out := record.Output{
		Topic: s.Topic, Partition: -1, Headers: r.Headers, Timestamp: r.Timestamp, Source: s.task.Source,
	}
	if s.Choose != nil {
		out.Topic = s.Choose(r)
	}
	if out.Topic == "" {
		s.task.Drop("no topic")
		return nil
	}
	if s.Fixed != nil {
		out.Partition = s.Fixed(r)
	}
	if s.Partitioner != nil {
		n, err := s.task.Partitions(out.Topic)
		if err != nil {
			return &EncodeError{Topic: out.Topic, Err: err}
		}
		if out.Partition = s.Partitioner(out.Topic, r, n); out.Partition < 0 || out.Partition >= n {
			return &EncodeError{Topic: out.Topic, Err: fmt.Errorf("the partitioner chose partition %d of %d", out.Partition, n)}
		}
	}
	return s.encode(r, out)
}

func (s *sink[K, V]) encode(r record.Record[K, V], out record.Output) (err error) {
	buf := s.task.Outbox.Buffer()
	if !r.NullKey && !s.keys.isNil(r.Key) {
		if buf, err = s.Key.Append(buf, r.Key); err != nil {
			return &EncodeError{Topic: out.Topic, Err: fmt.Errorf("encode key: %w", err)}
		}
	}
	split := len(buf)
	if !r.Tombstone && !s.values.isNil(r.Value) {
		if buf, err = s.Value.Append(buf, r.Value); err != nil {
			return &EncodeError{Topic: out.Topic, Err: fmt.Errorf("encode value: %w", err)}
		}
		out.Value = nonNil(buf[split:len(buf):len(buf)])
	}
	if !r.NullKey && !s.keys.isNil(r.Key) {
		out.Key = nonNil(buf[:split:split])
		out.PartitionKey = out.Key
		if s.keyer != nil {
			out.PartitionKey = s.keyer.PartitionKey(out.Key)
		}
	}
	if n := out.WireSize(); n > s.limit(out.Topic) {
		return &EncodeError{Topic: out.Topic, Err: fmt.Errorf("the record has %d bytes, the topic takes at most %d: raise max.message.bytes of the topic, or write less", n, s.limit(out.Topic))}
	}
	s.task.Outbox.Add(out, buf)
	*s.written++
	return nil
}

// limit is how large a record of a topic may be.
func (s *sink[K, V]) limit(topic string) int {
	if topic != s.limited {
		s.limited, s.bytes = topic, s.task.MaxBytes(topic)
	}
	return s.bytes
}

// nonNil keeps an empty encoding apart from null.
func nonNil(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}
