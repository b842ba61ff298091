package processors

import (
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/state"
	"github.com/tidemill/tidemill/window"
)

// closing passes on rows once each, when they have closed, in the order of their
// ends, then of their starts, and then of the encoded keys. How far it came is
// committed with the offsets, in the form of Kafka Streams: what ended before that
// time has been passed on.
type closing[K, A any] struct {
	c     *Context[window.Key[K], Change[A]]
	store string
	rows  interface {
		TrackEnds(from int64) error
		TakeEnded(before int64) (*state.Entry[state.Span[K], A], error)
		AppendKey(dst []byte, key state.Span[K]) ([]byte, error)
	}
	// stamp is the timestamp of what is passed on of a row that has a timestamp.
	stamp func(s state.Span[K], ts int64) int64
	// row is the one at hand, and emit passes it on.
	row  *state.Entry[state.Span[K], A]
	emit func() error
	// headers are those of the rows, if they are kept.
	headers *keptHeaders
}

// track begins to look, behind each record, for rows that end before the time that
// open returns.
func (p *closing[K, A]) track(open func() int64) error {
	p.emit, p.headers = p.forward, keptHeadersOf(p.c.Task, p.store)
	p.c.AfterRecord(func() error { return p.close(open()) })
	from, _ := p.c.Progress(p.store)
	return p.rows.TrackEnds(from)
}

func (p *closing[K, A]) close(before int64) error {
	for {
		row, err := p.rows.TakeEnded(before)
		if err != nil || row == nil {
			return err
		}
		p.row = row
		p.c.SetProgress(p.store, before)
		if err := p.c.Guard(p.emit); err != nil {
			return err
		}
	}
}

func (p *closing[K, A]) forward() error {
	value, ts, _ := p.row.Value()
	key := p.row.Key()
	out := record.Record[window.Key[K], Change[A]]{Key: spanKey(key), Timestamp: p.stamp(key, ts), Headers: p.c.Headers}
	out.Value.New, out.Value.HasNew = value, true
	if p.headers != nil {
		row, err := p.rows.AppendKey(nil, key)
		if err != nil {
			return err
		}
		if out.Headers, err = p.headers.take(row); err != nil {
			return err
		}
	}
	p.c.at = p.c.node
	return p.c.Forward(out)
}
