package sagas

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/state"
	"github.com/tidemill/tidemill/topology"
)

// rows is the type of all stores of this package.
type rows = *state.KeyValue[string, []byte]

// agenda is durable timers in the order of their times: its store has a row for each,
// whose key begins with the time, so that those that are due are the first rows and
// none is looked at before.
type agenda struct {
	rows rows
	// next is a time before which nothing is due.
	next int64
}

// open opens the store of what a processor keeps, and its timers.
func open(t *processors.Task, kept, timers topology.Store[rows]) (rows, agenda, error) {
	have, err := kept.In(t)
	if err != nil {
		return nil, agenda{}, err
	}
	due, err := timers.In(t)
	return have, agenda{rows: due}, err
}

// entry is a timer of some owner.
type entry struct {
	due   int64
	name  string
	owner string
}

// digits is how long a time is in a key: up to the year 33658.
const digits = 15

func agendaKey(e entry) string { return fmt.Sprintf("%0*d/%s/%s", digits, e.due, e.name, e.owner) }

func parseAgendaKey(key string) (e entry, err error) {
	if len(key) <= digits {
		return e, fmt.Errorf("sagas: the store of timers has key %q: its changelog is not one of a store of timers", key)
	}
	due, err := strconv.ParseInt(key[:digits], 10, 64)
	if err != nil {
		return e, fmt.Errorf("sagas: the store of timers has key %q: %w", key, err)
	}
	name, owner, _ := strings.Cut(key[digits+1:], "/")
	return entry{due, name, owner}, nil
}

func (a *agenda) set(e entry) error {
	a.next = min(a.next, e.due)
	return a.rows.Put(agendaKey(e), []byte{1})
}

func (a *agenda) cancel(e entry) error {
	_, _, err := a.rows.Delete(agendaKey(e))
	return err
}

// take removes and returns what is due, but not more than most.
func (a *agenda) take(now int64, most int) (due []entry, err error) {
	if now < a.next {
		return nil, nil
	}
	for item, err := range a.rows.Range("", agendaKey(entry{due: now + 1})) {
		if err != nil {
			return nil, err
		}
		e, err := parseAgendaKey(item.Key)
		if err != nil {
			return nil, err
		}
		if due = append(due, e); len(due) == most {
			break
		}
	}
	for _, e := range due {
		if err := a.cancel(e); err != nil {
			return nil, err
		}
	}
	if len(due) == 0 {
		a.next, err = a.first(now)
	}
	return due, err
}

// first is the time of the first timer behind now. Only a look that found nothing due
// moves on to it, so that it cannot outlive what was taken and then taken back.
func (a *agenda) first(now int64) (int64, error) {
	for item, err := range a.rows.Range(agendaKey(entry{due: now + 1}), ":") {
		if err != nil {
			return 0, err
		}
		e, err := parseAgendaKey(item.Key)
		return e.due, err
	}
	return math.MaxInt64, nil
}
