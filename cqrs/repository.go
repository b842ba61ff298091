package cqrs

import (
	"fmt"
	"iter"

	"github.com/tidemill/tidemill/events"
	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/serde"
)

// Repository reads the aggregates of one task.
type Repository[S any] struct {
	of    *Aggregate[S]
	rows  rows
	codec serde.Serde[S]
	// recent are states as they were last seen. A state counts if its version is still
	// that of the head: a unit of work that is taken back takes back the head.
	recent map[string]Loaded[S]
}

// Loaded is an aggregate as its events made it.
type Loaded[S any] struct {
	State S
	// Version is how many events it consists of; 0 if there is none of this id.
	Version int64
	// Replayed is how many events were read to load it, behind a snapshot or from the
	// first.
	Replayed int
	// Erased says that it was erased. The state is zero then.
	Erased bool
	// snapshot is the version of the newest usable snapshot.
	snapshot int64
}

// maxRecent bounds the states that a repository keeps.
const maxRecent = 4096

// In is the repository of a task, for processors that are connected with Rows.
func (a *Aggregate[S]) In(t *processors.Task) (*Repository[S], error) {
	store, err := a.store.In(t)
	if err != nil {
		return nil, err
	}
	codec, err := serde.Of[S]()
	if err != nil {
		return nil, fmt.Errorf("cqrs: %s: the state: %w", a.bus.name, err)
	}
	return &Repository[S]{of: a, rows: rows{store}, codec: codec, recent: map[string]Loaded[S]{}}, nil
}

// Load makes the state of an aggregate of its newest snapshot and the events behind it.
// An aggregate that is not there has the zero state and version 0.
func (r *Repository[S]) Load(id string) (Loaded[S], error) {
	h, err := r.rows.head(id)
	if err != nil {
		return Loaded[S]{}, err
	}
	return r.replay(id, h)
}

func (r *Repository[S]) replay(id string, h head) (out Loaded[S], err error) {
	if h.erased {
		return Loaded[S]{Version: h.version, Erased: true}, nil
	}
	data, version, ok, err := r.rows.snapshot(id, r.of.schema)
	if err != nil {
		return out, err
	}
	if ok && version <= h.version {
		if out.State, err = r.codec.Decode(data); err != nil {
			return out, fmt.Errorf("cqrs: %s %q: the snapshot of version %d: %w: raise the number that Snapshots is given", r.of.bus.name, id, version, err)
		}
		out.Version, out.snapshot = version, version
	}
	for e, err := range r.rows.events(id, out.Version+1) {
		if err == nil && e.Sequence > h.version {
			break // of a command that is being decided on again
		}
		if err == nil && e.Sequence != out.Version+1 {
			err = fmt.Errorf("event %d is missing", out.Version+1)
		}
		if err == nil {
			out.State, err = r.of.evolved(out.State, e)
		}
		if err != nil {
			return out, fmt.Errorf("cqrs: load %s %q: %w", r.of.bus.name, id, err)
		}
		out.Version++
		out.Replayed++
	}
	if out.Version != h.version {
		return out, fmt.Errorf("cqrs: load %s %q: there are events up to %d, want %d", r.of.bus.name, id, out.Version, h.version)
	}
	return out, nil
}

// Events are the events of an aggregate from a sequence on, brought to the newest
// versions of their types.
func (r *Repository[S]) Events(id string, from int64) iter.Seq2[events.Event, error] {
	return func(yield func(events.Event, error) bool) {
		for e, err := range r.rows.events(id, max(from, 1)) {
			if err == nil {
				e.Data, e.Version, err = r.of.chains.Apply(e.Type, e.Version, e.Data)
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

// current is Load without reading what was seen lately.
func (r *Repository[S]) current(id string) (Loaded[S], error) {
	h, err := r.rows.head(id)
	if err != nil {
		return Loaded[S]{}, err
	}
	if have, ok := r.recent[id]; ok && have.Version == h.version && !h.erased {
		have.Replayed = 0
		return have, nil
	}
	return r.replay(id, h)
}

// keep remembers a state for current.
func (r *Repository[S]) keep(id string, s Loaded[S]) {
	if len(r.recent) >= maxRecent {
		clear(r.recent)
	}
	r.recent[id] = s
}
