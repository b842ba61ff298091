package processors

import "github.com/tidemill/tidemill/state"

// Mortal is a store whose rows run out: a state.KeyValue of any types.
type Mortal interface {
	SetMortality(*state.Mortality)
	RunOut(key []byte, deadline, at int64) (ts int64, left bool, err error)
}

// Deaths are the encoded keys of a store's rows by the earliest time at which each may
// have run out. A row that is written again stays where it is until that time.
type Deaths = state.TimeBuffer[[]byte, []byte]

// Expire has the rows of a store run out when the task's time is ttl milliseconds ahead
// of the timestamp that they were written with last. deaths is the name of the Deaths of
// the store. What has run out is removed behind each record, which is passed on like any
// other write.
func Expire(t *Task, store Mortal, deaths string, ttl int64) {
	e := &expiry{t: t, store: store, name: deaths, ttl: ttl}
	store.SetMortality(&state.Mortality{Deadline: e.deadline, Born: e.born})
	t.AfterRecord(e.removeAll)
}

type expiry struct {
	t     *Task
	store Mortal
	name  string
	ttl   int64
	// deaths is there when the task has been assembled.
	deaths *Deaths
}

func (e *expiry) deadline() int64 { return e.t.StreamTime - e.ttl }

func (e *expiry) open() (err error) {
	if e.deaths == nil {
		e.deaths, err = Store[*Deaths](e.t, e.name)
	}
	return err
}

func (e *expiry) born(key []byte, ts int64) error {
	if err := e.open(); err != nil {
		return err
	}
	return e.enter(key, ts)
}

// enter notes that a row may have run out when those with a timestamp have.
func (e *expiry) enter(key []byte, ts int64) error {
	var r state.Buffered[[]byte, []byte]
	r.Key, r.Value, r.Timestamp = key, []byte{}, ts
	return e.deaths.Put(r.Record, noSource)
}

// burst is how many rows are removed behind one record at most, to bound what that
// writes. The others wait for the next record; nobody sees them.
const burst = 4096

// removeAll removes what has run out, each row as a unit of work of its own.
func (e *expiry) removeAll() error {
	if err := e.open(); err != nil {
		return err
	}
	for range burst {
		if _, ok, err := e.deaths.First(e.deadline()); err != nil || !ok {
			return err
		}
		done := false
		err := e.t.Guard(func() error {
			err := e.next(e.remove)
			done = err == nil
			return err
		})
		if err == nil && !done {
			err = e.t.Guard(func() error { return e.next(e.postpone) })
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// next takes the first entry and has something done with its key.
func (e *expiry) next(do func(key []byte) error) error {
	first, ok, err := e.deaths.First(e.deadline())
	if err != nil || !ok {
		return err
	}
	if err := e.deaths.RemoveFirst(); err != nil {
		return err
	}
	return do(first.Key)
}

// remove removes a row if it has run out, and else notes when it may have.
func (e *expiry) remove(key []byte) error {
	ts, left, err := e.store.RunOut(key, e.deadline(), e.t.StreamTime)
	if err != nil || !left {
		return err
	}
	return e.enter(key, ts)
}

// postpone has a row, whose removal a policy has left behind, come again.
func (e *expiry) postpone(key []byte) error { return e.enter(key, e.t.StreamTime) }
