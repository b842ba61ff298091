package task

import (
	"context"

	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/state"
	"github.com/tidemill/tidemill/topology"
)

// Config is what a task needs from its owner.
type Config struct {
	Application string
	Policies    Policies
	// MaxIdle is how long, in milliseconds, an empty input holds the others up;
	// below 0 not even for records that are known to exist.
	MaxIdle int64
	// MaxStall is how much of the time between two looks at the clock, in milliseconds,
	// the task can be taken to have had nothing to do; 0 is all of it.
	MaxStall int64
	// Partitions tells the number of partitions of a topic, MaxBytes how large a
	// record of it may be.
	Partitions func(topic string) (int32, error)
	MaxBytes   func(topic string) int
	// Space gives a store its place in the backend.
	Space func(store string, partition int32) (state.Space, error)
	// MaxDrain is how long, in milliseconds, calls under way may hold a commit up; 0
	// is without end.
	MaxDrain int64
	// Global supplies a reader of each global store, by the store's name; it may be
	// nil.
	Global map[string]func() any
	// CacheBytes is what the cache of each store may keep; 0 turns caching off.
	CacheBytes int
	// ExactlyOnce says that outputs, changelog records and positions commit as one.
	ExactlyOnce bool
	// NewBatch supplies empty output batches, Recycle takes back the slices that
	// Enqueue was given; both may be nil.
	NewBatch func() *record.Batch
	Recycle  func([]record.Raw)
	// Report is told of every record that a policy left behind.
	Report func(err *record.Error, policy string)
}

// Input describes one partition that a task reads.
type Input struct {
	Topic     string
	Partition int32
	// Source is the index of the subtopology's source that reads it.
	Source int
	// Offset is where to begin, Committed the offset that is committed, or -1, and
	// End where the partition ends now, or -1 if that is not known.
	Offset, Committed, End int64
	// First is the first offset that the partition has.
	First int64
	// Time is the highest timestamp committed, or -1.
	Time int64
	// Progress is what the operators committed with the offset.
	Progress map[string]int64
}

// Task is one task of a topology: records and wall-clock times go in, outputs and
// positions come out. It is a pure machine, driven by one goroutine at a time.
type Task struct {
	ID       ID
	config   Config
	plan     *topology.Subtopology
	env      processors.Owner
	inputs   []*input
	stores   *topology.TaskStores
	assembly *topology.Assembly
	lenient  bool
	mark     record.Mark
	// raw is the record that the unit of work at hand comes from, or nil.
	raw *record.Raw
	// attempt counts the failed attempts at the head record of retrying; until
	// blocked, a wall-clock time, it is not tried again.
	attempt  int
	retrying *input
	blocked  int64
	// processed counts the records taken from the inputs, failed ones included.
	processed int64
	// committed are the positions committed last, by input.
	committed []int64

	// lines are the operators that make calls, and pending counts those under way.
	// postponed are to be made again, the first at nextCall.
	lines     []*line
	pending   int
	postponed []*Call
	nextCall  int64
	// crowded says that the next record waits until a call is over.
	crowded    bool
	spareCalls []*Call

	// clock has time go on without records.
	clock clock
	// unprompted counts the units of work that no record at hand has caused. Unless all
	// since the last commit followed from records, there may be progress to commit that
	// no input shows. It was progress the last time.
	unprompted int
	prompted   bool
	progress   map[string]int64

	// outsides are what the task writes to outside of Kafka. While settled, everything
	// up to cut is written there, which is then what is committed.
	outsides []processors.Outside
	settled  bool
	cut      []processors.At
	writeDue int64
}

// New opens the stores of a task. They may be restored then; Start comes next.
func New(id ID, plan *topology.Subtopology, c Config) (*Task, error) {
	t := &Task{ID: id, config: c, plan: plan, lenient: c.Policies.lenient()}
	t.env = processors.Owner{
		Application: c.Application, ID: id.String(), Partition: id.Partition,
		StreamTime: -1, Time: -1, Partitions: c.Partitions, MaxBytes: c.MaxBytes, Guard: t.guard, ExactlyOnce: c.ExactlyOnce,
		Report: t.report,
	}
	t.env.Outbox.New = c.NewBatch
	var err error
	if t.stores, err = plan.OpenStores(t.env.Task(), t.storeOptions); err != nil {
		return nil, err
	}
	for name, reader := range c.Global {
		t.stores.Read(name, reader())
	}
	return t, nil
}

// Start makes the processors of the task. Its stores must hold what was committed
// together with the inputs' offsets, which it may set lower: a sink that has lost its
// data needs the records again. now is the wall clock in milliseconds.
func (t *Task) Start(ctx context.Context, inputs []Input, now int64) (err error) {
	t.env.Now = now
	progress := map[string]int64{}
	t.env.Stateful = len(t.stores.Lifecycles) > 0
	for _, in := range inputs {
		t.env.Starts = append(t.env.Starts, processors.Start{At: processors.At{Topic: in.Topic, Next: in.Offset}, Committed: in.Committed, First: in.First, End: in.End})
		t.env.StreamTime = max(t.env.StreamTime, in.Time)
		for name, at := range in.Progress {
			if have, ok := progress[name]; !ok || at > have {
				progress[name] = at
			}
		}
	}
	err = t.protect(func() error {
		t.assembly, err = t.plan.Assemble(ctx, t.env.Task(), t.stores, progress)
		return err
	})
	if err != nil {
		return err
	}
	t.openLines()
	t.clock = newClock(t.env.Task().Advances(), now, t.config.MaxStall)
	t.prompted = true
	t.outsides = t.env.Outsides()
	for i := range inputs {
		inputs[i].Offset = t.env.Starts[i].Next
	}
	for _, in := range inputs {
		t.inputs = append(t.inputs, &input{
			topic: in.Topic, partition: in.Partition, node: t.assembly.Nodes[in.Source], source: t.assembly.Inputs[in.Source],
			fetched: in.Offset, end: in.End, time: in.Time,
		})
		t.committed = append(t.committed, in.Committed)
	}
	return nil
}

// openLines makes room for the calls of the operators that make any. Records that
// would wait too long for calls have to be taken back.
func (t *Task) openLines() {
	rules := t.env.Lines()
	for _, r := range rules {
		t.lines = append(t.lines, newLine(r, float64(t.config.MaxDrain)/float64(len(rules))))
	}
	t.lenient = t.lenient || len(rules) > 0 && t.config.MaxDrain > 0
}

// storeOptions opens a store of the task.
func (t *Task) storeOptions(number int, store *topology.StorePlan) (state.Options, error) {
	space, err := t.config.Space(store.Name, t.ID.Partition)
	if err != nil {
		return state.Options{}, err
	}
	o := state.Options{Space: space, Caching: store.Cached && t.config.CacheBytes > 0, Capacity: max(t.config.CacheBytes, minCache)}
	if store.Changelog != "" {
		o.Log = &state.Changelog{Outbox: &t.env.Outbox, Topic: store.Changelog, Partition: t.ID.Partition, Number: number, Headers: store.LogHeaders}
	}
	return o, nil
}

// minCache keeps a store usable where caching is turned off: reads still go
// through memory.
const minCache = 64 << 10

// Close releases what the processors hold. The task must not be used after it.
func (t *Task) Close() error {
	if t.assembly == nil {
		return nil
	}
	return t.assembly.Close()
}

// Stores are the task's stores, in the order of the plan's.
func (t *Task) Stores() []state.Lifecycle { return t.stores.Lifecycles }

// Store is the task's instance of a store, such as a *state.KeyValue, or nil if it
// has no store of that name.
func (t *Task) Store(name string) any { return t.stores.Named(name) }

// Processed is how many records the task has taken from its inputs.
func (t *Task) Processed() int64 { return t.processed }

// Dropped is how many records operators did not pass on, by reason.
func (t *Task) Dropped() map[string]int64 { return t.env.Dropped() }

// CommitRequested says whether a processor has asked for a commit.
func (t *Task) CommitRequested() bool { return t.env.CommitRequested() }
