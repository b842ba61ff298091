package runtime

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tidemill/tidemill/record"
)

// fetcher reads the source partitions of the worker's tasks and gives what it
// fetches to their lanes, whole batches at a time. Its client is no member of the
// group: which partitions it reads, and from where, is the worker's to say.
type fetcher struct {
	client *kgo.Client
	failed func(error)
	tracer *tracer
	raws   sync.Pool

	mu     sync.Mutex
	routes map[topicPartition]route

	// buffered is how many bytes the tasks hold, those of paused partitions not
	// counted. Polling waits while it is above limit, until room is signalled.
	buffered atomic.Int64
	limit    int64
	room     chan struct{}

	cancel context.CancelFunc
	done   chan struct{}
}

// route is where the records of a partition go.
type route struct {
	hosted *hosted
	input  int
}

func newFetcher(client *kgo.Client, limit int, failed func(error)) *fetcher {
	f := &fetcher{client: client, failed: failed, routes: map[topicPartition]route{}, limit: int64(limit), room: make(chan struct{}, 1)}
	f.raws.New = func() any { return new([]record.Raw) }
	return f
}

// start begins to poll, stop ends it. Between the two nothing is delivered, so
// that no batch of before a change of the partitions arrives after it.
func (f *fetcher) start() {
	ctx, cancel := context.WithCancel(context.Background())
	f.cancel, f.done = cancel, make(chan struct{})
	go f.poll(ctx, f.done)
}

func (f *fetcher) stop() {
	if f.cancel == nil {
		return
	}
	f.cancel()
	<-f.done
	f.cancel = nil
}

// account notes that the tasks hold more or fewer bytes.
func (f *fetcher) account(bytes int) {
	now := f.buffered.Add(int64(bytes))
	if bytes < 0 && now <= f.limit && now-int64(bytes) > f.limit {
		select {
		case f.room <- struct{}{}:
		default:
		}
	}
}

// full says whether the tasks hold so much that polling waits.
func (f *fetcher) full() bool { return f.buffered.Load() > f.limit }

const (
	// maxPoll bounds how many records one poll delivers, so that no lane waits for
	// another's batch to be copied.
	maxPoll = 20000
	// maxBatch bounds how many are copied to one piece of memory, which is used again.
	maxBatch = 1024
)

func (f *fetcher) poll(ctx context.Context, done chan struct{}) {
	defer close(done)
	for ctx.Err() == nil {
		if f.full() {
			select {
			case <-f.room:
			case <-ctx.Done():
			}
			continue
		}
		fetches := f.client.PollRecords(ctx, maxPoll)
		if fetches.IsClientClosed() {
			return
		}
		fetches.EachPartition(f.deliver)
	}
}

// deliver gives the records of one partition to the lane of its task.
func (f *fetcher) deliver(p kgo.FetchTopicPartition) {
	if err := p.Err; err != nil {
		if !errors.Is(err, context.Canceled) && !kgoRetries(err) {
			f.failed(&fetchError{topic: p.Topic, partition: p.Partition, err: err})
		}
	}
	if len(p.Records) == 0 {
		return
	}
	f.mu.Lock()
	to, ok := f.routes[topicPartition{p.Topic, p.Partition}]
	f.mu.Unlock()
	if !ok {
		return
	}
	end := p.HighWatermark
	if p.LastStableOffset >= 0 && to.hosted.committedOnly {
		end = p.LastStableOffset
	}
	for part := range slices.Chunk(p.Records, maxBatch) {
		records, bytes := f.convert(part)
		to.hosted.deliver(delivery{input: to.input, records: records, next: part[len(part)-1].Offset + 1, end: end, bytes: bytes})
	}
}

// convert copies what a task needs of the client's records. Transaction markers
// count only for the position.
func (f *fetcher) convert(from []*kgo.Record) (records []record.Raw, bytes int) {
	records = slices.Grow(*f.raws.Get().(*[]record.Raw), len(from))
	for _, r := range from {
		if r.Attrs.IsControl() {
			continue
		}
		bytes += len(r.Key) + len(r.Value) + rawOverhead
		records = append(records, rawOf(r))
		f.tracer.carry(r.Context, &records[len(records)-1])
	}
	return records, bytes
}

// rawOf is a record of the client without what is the client's own. It shares the
// memory of key and value.
func rawOf(r *kgo.Record) record.Raw {
	raw := record.Raw{Key: r.Key, Value: r.Value, Timestamp: r.Timestamp.UnixMilli(), Offset: r.Offset}
	if len(r.Headers) > 0 {
		raw.Headers = make(record.Headers, len(r.Headers))
		for i, h := range r.Headers {
			raw.Headers[i] = record.Header{Key: h.Key, Value: h.Value}
		}
	}
	return raw
}

// rawOverhead is what a buffered record takes beside its key and value.
const rawOverhead = 100

// recycle takes back the memory of records that have been processed.
func (f *fetcher) recycle(records []record.Raw) {
	clear(records)
	records = records[:0]
	f.raws.Put(&records)
}

// add begins to read the partitions of tasks at their offsets, all at once, so that
// the client asks for what it does not know of their topics only once. The fetcher
// must be stopped.
func (f *fetcher) add(tasks []*hosted) {
	f.mu.Lock()
	defer f.mu.Unlock()
	offsets := map[string]map[int32]kgo.Offset{}
	for _, h := range tasks {
		for i, in := range h.inputs {
			f.routes[topicPartition{in.Topic, in.Partition}] = route{h, i}
			if offsets[in.Topic] == nil {
				offsets[in.Topic] = map[int32]kgo.Offset{}
			}
			offsets[in.Topic][in.Partition] = kgo.NewOffset().At(in.Offset)
		}
	}
	f.client.AddConsumePartitions(offsets)
}

// remove ends the reading of the partitions of a task. The fetcher must be
// stopped.
func (f *fetcher) remove(h *hosted) {
	f.mu.Lock()
	defer f.mu.Unlock()
	partitions := map[string][]int32{}
	for _, in := range h.inputs {
		delete(f.routes, topicPartition{in.Topic, in.Partition})
		partitions[in.Topic] = append(partitions[in.Topic], in.Partition)
	}
	f.client.ResumeFetchPartitions(clonePartitions(partitions))
	f.client.RemoveConsumePartitions(partitions)
}

func clonePartitions(in map[string][]int32) map[string][]int32 {
	out := make(map[string][]int32, len(in))
	for topic, partitions := range in {
		out[topic] = append([]int32(nil), partitions...)
	}
	return out
}

// pause holds the fetching of one partition, resume goes on with it.
func (f *fetcher) pause(topic string, partition int32) {
	f.client.PauseFetchPartitions(map[string][]int32{topic: {partition}})
}

func (f *fetcher) resume(topic string, partition int32) {
	f.client.ResumeFetchPartitions(map[string][]int32{topic: {partition}})
}
