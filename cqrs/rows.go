package cqrs

import (
	"encoding/binary"
	"encoding/json/v2"
	"errors"
	"fmt"
	"iter"

	"github.com/tidemill/tidemill/events"
	"github.com/tidemill/tidemill/serde"
	"github.com/tidemill/tidemill/state"
)

// rows are the aggregates of one task in their store, three kinds of rows for each:
//
//	id 0 h           head: version (8 bytes, big-endian), that of the snapshot (8), 1 if erased
//	id 0 s           snapshot: version (8), version of its schema (4), the state
//	id 0 e sequence  an event as JSON; the sequence has 16 hex digits
//
// The rows of an aggregate lie together, its events in their order.
type rows struct {
	store *state.KeyValue[string, []byte]
}

// head says where an aggregate is.
type head struct {
	version, snapshot int64
	erased            bool
}

const (
	headRow     = "\x00h"
	snapshotRow = "\x00s"
	eventRow    = "\x00e"
)

func eventKey(id string, sequence int64) string {
	return fmt.Sprintf("%s%s%016x", id, eventRow, sequence)
}

var errRow = errors.New("cqrs: a row of the store has another layout: it was written by something else")

func (r rows) head(id string) (h head, err error) {
	data, ok, err := r.store.Get(id + headRow)
	if err != nil || !ok {
		return h, err
	}
	if len(data) != 17 {
		return h, errRow
	}
	return head{int64(binary.BigEndian.Uint64(data)), int64(binary.BigEndian.Uint64(data[8:])), data[16] == 1}, nil
}

func (r rows) setHead(id string, h head) error {
	data := binary.BigEndian.AppendUint64(make([]byte, 0, 17), uint64(h.version))
	data = binary.BigEndian.AppendUint64(data, uint64(h.snapshot))
	if h.erased {
		return r.store.Put(id+headRow, append(data, 1))
	}
	return r.store.Put(id+headRow, append(data, 0))
}

// snapshot is the newest snapshot of an aggregate, if it is of the right schema.
func (r rows) snapshot(id string, schema uint32) (data []byte, version int64, ok bool, err error) {
	data, ok, err = r.store.Get(id + snapshotRow)
	if err != nil || !ok {
		return nil, 0, false, err
	}
	if len(data) < 12 {
		return nil, 0, false, errRow
	}
	if binary.BigEndian.Uint32(data[8:]) != schema {
		return nil, 0, false, nil
	}
	return data[12:], int64(binary.BigEndian.Uint64(data)), true, nil
}

func (r rows) setSnapshot(id string, version int64, schema uint32, encoded func(dst []byte) ([]byte, error)) error {
	data := binary.BigEndian.AppendUint64(nil, uint64(version))
	data, err := encoded(binary.BigEndian.AppendUint32(data, schema))
	if err != nil {
		return err
	}
	return r.store.Put(id+snapshotRow, data)
}

var eventSerde = serde.JSON[events.Event]()

func (r rows) append(e events.Event) error {
	data, err := json.Marshal(e)
	if err != nil {
		return err
	}
	return r.store.Put(eventKey(e.AggregateID, e.Sequence), data)
}

// events are those of an aggregate from a sequence on.
func (r rows) events(id string, from int64) iter.Seq2[events.Event, error] {
	return func(yield func(events.Event, error) bool) {
		for row, err := range r.store.Range(eventKey(id, from), id+eventRow+"g") {
			var e events.Event
			if err == nil {
				e, err = eventSerde.Decode(row.Value)
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

// erase deletes all rows of an aggregate but the head, which says that it was there.
func (r rows) erase(id string, version int64) error {
	for sequence := int64(1); sequence <= version; sequence++ {
		if _, _, err := r.store.Delete(eventKey(id, sequence)); err != nil {
			return err
		}
	}
	_, _, err := r.store.Delete(id + snapshotRow)
	return errors.Join(err, r.setHead(id, head{version: version, erased: true}))
}
