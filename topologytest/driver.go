package topologytest

import (
	"cmp"
	"fmt"
	"testing"
	"time"

	"github.com/tidemill/tidemill/internal/task"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/topology"
)

// Driver runs a topology: all tasks of all its subtopologies, over topics in
// memory, on a clock that only Advance moves. Nothing happens except during its
// calls, each of which goes on until there is nothing left to do.
//
// Asynchronous operators make their calls one after another, in the order in which
// they were asked for; with Seed in any order, as their answers could come. Those that
// are to be made again wait for Advance. The context of a call that blocks ends as if
// it had waited for its timeout; a call that goes on blocking is reported. While calls
// are under way, commits wait for them.
type Driver struct {
	tb      reporter
	plan    *topology.Plan
	layout  *topology.Layout
	config  config
	topics  map[string]*topic
	workers []*worker
	tasks   []*hosted // in the order of their ids
	// offsets are what is committed.
	offsets map[partition]task.Position
	now     int64
	// step counts the calls of Send and Advance, appended the records of all topics.
	step     int
	appended int64
	// appeared are topics that were made after the start.
	appeared []string
	moments  int
	batching bool
	spare    []*record.Batch
	reports  []Report
	// dropped are the counts of tasks that have ended.
	dropped map[string]int64
	err     error
}

// partition is one partition of a topic.
type partition struct {
	topic  string
	number int32
}

// reporter is the part of testing.TB that the driver uses.
type reporter interface {
	Helper()
	Fatal(args ...any)
}

// silent leaves it to Err to tell what failed.
type silent struct{}

func (silent) Helper()      {}
func (silent) Fatal(...any) {}

// New starts a topology. What is wrong with it, and what fails later, fails the
// test.
func New(tb testing.TB, b *topology.Builder, options ...Option) *Driver {
	tb.Helper()
	d, err := Open(b, options...)
	if err != nil {
		tb.Fatal(err)
	}
	d.tb = tb
	tb.Cleanup(d.Close)
	return d
}

// Open starts a topology that may fail: it returns what is wrong with it, and Err
// what fails later. The caller calls Close at the end.
func Open(b *topology.Builder, options ...Option) (*Driver, error) {
	c, err := configOf(options)
	if err != nil {
		return nil, err
	}
	plan, err := b.Build()
	if err != nil {
		return nil, err
	}
	d := &Driver{
		tb: silent{}, plan: plan, config: c, now: c.start, step: -1,
		topics: map[string]*topic{}, offsets: map[partition]task.Position{}, dropped: map[string]int64{},
	}
	if err := d.layOut(); err != nil {
		return nil, err
	}
	if err := d.openAll(); err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
}

// Err is what failed, if anything has. Nothing is processed after it.
func (d *Driver) Err() error { return d.err }

// check ends the test, or the driver, with an error.
func (d *Driver) check(err error) {
	if err == nil {
		return
	}
	d.tb.Helper()
	d.err = cmp.Or(d.err, err)
	d.tb.Fatal(err)
}

// Now is the virtual wall clock.
func (d *Driver) Now() time.Time { return time.UnixMilli(d.now).UTC() }

// Advance moves the wall clock and does what becomes due: punctuations, commits,
// and records that had to wait. It is one jump: what is due several times by then
// is done once.
func (d *Driver) Advance(by time.Duration) {
	d.tb.Helper()
	if by < 0 {
		d.check(fmt.Errorf("topologytest: Advance by %v: the clock only goes forward", by))
		return
	}
	d.step++
	d.now += by.Milliseconds()
	d.check(d.tick())
}

// Batch has everything that f sends in the topics before any of it is processed, as
// after a pause of the application. It is one step.
func (d *Driver) Batch(f func()) {
	d.tb.Helper()
	d.step++
	d.batching = true
	f()
	d.batching = false
	d.check(d.run())
}

// Commit commits what all workers have done, and what follows from that. Calls that
// are to be made again are made at once.
func (d *Driver) Commit() {
	d.tb.Helper()
	d.check(d.commitAll())
}

// Close ends all tasks. What is not committed stays so.
func (d *Driver) Close() {
	d.tb.Helper()
	for _, h := range d.tasks {
		d.check(h.close())
	}
	for _, w := range d.workers {
		for _, g := range w.globals {
			d.check(g.task.Close())
		}
	}
	d.tasks, d.workers = nil, nil
}
