package task

import (
	"fmt"
	"iter"

	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/state"
	"github.com/tidemill/tidemill/topology"
)

// Replay adds to a batch what records change in one of the stores, which is being
// restored: records of its changelog, or of the topic that it has in place of one.
// Of the latter, those that cannot be decoded are handled by the policy: they were
// left behind when they were first read, unless the policy was another one then.
func (t *Task) Replay(store int, b state.Batch, records iter.Seq[record.Raw]) error {
	plan, lifecycle := t.plan.Stores[store], t.stores.Lifecycles[store]
	if plan.Source == "" {
		return state.Replay(lifecycle, b, records)
	}
	var fault error
	err := state.Replay(lifecycle, b, func(yield func(record.Raw) bool) {
		for r := range records {
			recoded, ok, err := t.recode(plan, r)
			if err != nil {
				fault = err
				return
			}
			if ok && !yield(recoded) {
				return
			}
		}
	})
	if fault != nil {
		return fault
	}
	return err
}

// recode makes a changelog record of a record of a source topic; ok is false if it is
// no row.
func (t *Task) recode(plan *topology.StorePlan, r record.Raw) (_ record.Raw, ok bool, err error) {
	if r.Key == nil {
		return r, false, nil
	}
	err = errNegative
	if r.Timestamp >= 0 {
		r.Key, r.Value, err = plan.Recode(r.Key, r.Value)
	}
	if err == nil {
		return r, true, nil
	}
	if t.config.Policies.Decode.leavesBehind() {
		return r, false, nil
	}
	return r, false, fmt.Errorf("store %q: offset %d of topic %q, partition %d, cannot be decoded: %w: it was read under another policy: choose one that leaves it behind, or leave ReuseSourceTopics out", plan.Name, r.Offset, plan.Source, t.ID.Partition, err)
}

var errNegative = fmt.Errorf("the timestamp is negative")

// leavesBehind says whether the worker goes on after a record that fails for good.
func (p Policy) leavesBehind() bool {
	if p.action == retry {
		return p.then.leavesBehind()
	}
	return p.action != fail
}
