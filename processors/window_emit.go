package processors

import (
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/state"
)

// emitClosed passes on the results of the windows that have closed since it was
// called last, in the order of their starts and then of the encoded keys. How far
// it came is committed with the offsets, in the form of Kafka Streams: the stream
// time less the grace at which it last looked.
func (p *windowAggregate[K, V, A]) emitClosed() error {
	closed := *p.seen - p.Windows.GracePeriod()
	last, ran := p.c.Progress(p.Store)
	size := p.Windows.Size()
	if closed < size || ran && closed <= last {
		return nil
	}
	from := int64(0)
	if ran {
		from = max(0, last-size+1)
	}
	first := (from + p.Windows.Advance() - 1) / p.Windows.Advance() * p.Windows.Advance()
	if ran && first > closed-size {
		return nil // no window starts in between
	}
	p.c.SetProgress(p.Store, closed)
	for item, err := range p.rows.FetchAll(from, closed-size) {
		if err != nil {
			return err
		}
		if err := p.c.Guard(func() error { return p.emit(item) }); err != nil {
			return err
		}
	}
	return nil
}

func (p *windowAggregate[K, V, A]) emit(item state.Item[state.Windowed[K], A]) error {
	out := record.Record[K, Change[A]]{Timestamp: item.Timestamp, Headers: p.c.Headers}
	out.Value.New, out.Value.HasNew = item.Value, true
	p.c.at = p.c.node
	return p.c.Forward(record.WithKey(out, p.key(item.Key)))
}
