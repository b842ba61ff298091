package topology

import (
	"context"
	"regexp"
	"slices"
	"time"

	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/state"
)

// Plan is a compiled topology: independent subtopologies, connected by topics
// only. It is immutable and safe for concurrent use.
type Plan struct {
	// Application is the application id.
	Application   string
	Subtopologies []*Subtopology
	nodes         []*node
	names         []string
	repartition   []*repartitionTopic
	joins         [][2]*node
	advance       processors.Advance
	attached      []any
}

// Subtopology is a set of operators that are connected without a topic between
// them, or through stores. For each partition of its topics there is one task.
type Subtopology struct {
	ID int
	// Sources are what it reads; a task has one input for each topic of each.
	Sources []*Source
	// Stores are its stores, in the order in which a commit flushes them.
	Stores []*StorePlan
	// Global says that it has no tasks: every worker runs it once, for all
	// partitions.
	Global bool
	nodes  []*node
	plan   *Plan
}

// Source is what one source node reads.
type Source struct {
	// Name is the name of the node.
	Name string
	// Topics are full topic names; Pattern, if set, matches more of them.
	Topics  []string
	Pattern *regexp.Regexp
	// Repartition says that the topic is internal and its records may be deleted
	// once they are committed.
	Repartition bool
	// FromLatest starts at the end where no offset is committed.
	FromLatest bool
	node       *node
	// internal are topics of the application itself, which no pattern matches.
	internal []string
}

// Matches says whether the source reads a topic. A pattern does not match the
// application's own internal topics.
func (s *Source) Matches(topic string) bool {
	if s.Pattern == nil {
		return slices.Contains(s.Topics, topic)
	}
	return s.Pattern.MatchString(topic) && !slices.Contains(s.internal, topic)
}

// StorePlan is one store of a subtopology.
type StorePlan struct {
	Name string
	// Changelog is the full name of its changelog topic; empty if it has none.
	Changelog string
	// Source is the topic that the store is restored from instead of a changelog, up
	// to where its task begins to read it; empty if there is none. See Recode.
	Source string
	// Windowed says that the changelog forgets old windows by itself.
	Windowed bool
	// Retention is how long a window store keeps a window, or a table its versions.
	Retention time.Duration
	// Cached says that writes may be held back until the commit.
	Cached bool
	// LogHeaders says that the changelog has the headers of what was written.
	LogHeaders bool
	use        *storeUse
	shared     sharer
}

// Recode makes the key and value that a changelog would have of those of a record
// of the Source topic.
func (s *StorePlan) Recode(key, value []byte) (k, v []byte, err error) {
	return s.use.recoded(key, value)
}

// Input takes the raw records of one source node of a task.
type Input interface {
	// Process decodes a record and runs it through the task's operators, all the
	// way. It returns the timestamp that the record was given.
	Process(raw *record.Raw, partitionTime int64) (at int64, err error)
	// At is the timestamp that a record would be given.
	At(raw *record.Raw, partitionTime int64) int64
}

// TaskStores are the stores of one task, open but not yet used by any processor.
type TaskStores struct {
	// Lifecycles are in the order of the subtopology's Stores.
	Lifecycles []state.Lifecycle
	byName     map[string]any
}

// Read gives the task a reader of a global store.
func (s *TaskStores) Read(name string, reader any) { s.byName[name] = reader }

// OpenStores opens the stores of one task. options tells how to open each.
func (s *Subtopology) OpenStores(t *processors.Task, options func(number int, store *StorePlan) (state.Options, error)) (*TaskStores, error) {
	out := &TaskStores{byName: map[string]any{}}
	for i, store := range s.Stores {
		o, err := options(i+1, store)
		if err != nil {
			return nil, err
		}
		instance, lifecycle := store.use.open(t, o)
		out.byName[store.Name] = instance
		out.Lifecycles = append(out.Lifecycles, lifecycle)
	}
	return out, nil
}

// Named is the instance of a store, such as a *state.KeyValue, or nil if there is
// no store of that name.
func (s *TaskStores) Named(name string) any { return s.byName[name] }

// Assembly is what a task runs: the processors of a subtopology, made for it.
type Assembly struct {
	// Inputs are in the order of the subtopology's Sources; Nodes are the numbers
	// of the source nodes.
	Inputs  []Input
	Nodes   []int32
	closers []processors.Closer
}

// Assemble makes the processors of one task. Its stores must have been restored.
// progress is what the operators committed the last time.
func (s *Subtopology) Assemble(ctx context.Context, t *processors.Task, stores *TaskStores, progress map[string]int64) (*Assembly, error) {
	t.Names = s.plan.names
	owner := (*processors.Owner)(t)
	owner.Init(ctx, stores.byName, progress)
	owner.Follow(s.plan.advance)
	out := &Assembly{}
	a := &assembly{task: t, built: map[*node]any{}}
	for _, source := range s.Sources {
		p, err := a.processor(source.node)
		if err != nil {
			return nil, err
		}
		out.Inputs = append(out.Inputs, p.(Input))
		out.Nodes = append(out.Nodes, source.node.id)
	}
	out.closers = a.closers
	return out, nil
}

// Close closes the processors that hold something.
func (a *Assembly) Close() error {
	var first error
	for _, c := range a.closers {
		if err := c.Close(); err != nil && first == nil {
			first = err
		}
	}
	return first
}
