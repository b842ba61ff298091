package runtime

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tidemill/tidemill/record"
)

// emitter writes the outputs of tasks through the producer. It is safe for
// concurrent use by the lanes.
type emitter struct {
	producer *kgo.Client
	slabs    sync.Pool
	batches  sync.Pool
	// failed is called with the first error of a produce that the client gave up
	// on; produced says whether anything was written since it was reset.
	failed   func(error)
	produced atomic.Bool
}

func newEmitter(ctx context.Context, failed func(error)) *emitter {
	e := &emitter{failed: failed}
	e.slabs.New = func() any { return &slab{Context: ctx, emitter: e} }
	e.batches.New = func() any { return record.NewBatch() }
	return e
}

// batch supplies a task with an empty batch.
func (e *emitter) batch() *record.Batch { return e.batches.Get().(*record.Batch) }

// slab is a batch on its way: the client's records for its outputs, in one piece
// of memory that is used again when all of them have been acknowledged. It is the
// context of its records, which is how they find back to it; the client may keep
// contexts derived from it, so that part of it never changes.
type slab struct {
	context.Context
	emitter *emitter
	batch   *record.Batch
	hosted  *hosted
	records []kgo.Record
	waiting atomic.Int32
	failed  atomic.Bool
}

// emit writes a batch of a task. It blocks while the client's buffer is full.
func (e *emitter) emit(h *hosted, b *record.Batch) {
	e.produced.Store(true)
	s := e.slabs.Get().(*slab)
	s.batch, s.hosted = b, h
	if cap(s.records) < len(b.Outputs) {
		s.records = make([]kgo.Record, len(b.Outputs))
	}
	s.records = s.records[:len(b.Outputs)]
	s.waiting.Store(int32(len(b.Outputs)))
	h.unacked.Add(1)
	for i := range b.Outputs {
		out := &b.Outputs[i]
		if out.Changelog > 0 {
			h.logs++
		} else {
			h.written++
		}
		r := &s.records[i]
		r.Topic, r.Key, r.Value, r.Headers = out.Topic, out.Key, out.Value, clientHeaders(out.Headers)
		r.Timestamp = time.UnixMilli(out.Timestamp)
		r.Partition, r.Offset = out.Partition, noHash
		if out.Partition < 0 && out.PartitionKey != nil {
			r.Offset = int64(record.Murmur2(out.PartitionKey) & 0x7fffffff)
		}
		e.producer.Produce(s, r, acknowledged)
	}
}

// acknowledged is the promise of every record.
func acknowledged(r *kgo.Record, err error) {
	s := slabOf(r)
	if err != nil && !s.failed.Swap(true) {
		s.emitter.failed(&produceError{topic: r.Topic, err: withHint(err)})
	}
	if s.waiting.Add(-1) == 0 {
		s.done()
	}
}

// done notes how far the changelogs came and recycles the memory.
func (s *slab) done() {
	for i := range s.batch.Outputs {
		if n := s.batch.Outputs[i].Changelog; n > 0 && !s.failed.Load() {
			s.hosted.logged(n-1, s.records[i].Offset+1)
		}
	}
	s.hosted.unacked.Add(-1)
	e := s.emitter
	s.batch.Reset()
	e.batches.Put(s.batch)
	clear(s.records)
	s.batch, s.hosted = nil, nil
	s.failed.Store(false)
	e.slabs.Put(s)
}

func clientHeaders(headers record.Headers) []kgo.RecordHeader {
	if len(headers) == 0 {
		return nil
	}
	out := make([]kgo.RecordHeader, len(headers))
	for i, h := range headers {
		out[i] = kgo.RecordHeader{Key: h.Key, Value: h.Value}
	}
	return out
}

// noHash says that a record has neither a partition nor a key to choose one by.
const noHash = -1

// keylessRun is how many records without a key go to one partition in a row, so
// that they make full batches.
const keylessRun = 500

// partitioner puts records where emit said: Partition if it is set, else by the
// hash in Offset. Both fields are the client's to fill in only later.
type partitioner struct{}

func (partitioner) ForTopic(string) kgo.TopicPartitioner { return &topicPartitioner{} }

type topicPartitioner struct{ keyless int }

func (*topicPartitioner) RequiresConsistency(r *kgo.Record) bool {
	return r.Partition >= 0 || r.Offset != noHash
}

func (p *topicPartitioner) Partition(r *kgo.Record, n int) int {
	switch {
	case r.Partition >= 0:
		return int(r.Partition)
	case r.Offset != noHash:
		return int(r.Offset) % n
	}
	p.keyless++
	return p.keyless / keylessRun % n
}
