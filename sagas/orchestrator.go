package sagas

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/serde"
	"github.com/tidemill/tidemill/topology"
)

// Orchestrator runs the sagas of some definitions. All topics that it names have to
// exist. It needs exactly-once: what a saga does with an event must not become durable
// in part, or a timer could be lost that nothing else replaces.
type Orchestrator struct {
	// Name names its stores: <name>-sagas, <name>-timers and <name>-definitions.
	Name string
	// Inbox is the topic of its events, keyed by the ids of the sagas.
	Inbox string
	// Sagas are the definitions, those of old versions that have sagas among them.
	Sagas []Defined
	// Audit is the topic of all transitions, in JSON. Empty is none.
	Audit string
	// Statuses is a topic of the newest state of each saga, in JSON, to be compacted.
	// A table of it lists sagas by status, definition and age. Empty is none.
	Statuses string
	// Answers is the topic of the answers to queries. Empty is none.
	Answers string
	// DeadLetters is the topic of events that are of no use to any saga, with what is
	// wrong in a header. Without one they are only counted.
	DeadLetters string
	// Tick is how often to look for timers that are due, 100 ms by default.
	Tick time.Duration
	// Concurrency is how many functions a task may call at the same time, 64 by default.
	Concurrency int
}

// AddTo adds the orchestrator to a topology. It reports everything that is wrong with
// it in one error. An admin address shows the sagas.
func (o Orchestrator) AddTo(b *topology.Builder) error {
	o.Tick, o.Concurrency = cmp.Or(o.Tick, 100*time.Millisecond), cmp.Or(o.Concurrency, 64)
	r, faults := register(o.Sagas)
	for _, check := range []struct {
		wrong bool
		what  string
	}{
		{o.Name == "", "an orchestrator needs a Name"},
		{o.Inbox == "", "an orchestrator needs an Inbox"},
		{len(o.Sagas) == 0, "an orchestrator needs Sagas"},
		{o.Tick < time.Millisecond, "the Tick of an orchestrator is at least 1 ms"},
		{o.Concurrency < 1, "the Concurrency of an orchestrator is at least 1"},
	} {
		if check.wrong {
			faults = append(faults, fmt.Errorf("sagas: %s", check.what))
		}
	}
	if err := errors.Join(faults...); err != nil {
		return err
	}
	o.add(b, r)
	b.Attach(board{o, r})
	return nil
}

// functionsNode is the name of the operator that calls functions, behind the
// orchestrator's.
const functionsNode = "-functions"

// sink is the name of the node that writes a topic.
func (o Orchestrator) sink(topic string) string { return o.Name + "-to-" + topic }

// topics are all topics that the orchestrator writes to.
func (o Orchestrator) topics(r registry) []string {
	own := map[string]bool{o.Inbox: true, o.Audit: true, o.Statuses: true, o.Answers: true, o.DeadLetters: true}
	for _, d := range r.byID {
		for _, n := range d.named {
			for _, a := range []*action{n.action, n.undo} {
				if a != nil {
					own[a.topic] = true
				}
			}
		}
	}
	delete(own, "")
	return sorted(own)
}

func (o Orchestrator) add(b *topology.Builder, r registry) {
	s := stores{
		sagas:       topology.KeyValueStore[string, []byte](o.Name + "-sagas"),
		timers:      topology.KeyValueStore[string, []byte](o.Name + "-timers"),
		definitions: topology.KeyValueStore[string, []byte](o.Name + "-definitions"),
	}
	out := b.Stream[string, []byte](o.Inbox, topology.Named(o.Name+"-events")).
		Process(o.supplier(r, s), topology.Named(o.Name), topology.Stores(s.sagas, s.timers, s.definitions))
	for _, topic := range o.topics(r) {
		out.To(topic, topology.Named(o.sink(topic)))
	}
	longest := time.Duration(0)
	for _, d := range r.byID {
		longest = max(longest, d.longestCall())
	}
	if longest > 0 {
		out.AsyncRecords(r.call, topology.Named(o.Name+functionsNode), topology.Concurrency(o.Concurrency),
			topology.CallTimeout(longest+time.Second), topology.KeySerde(serde.String()), topology.ValueSerde(serde.Bytes())).
			To(o.Inbox, topology.Named(o.Name+"-results"))
	}
}

// stores are those of an orchestrator.
type stores struct {
	sagas, timers, definitions topology.Store[rows]
}

// call makes the call that a record asks for, and a record of its reply.
func (r registry) call(ctx context.Context, in record.Record[string, []byte]) (out record.Record[string, []byte], err error) {
	c, err := commandOf(in.Headers, in.Value)
	if err != nil {
		return out, err
	}
	d := r.byID[text(in.Headers, HeaderDefinition)]
	if d == nil {
		return out, fmt.Errorf("sagas: there is no definition %s", text(in.Headers, HeaderDefinition))
	}
	value, err := encode(d.Call(ctx, c))
	return record.Record[string, []byte]{Key: c.Saga, Value: value, Timestamp: in.Timestamp, Headers: c.trace.under(nil, c.ID)}, err
}

// supplier makes the processor of a task. It refuses definitions that do not fit the
// sagas of the task.
func (o Orchestrator) supplier(r registry, s stores) processors.Supplier[string, []byte, string, []byte] {
	return func(c *processors.Context[string, []byte]) (processors.Processor[string, []byte], error) {
		if !c.ExactlyOnce {
			return nil, fmt.Errorf("sagas: orchestrator %q needs exactly-once: give the worker, or the test driver, the option ExactlyOnce", o.Name)
		}
		sagas, timers, err := open(c.Task, s.sagas, s.timers)
		if err != nil {
			return nil, err
		}
		definitions, err := s.definitions.In(c.Task)
		if err != nil {
			return nil, err
		}
		if err := r.verify(definitions); err != nil {
			return nil, err
		}
		p := &orchestration{Orchestrator: o, registry: r, c: c, sagas: sagas, definitions: definitions, agenda: timers}
		_, err = c.Schedule(o.Tick, processors.WallClockTime, p.tick)
		return p, err
	}
}
