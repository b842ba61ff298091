package topologytest

import (
	"maps"
	"slices"

	"github.com/tidemill/tidemill/record"
)

// Report is a record that an error policy left behind, or tries again.
type Report struct {
	Err *record.Error
	// Policy is what was done, such as "skip" or "retry 1 of 3".
	Policy string
	// Step is the call during which it happened.
	Step int
}

func (d *Driver) report(err *record.Error, policy string) {
	d.reports = append(d.reports, Report{Err: err, Policy: policy, Step: d.step})
}

// Reports are the records that error policies left behind so far.
func (d *Driver) Reports() []Report { return slices.Clone(d.reports) }

// Dropped tells how many records operators did not pass on because of a rule, by
// reason: such as late ones, or ones without a key. A record that is processed again
// after a crash counts again.
func (d *Driver) Dropped() map[string]int64 {
	sum := maps.Clone(d.dropped)
	for _, h := range d.tasks {
		for reason, n := range h.task.Dropped() {
			sum[reason] += n
		}
	}
	return sum
}
