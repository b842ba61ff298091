package task

import (
	"errors"
	"slices"

	"github.com/tidemill/tidemill/connectors"
	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/record"
)

// positions appends how far the task has got in its inputs.
func (t *Task) positions(dst []processors.At) []processors.At {
	for _, in := range t.inputs {
		dst = append(dst, processors.At{Topic: in.topic, Next: in.position()})
	}
	return dst
}

// cutFull has complete batches written, between two records.
func (t *Task) cutFull() { t.cutThose(processors.Outside.Full) }

// writeLinger is for how long, in milliseconds, no record has to come before a batch is
// written that is not complete.
const writeLinger = 5

// cutIdle has batches written that are not complete, if there is nothing else to do. They
// grow while another is under way.
func (t *Task) cutIdle() {
	due := t.writeDue
	t.writeDue = 0
	if t.pending > 0 || !slices.ContainsFunc(t.outsides, processors.Outside.Begun) {
		return
	}
	switch {
	case due == 0:
		t.writeDue = t.env.Now + writeLinger
	case t.env.Now < due:
		t.writeDue = due
	default:
		t.cutThose(processors.Outside.Begun)
	}
}

// WriteDue is the wall-clock time at which an incomplete batch is to be written if
// Process has taken nothing until then, or 0.
func (t *Task) WriteDue() int64 { return t.writeDue }

// cutThose has some batches written. Positions mean that everything before them is
// finished, so while other calls are under way that waits for the next commit.
func (t *Task) cutThose(due func(processors.Outside) bool) {
	for _, o := range t.outsides {
		if !due(o) {
			continue
		}
		if t.othersPending() {
			(*processors.Task)(&t.env).RequestCommit()
			continue
		}
		t.raw, t.cut = nil, t.positions(t.cut[:0])
		o.Cut(t.cut)
		t.admit()
	}
}

// othersPending says whether calls are under way that are no writes of batches.
func (t *Task) othersPending() bool {
	for _, l := range t.lines {
		if l.pending > 0 && !l.rules.Patient {
			return true
		}
	}
	return false
}

// settle has everything written up to where the task stands, which a commit must not
// go beyond.
func (t *Task) settle() {
	if len(t.outsides) == 0 {
		return
	}
	t.settled, t.raw = true, nil
	t.cut = t.positions(t.cut[:0])
	for _, o := range t.outsides {
		o.Cut(t.cut)
	}
	t.admit()
}

// reached is the offset of an input that may be committed. It does not move while a
// commit is under way, although markers may arrive.
func (t *Task) reached(i int) int64 {
	if t.settled {
		return t.cut[i].Next
	}
	return t.inputs[i].position()
}

// wrote ends the unit of work that the write of a batch is. Records that the target
// has refused are failures, one by one; any other error is nobody's.
func (t *Task) wrote(c *Call, err error) error {
	var refused *connectors.RefusedError
	var target *connectors.TargetError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &refused):
		return t.refuse(c, refused.Records)
	case !errors.As(err, &target):
		err = &connectors.TargetError{Sink: t.CallNode(c), Err: err}
	}
	_, err = t.failed(err, nil, nil)
	return err
}

func (t *Task) refuse(c *Call, records []connectors.RefusedRecord) error {
	for i := range records {
		r := &records[i]
		raw := &r.Raw
		if !r.HasRaw {
			raw = nil
		}
		t.env.Source = r.Source
		t.begin(raw)
		t.env.Enter(c.asked.Node)
		if _, err := t.failed(r.Err, raw, nil); err != nil {
			return err
		}
	}
	return nil
}

// againPatiently says in how many milliseconds a write is tried again: for as long as
// it takes, unless a transaction would not last.
func (c *Call) againPatiently(now int64) (delay int64, ok bool) {
	var unavailable *connectors.UnavailableError
	if !errors.As(c.err, &unavailable) {
		return 0, false
	}
	if limit := c.line.limit; limit > 0 && float64(now-c.began) > limit/2 {
		return 0, false
	}
	c.retries = min(c.retries+1, slowest)
	return max(1, processors.Doubling(c.line.rules.Backoff, c.retries).Milliseconds()), true
}

// slowest is the number of the retry from which on the pause stays the same.
const slowest = 7

// reportOutage says that a target does not answer.
func (t *Task) reportOutage(c *Call) {
	t.config.Report(&record.Error{Stage: record.Process, Node: t.CallNode(c), Metadata: c.source, Err: c.err}, "write again")
}
