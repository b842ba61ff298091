package cqrs

import (
	"fmt"

	"github.com/tidemill/tidemill/events"
	"github.com/tidemill/tidemill/record"
)

// eraseType is the type of the event that Erase decides on. It is replaced by one of
// the aggregate's own, such as investigation.erased.
const eraseType = "\x00erase"

// Erase is what Decide returns to erase an aggregate with all of its payloads. The
// aggregate has to be Erasable.
func Erase() []events.Event { return []events.Event{{Type: eraseType}} }

// Erasable has aggregates be erased for good when Decide returns Erase. Each event has
// a key of its own then, its aggregate's id, a slash and the sequence, with which a
// tombstone deletes it; the topic of events must be compacted
// (cleanup.policy=compact), and is still partitioned by the aggregate's id.
//
// Erasing writes a tombstone for each event, deletes the aggregate's rows in the store,
// and so in its changelog, and tells one last event of type <name>.erased, without a
// payload. Brokers drop what was deleted when they compact, and read models have to
// act on that event. Later commands for the aggregate are rejected.
func (a *Aggregate[S]) Erasable() *Aggregate[S] {
	a.erasable = true
	return a
}

// erase erases an aggregate of a version.
func (d *deciding[S]) erase(c Command, version int64) (told []record.Record[string, events.Event], _ int64, err error) {
	if !d.of.erasable {
		return nil, version, fmt.Errorf("cqrs: %s: %w", d.of.bus.name, errNotErasable)
	}
	if version == 0 {
		return nil, 0, Reject("aggregateId", "there is no %s %q", d.of.bus.name, c.AggregateID)
	}
	last := d.of.complete(events.Event{Type: d.of.bus.name + ".erased", Version: 1}, c, version+1)
	if err := d.rows.erase(c.AggregateID, version); err != nil {
		return nil, version, err
	}
	delete(d.recent, c.AggregateID)
	for sequence := int64(1); sequence <= version; sequence++ {
		told = append(told, record.Record[string, events.Event]{Tombstone: true, Key: c.AggregateID, Value: events.Event{AggregateID: c.AggregateID, Sequence: sequence}})
	}
	told = append(told, record.Record[string, events.Event]{Key: c.AggregateID, Value: last})
	return told, version + 1, d.rows.setHead(c.AggregateID, head{version: version + 1, erased: true})
}
