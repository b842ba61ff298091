package raw

import (
	"context"
	"encoding/binary"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tidemill/tidemill/bench/input"
)

// Count counts the records of each key in a map. At least once, the counts are
// written and the offsets committed at the end; exactly once, each transaction
// writes the counts that changed, so that a successor could go on from them.
func Count(ctx context.Context, c Config) error {
	return (&loop{Config: c.atEnd(), work: newCounting(c, func(_ []byte, r *kgo.Record) []byte { return r.Key })}).run(ctx)
}

// Tumbling is Count for each minute of event time. The key of a count is the
// record's key and the window's start, as Kafka Streams writes it.
func Tumbling(ctx context.Context, c Config) error {
	return (&loop{Config: c.atEnd(), work: newCounting(c, windowKey)}).run(ctx)
}

func windowKey(dst []byte, r *kgo.Record) []byte {
	start := r.Timestamp.Truncate(time.Minute).UnixMilli()
	return binary.BigEndian.AppendUint64(append(dst, r.Key...), uint64(start))
}

// atEnd is the configuration of a loop that has nothing to show before the end.
func (c Config) atEnd() Config {
	if !c.ExactlyOnce {
		c.Commit = never
	}
	return c
}

type counter struct {
	key     []byte
	n       int64
	at      time.Time
	changed bool
}

// counting counts in a map and writes what changed.
type counting struct {
	output  string
	everyTx bool
	keyOf   func(scratch []byte, r *kgo.Record) []byte
	scratch []byte
	counts  map[string]*counter
	changed []*counter
}

func newCounting(c Config, keyOf func(scratch []byte, r *kgo.Record) []byte) *counting {
	return &counting{
		output: c.Output, everyTx: c.ExactlyOnce, keyOf: keyOf,
		scratch: make([]byte, 0, 64), counts: map[string]*counter{},
	}
}

func (w *counting) record(r *kgo.Record, _ *producer) error {
	key := w.keyOf(w.scratch, r)
	c := w.counts[string(key)]
	if c == nil {
		c = &counter{key: append([]byte(nil), key...)}
		w.counts[string(key)] = c
	}
	c.n++
	c.at = r.Timestamp
	if !c.changed {
		c.changed = true
		w.changed = append(w.changed, c)
	}
	return nil
}

func (w *counting) commit(p *producer, last bool) {
	if !last && !w.everyTx {
		return
	}
	values := make([]byte, 0, 8*len(w.changed))
	for _, c := range w.changed {
		c.changed = false
		values = input.AppendCount(values, c.n)
		p.produce(w.output, c.key, values[len(values)-8:], c.at)
	}
	w.changed = w.changed[:0]
}
