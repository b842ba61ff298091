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
	to := p.Windows.LastClosed(*p.seen)
	from := int64(0)
	if last, ran := p.c.Progress(p.Store); ran {
		from = p.Windows.LastClosed(last+p.Windows.GracePeriod()) + 1
	}
	if to < from {
		return nil
	}
	p.c.SetProgress(p.Store, *p.seen-p.Windows.GracePeriod())
	for item, err := range p.rows.FetchKept(from, to) {
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
	if p.headers != nil {
		key, err := p.rows.AppendKey(nil, item.Key)
		if err != nil {
			return err
		}
		if out.Headers, err = p.headers.take(key); err != nil {
			return err
		}
	}
	p.c.at = p.c.node
	return p.c.Forward(record.WithKey(out, p.key(item.Key)))
}
