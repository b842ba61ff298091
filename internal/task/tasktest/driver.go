package tasktest

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/tidemill/tidemill/internal/task"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/state"
	"github.com/tidemill/tidemill/state/memory"
	"github.com/tidemill/tidemill/topology"
)

// Driver drives partition 0 of the first subtopology of a plan.
type Driver struct {
	*task.Task
	// Now is the wall clock that the task is given.
	Now int64
	// Reports are the records that a policy left behind, as text.
	Reports []string

	tb        testing.TB
	sub       *topology.Subtopology
	config    task.Config
	backend   state.Backend
	directory *state.Directory
	inputs    []*input
	logs      map[int][]record.Output // committed changelogs by the store's number
	taken     []record.Output         // since the last commit
	results   []record.Output         // not yet returned by Results
	calls     []*task.Call            // under way
}

// input is a topic with one partition.
type input struct {
	topic    string
	source   int
	records  []record.Raw
	enqueued int
	// committed is what was committed last.
	committed task.Position
}

// Start opens the first task of a topology. Stores cache, every error is final, and
// the wall clock begins at 0, unless an option changes it.
func Start(tb testing.TB, b *topology.Builder, options ...func(*task.Config)) *Driver {
	tb.Helper()
	plan, err := b.Build()
	if err != nil {
		tb.Fatal(err)
	}
	d := &Driver{tb: tb, sub: plan.Subtopologies[0], backend: memory.New(), logs: map[int][]record.Output{}}
	if d.directory, err = state.OpenDirectory(d.backend); err != nil {
		tb.Fatal(err)
	}
	d.config = task.Config{
		Application: plan.Application, CacheBytes: 1 << 20,
		Partitions: func(string) (int32, error) { return 4, nil },
		MaxBytes:   func(string) int { return 1 << 20 },
		Space:      d.directory.Space,
		Report: func(err *record.Error, policy string) {
			d.Reports = append(d.Reports, policy+": "+err.Error())
		},
	}
	for _, o := range options {
		o(&d.config)
	}
	for i, source := range d.sub.Sources {
		for _, topic := range source.Topics {
			d.inputs = append(d.inputs, &input{topic: topic, source: i, committed: task.Position{Offset: -1, Time: -1}})
		}
	}
	d.open()
	return d
}

// Uncached turns the caches of the stores off.
func Uncached(c *task.Config) { c.CacheBytes = 0 }

// Policy sets the policy of all stages.
func Policy(p task.Policy) func(*task.Config) {
	return func(c *task.Config) { c.Policies = task.Policies{Decode: p, Process: p, Produce: p} }
}

// open opens the task where it was committed last.
func (d *Driver) open() {
	d.tb.Helper()
	var err error
	if d.Task, err = task.New(task.ID{}, d.sub, d.config); err != nil {
		d.tb.Fatal(err)
	}
	d.restore()
	var inputs []task.Input
	for _, in := range d.inputs {
		at := in.committed
		inputs = append(inputs, task.Input{
			Topic: in.topic, Source: in.source, Offset: max(at.Offset, 0), Committed: at.Offset, End: -1, Time: at.Time, Progress: at.Progress,
		})
		in.enqueued = int(max(at.Offset, 0))
	}
	if err := d.Task.Start(context.Background(), inputs, d.Now); err != nil {
		d.tb.Fatal(err)
	}
	for i := range d.inputs {
		d.enqueue(i)
	}
}

// restore applies to the stores what their changelogs hold behind the checkpoint.
func (d *Driver) restore() {
	d.tb.Helper()
	for i, store := range d.Stores() {
		position, _, err := store.Space().Position()
		if err != nil {
			d.tb.Fatal(err)
		}
		batch := store.Space().NewBatch()
		log := d.logs[i+1]
		err = state.Replay(store, batch, func(yield func(record.Raw) bool) {
			for _, o := range log[position.Offset:] {
				if !yield(record.Raw{Key: o.Key, Value: o.Value, Headers: o.Headers, Timestamp: o.Timestamp}) {
					return
				}
			}
		})
		if err != nil {
			d.tb.Fatal(err)
		}
		store.Space().SetPosition(batch, state.Position{Offset: int64(len(log))})
		if err := batch.Commit(); err != nil {
			d.tb.Fatal(err)
		}
	}
}

// Send appends records to a topic and hands them to the task.
func (d *Driver) Send(topic string, records ...string) {
	d.tb.Helper()
	i := slices.IndexFunc(d.inputs, func(in *input) bool { return in.topic == topic })
	if i < 0 {
		d.tb.Fatalf("tasktest: the task does not read %q", topic)
	}
	in := d.inputs[i]
	for _, text := range records {
		in.records = append(in.records, parse(d.tb, text, int64(len(in.records))))
	}
	d.enqueue(i)
}

func (d *Driver) enqueue(i int) {
	in := d.inputs[i]
	end := int64(len(in.records))
	d.Enqueue(i, slices.Clone(in.records[in.enqueued:]), end, end)
	in.enqueued = len(in.records)
}

// Run processes all that can be processed, and takes the outputs and the calls that
// are to be made.
func (d *Driver) Run() {
	d.tb.Helper()
	if err := d.TryRun(); err != nil {
		d.tb.Fatal(err)
	}
}

// TryRun is Run for a task that may fail.
func (d *Driver) TryRun() error {
	for {
		n, err := d.Process(100, d.Now)
		if err != nil || n == 0 {
			d.take()
			d.handOut()
			return err
		}
	}
}

// take moves what the task has written to the driver.
func (d *Driver) take() {
	for _, batch := range d.Take(nil) {
		d.taken = append(d.taken, batch.Outputs...)
	}
}

// Commit flushes and commits everything, in several commits if need be, but makes no
// checkpoint. Calls under way are finished first, in their order.
func (d *Driver) Commit() {
	d.tb.Helper()
	for !d.Drained() {
		d.Finish(0)
	}
	if err := d.Flush(d.take); err != nil {
		d.tb.Fatal(err)
	}
	for _, p := range d.Positions(nil) {
		for _, in := range d.inputs {
			if in.topic == p.Topic {
				in.committed = p
			}
		}
	}
	d.Committed()
	for _, o := range d.taken {
		if o.Changelog > 0 {
			d.logs[o.Changelog] = append(d.logs[o.Changelog], o)
		} else {
			d.results = append(d.results, o)
		}
	}
	d.taken = nil
	if d.CommitRequested() {
		d.Commit()
	}
}

// Checkpoint writes what is committed to the backend.
func (d *Driver) Checkpoint() {
	d.tb.Helper()
	batch := d.backend.NewBatch()
	positions := make([]state.Position, len(d.Stores()))
	for i := range positions {
		positions[i].Offset = int64(len(d.logs[i+1]))
	}
	if err := d.Task.Checkpoint(batch, positions); err != nil {
		d.tb.Fatal(err)
	}
	if err := batch.Commit(); err != nil {
		d.tb.Fatal(err)
	}
	d.Checkpointed()
}

// Crash drops the task with all that is not committed, and opens it anew from the
// backend and the changelogs.
func (d *Driver) Crash() {
	d.tb.Helper()
	d.taken, d.calls = nil, nil
	d.open()
}

// Wipe is a Crash in which the backend is lost too.
func (d *Driver) Wipe() {
	d.tb.Helper()
	for _, store := range d.Stores() {
		if err := store.Space().Clear(); err != nil {
			d.tb.Fatal(err)
		}
	}
	d.Crash()
}

// Position is what was committed last for a topic.
func (d *Driver) Position(topic string) task.Position {
	for _, in := range d.inputs {
		if in.topic == topic {
			return in.committed
		}
	}
	return task.Position{}
}

// Written are the outputs since the last commit, changelogs included, as lines of
// topic and record.
func (d *Driver) Written() []string { return lines(d.taken) }

// Results are the outputs committed since the last call, without changelogs, as
// lines of topic and record.
func (d *Driver) Results() []string {
	out := lines(d.results)
	d.results = nil
	return out
}

// Outputs are the raw outputs since the last commit.
func (d *Driver) Outputs() []record.Output { return d.taken }

// Log is the committed changelog of the store with this 1-based number.
func (d *Driver) Log(number int) []string { return lines(d.logs[number]) }

func lines(outputs []record.Output) []string {
	var out []string
	for _, o := range outputs {
		out = append(out, fmt.Sprintf("%s %s", o.Topic, Text(o)))
	}
	return out
}

// Want compares lines.
func Want(tb testing.TB, got []string, want ...string) {
	tb.Helper()
	if !slices.Equal(got, want) {
		tb.Errorf("got\n\t%q\nwant\n\t%q", got, want)
	}
}
