package cep

import (
	"github.com/tidemill/tidemill/internal/nfa"
	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/state"
)

// afterRecord does what stream time has made due: for each key whose timer it has
// reached, the events that waited for it, one by one, and then what runs out of time.
// Each is a unit of work of its own. One that fails is left behind.
func (d *detector[K, T]) afterRecord() error {
	for {
		due, ok := d.timers.take(d.moment())
		if !ok {
			return nil
		}
		d.due, d.fired = due, false
		for _, work := range d.work {
			if d.fired {
				break
			}
			if err := d.c.Guard(work); err != nil {
				return err
			}
		}
		if !d.fired {
			d.timers.add(timer{at: d.moment() + 1, armed: due.armed, key: due.key})
		}
	}
}

// fire does the next thing that is due for the key of a timer.
func (d *detector[K, T]) fire() error {
	return d.onTimer(true, func(e nfa.Event) { d.machine.Process(e) })
}

// giveUp leaves the next thing behind that is due for the key of a timer, because it
// has failed: an event that has waited is dropped, and matches are not passed on.
func (d *detector[K, T]) giveUp() error {
	return d.onTimer(false, func(nfa.Event) { d.c.Drop(dropFailed) })
}

func (d *detector[K, T]) onTimer(forward bool, take func(nfa.Event)) error {
	(*processors.Owner)(d.c.Task).Enter(d.node)
	entry, err := d.timed()
	if err != nil {
		return err
	}
	d.load(entry)
	m, moment := d.machine, d.moment()
	if m.Timer != d.due.armed { // another timer has taken its place
		d.fired = true
		return nil
	}
	m.SetTimer(nfa.Never)
	if m.Err() == nil {
		if e, ok := m.Next(moment); ok {
			take(e)
		} else {
			m.Advance(moment)
		}
	}
	err = d.finish(entry, forward)
	d.fired = err == nil
	return err
}

// timed looks up the key of the timer at work.
func (d *detector[K, T]) timed() (*state.Entry[K, *nfa.State], error) {
	key, err := d.key.Decode([]byte(d.due.key))
	if err != nil {
		return nil, err
	}
	return d.store.Lookup(key)
}
