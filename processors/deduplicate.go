package processors

import (
	"encoding/binary"

	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/serde"
	"github.com/tidemill/tidemill/state"
)

// Deduplicate passes on the first record of each id and drops those that follow within
// a time of it. Which record is first is decided by arrival, which ones are near it by
// their timestamps, before or after.
type Deduplicate[K, V any] struct {
	// Store is a state.JoinWindow of the ids that were passed on, with twice the time as
	// its retention.
	Store string
	// Within is the time in milliseconds.
	Within int64
	// Key encodes keys. Append adds the id of a record to its key, if it is not the key
	// alone that must not come twice.
	Key    serde.Serde[K]
	Append func(dst []byte, r record.Record[K, V]) ([]byte, error)
}

// dropDuplicate is the reason for which a record is dropped that was there before.
const dropDuplicate = "duplicate"

// Supplier makes the operator. A record is late when it is the time or more behind the
// highest timestamp so far: what came near it may have been forgotten. It is dropped,
// and so is one without a key.
func (d Deduplicate[K, V]) Supplier() Supplier[K, V, K, V] {
	return func(c *Context[K, V]) (Processor[K, V], error) {
		ids, err := openSide[[]byte, []byte](c.Task, d.Store)
		if err != nil {
			return nil, err
		}
		return &deduplicate[K, V]{
			Deduplicate: d, c: c, late: latenessOf[K, V](c.Task, c.node), in: nullsOfRecord[K, V](),
			seen: seenIDs{ids: ids, within: d.Within, latest: c.TrackTime(d.Store + "\x00seen")},
		}, nil
	}
}

type deduplicate[K, V any] struct {
	Deduplicate[K, V]
	c       *Context[K, V]
	late    lateness[K, V]
	in      recordNulls[K, V]
	seen    seenIDs
	scratch []byte
}

func (p *deduplicate[K, V]) Process(r record.Record[K, V]) error {
	if p.in.lacksKey(r) || p.Append != nil && p.in.values.hides(r.Tombstone) {
		p.c.Drop(dropNullKeyOrValue)
		return nil
	}
	if p.seen.late(r.Timestamp) {
		p.c.Drop(dropLate)
		return p.late.give(r)
	}
	id, err := p.identify(r)
	if err != nil {
		return err
	}
	again, err := p.seen.enter(id, r.Timestamp)
	if err != nil {
		return err
	}
	if again {
		p.c.Drop(dropDuplicate)
		return nil
	}
	return p.c.Forward(r)
}

// identify encodes what must not come twice: the key, or its length, the key and the
// id.
func (p *deduplicate[K, V]) identify(r record.Record[K, V]) (id []byte, err error) {
	id = p.scratch[:0]
	if p.Append == nil {
		id, err = p.Key.Append(id, r.Key)
	} else if id, err = p.Key.Append(append(id, 0, 0, 0, 0), r.Key); err == nil {
		binary.BigEndian.PutUint32(id, uint32(len(id)-4))
		id, err = p.Append(id, r)
	}
	p.scratch = id
	return id, err
}

// seenIDs knows which ids were passed on, and when.
type seenIDs struct {
	ids    *state.JoinWindow[[]byte, []byte]
	within int64
	// latest is the highest timestamp of all records.
	latest *int64
}

// late advances the time and says whether a record is behind it.
func (s *seenIDs) late(ts int64) bool {
	*s.latest = max(*s.latest, ts)
	return ts <= *s.latest-s.within
}

// enter notes an id, unless it was passed on near that time, and tells which.
func (s *seenIDs) enter(id []byte, ts int64) (again bool, err error) {
	to := ts + min(s.within-1, *s.latest-ts) // nothing is behind the latest one
	rows, err := s.ids.Fetch(id, ts-s.within+1, to)
	if err != nil || len(rows) > 0 {
		return len(rows) > 0, err
	}
	return false, s.ids.Put(id, nil, ts, nil)
}
