package processors

import (
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/state"
)

// outerSide is one side of a left or outer join. A record of an outer side without a
// match waits for one until its window and the grace have passed. Then it is given
// out alone, with its own timestamp and the headers of the record that made it due:
// one whose timestamp is the highest so far, before that is matched itself. A record
// without a key cannot find a match and is given out at once.
//
// As in Kafka Streams, a record that finds no match when the window behind it lies
// in the past already is given out at once too, even within the grace. If its match
// comes still later, there is a second result.
//
// Kafka Streams may delay a result past its due time, because it takes the lowest
// timestamp among the records that wait for later than it is. This does not.
type outerSide[K, V, W, O any] struct {
	joinSide[K, V, W, O]
	// alone makes the result of a record without a match. It is nil for the right
	// side of a left join.
	alone func(K, V) O
	// mine are the records of this side that wait, theirs those of the other.
	mine   *state.Waiting[K, V]
	theirs *state.Waiting[K, W]
	// seen is the highest timestamp of both sides.
	seen *int64
	// due gives out what is due at a time, with the headers of a record.
	due func(at int64, headers record.Headers) error
	// headers are those of the records that wait, if they are kept.
	headers *keptHeaders
}

func (j StreamJoin[K, L, R, O]) outerLeft(side joinSide[K, L, R, O]) (Processor[K, L], error) {
	rows, err := Store[*state.Unmatched[K, L, R]](side.c.Task, j.Unmatched)
	if err != nil {
		return nil, err
	}
	seen, due := side.c.TrackTime(j.Unmatched), newDueRows(j, side.c, rows)
	if !side.c.Advances().Zero() {
		side.c.AfterRecord(func() error { return due.without(*seen) })
	}
	return &outerSide[K, L, R, O]{
		joinSide: side, alone: j.OnlyLeft, mine: &rows.Left, theirs: &rows.Right, seen: seen, due: due.all, headers: due.kept,
	}, nil
}

func (j StreamJoin[K, L, R, O]) outerRight(side joinSide[K, R, L, O]) (Processor[K, R], error) {
	rows, err := Store[*state.Unmatched[K, L, R]](side.c.Task, j.Unmatched)
	if err != nil {
		return nil, err
	}
	due := newDueRows(j, side.c, rows)
	return &outerSide[K, R, L, O]{
		joinSide: side, alone: j.OnlyRight, mine: &rows.Right, theirs: &rows.Left,
		seen: side.c.TrackTime(j.Unmatched), due: due.all, headers: due.kept,
	}, nil
}

func (p *outerSide[K, V, W, O]) Process(r record.Record[K, V]) error {
	*p.seen = max(*p.seen, r.Timestamp)
	nullKey := p.in.lacksKey(r)
	if p.in.lacksValue(r) || nullKey && p.alone == nil {
		p.c.Drop(dropNullKeyOrValue)
		return nil
	}
	if nullKey {
		return p.forward(r, p.alone(r.Key, r.Value), r.Timestamp)
	}
	if r.Timestamp == *p.seen {
		if err := p.due(*p.seen, r.Headers); err != nil {
			return err
		}
	}
	rows, err := p.find(r)
	if err != nil {
		return err
	}
	if len(rows) == 0 && p.alone != nil {
		return p.wait(r)
	}
	return p.matchAll(r, rows)
}

func (p *outerSide[K, V, W, O]) matchAll(r record.Record[K, V], rows []state.Row[W]) error {
	for i := range rows {
		row := &rows[i]
		if err := p.theirs.Remove(r.Key, row.Timestamp); err != nil {
			return err
		}
		if err := keepFor(p.headers, p.theirs, r.Key, row.Timestamp, nil); err != nil {
			return err
		}
		if err := p.forward(r, p.match(r.Key, r.Value, row.Value), max(r.Timestamp, row.Timestamp)); err != nil {
			return err
		}
	}
	return nil
}

// wait has a record without a match wait for one, or gives it out at once if that is
// in vain.
func (p *outerSide[K, V, W, O]) wait(r record.Record[K, V]) error {
	if _, to := p.windows.Range(r.Timestamp); to < *p.seen {
		return p.forward(r, p.alone(r.Key, r.Value), r.Timestamp)
	}
	if err := keepFor(p.headers, p.mine, r.Key, r.Timestamp, r.Headers); err != nil {
		return err
	}
	return p.mine.Add(r.Key, r.Timestamp, r.Value)
}
