package task

import (
	"fmt"
	"runtime/debug"

	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/record"
)

// Process takes at most limit records from the inputs, lowest timestamp first,
// and runs each through the topology. now is the wall clock in milliseconds. It
// returns how many it took, 0 if there is nothing to do for now, or not before calls
// under way have ended. An error is final: the task has to be thrown away.
func (t *Task) Process(limit int, now int64) (n int, err error) {
	t.env.Now = now
	t.settled = false
	if now < t.blocked {
		return 0, nil
	}
	for n < limit && !t.full() {
		in := t.retrying
		if in == nil {
			in = t.choose()
		}
		if in == nil {
			t.cutIdle()
			return n, nil
		}
		t.writeDue = 0
		taken, err := t.one(in)
		if err != nil || !taken {
			return n, err
		}
		n++
		t.clock.worked = now
	}
	return n, nil
}

// one runs the head record of an input. It reports false if the record has to be
// tried again later, or has to wait for calls.
func (t *Task) one(in *input) (bool, error) {
	defer t.atRest()
	raw := in.first()
	t.env.Source = record.Metadata{Topic: in.topic, Partition: in.partition, Offset: raw.Offset}
	t.begin(raw)
	t.env.Enter(in.node)
	at, err := t.run(in, raw)
	switch {
	case err != nil:
		due, err := t.failed(err, raw, &t.attempt)
		if due > 0 {
			t.retrying, t.blocked = in, due
		}
		if due > 0 || err != nil {
			return false, err
		}
	case t.tooSlow():
		t.rollback()
		t.crowded = true
		return false, nil
	default:
		in.time = max(in.time, at)
		t.admit()
	}
	t.attempt, t.retrying = 0, nil
	t.processed++
	in.advance(t.config.Recycle)
	return true, t.afterRecord()
}

// afterRecord does what stream time makes due, which is not the record's work.
func (t *Task) afterRecord() error {
	t.env.Source = record.Metadata{}
	if t.env.StreamTime < 0 {
		return nil
	}
	if err := t.protect(t.env.RunAfterRecord); err != nil {
		return err
	}
	_, err := t.env.Punctuate(processors.StreamTime, t.env.StreamTime)
	t.cutFull()
	return err
}

// atRest says that no record is at hand.
func (t *Task) atRest() { t.env.Source, t.env.Headers = record.Metadata{}, nil }

// run processes a record and turns a panic of the user's code into an error.
func (t *Task) run(in *input, raw *record.Raw) (at int64, err error) {
	defer caught(&err)
	return in.source.Process(raw, in.time)
}

// guard runs work that no record at hand causes as a unit.
func (t *Task) guard(work func() error) error {
	t.unprompted++
	t.begin(nil)
	err := t.protect(work)
	if err != nil {
		_, err = t.failed(err, nil, nil)
		return err
	}
	t.admit()
	return nil
}

func (t *Task) protect(work func() error) (err error) {
	defer caught(&err)
	return work()
}

// PanicError is the error that a panic of the user's code becomes.
type PanicError struct {
	Value any
	Stack []byte
}

func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// Unwrap is the value of the panic if it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

func caught(err *error) {
	if value := recover(); value != nil {
		*err = &PanicError{Value: value, Stack: debug.Stack()}
	}
}

// begin starts a unit of work that can be taken back. raw is the record that it
// comes from, or nil.
func (t *Task) begin(raw *record.Raw) {
	t.raw = raw
	t.mark = t.env.Outbox.Mark()
	if !t.lenient {
		return
	}
	t.env.Mark()
	for _, store := range t.stores.Lifecycles {
		store.Mark()
	}
}

// rollback takes back everything since begin.
func (t *Task) rollback() {
	t.env.Outbox.Rollback(t.mark)
	t.env.ForgetAsked()
	t.env.Rollback()
	for _, o := range t.outsides {
		o.Forget()
	}
	for _, store := range t.stores.Lifecycles {
		store.Rollback()
	}
}
