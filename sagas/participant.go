package sagas

import (
	"encoding/json/jsontext"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/topology"
)

// Participant does the commands of sagas that come in a topic, and replies. It does
// each once, and knows its commands by their idempotency keys:
//
//   - a command that is repeated is answered as it was the first time;
//   - a compensation that comes before its action has nothing to do;
//   - an action that comes after its compensation is refused.
//
// A step's action and its compensation belong in the same topic with the same key.
// What a handler writes to stores and emits commits in one transaction with its reply.
type Participant struct {
	// Name names its stores: <name>-inbox and <name>-expiry.
	Name string
	// Topic is the topic of the commands.
	Topic string
	// Inboxes are those of the orchestrators that it answers.
	Inboxes []string
	// Handlers do the commands, each those with its name.
	Handlers []Handler
	// Stores are those that handlers use, and Emits the topics that they write to.
	Stores []topology.StoreRef
	Emits  []string
	// Retention is how long commands are remembered, a week by default: longer than any
	// saga takes.
	Retention time.Duration
	// DeadLetters is the topic of records that are no commands. Without one they are
	// only counted.
	DeadLetters string
}

// Handler does the commands of one name.
type Handler struct {
	name string
	do   func(*Job, []byte) (jsontext.Value, error)
}

// Handle makes a handler of a function. An error is transient, unless it is marked
// with Business or InDoubt; what the function has written to stores before it stays,
// so it returns errors first. A panic leaves doubt.
func Handle[C, R any](name string, do func(*Job, C) (R, error)) Handler {
	return Handler{name, func(j *Job, data []byte) (out jsontext.Value, err error) {
		err = guard(func() error {
			c, err := decode[C](data)
			if err != nil {
				return Business(fmt.Errorf("the command: %w", err))
			}
			r, err := do(j, c)
			if err != nil {
				return err
			}
			out, err = encode(r)
			return err
		})
		return out, err
	}}
}

// Job is one command being done. It is valid during the call of its handler.
type Job struct {
	Command
	// Task is where stores are opened: store.In(job.Task).
	Task    *processors.Task
	emitted []emission
	topics  []string
}

// emission is a record that a handler emits.
type emission struct {
	topic string
	out   record.Record[string, []byte]
}

// Emit writes a record, as JSON, to one of the participant's topics, if the handler
// then succeeds.
func (j *Job) Emit[V any](topic, key string, value V) error {
	if !slices.Contains(j.topics, topic) {
		return fmt.Errorf("sagas: topic %q is not among those that the participant emits to: enter it in Emits", topic)
	}
	data, err := encode(value)
	if err != nil {
		return err
	}
	j.emitted = append(j.emitted, emission{topic, record.Record[string, []byte]{Key: key, Value: data}})
	return nil
}

// AddTo adds the participant to a topology. It reports everything that is wrong with
// it in one error.
func (p Participant) AddTo(b *topology.Builder) error {
	if p.Retention == 0 {
		p.Retention = 7 * 24 * time.Hour
	}
	handlers := map[string]Handler{}
	var faults []error
	check := func(wrong bool, format string, args ...any) {
		if wrong {
			faults = append(faults, fmt.Errorf("sagas: "+format, args...))
		}
	}
	check(p.Name == "", "a participant needs a Name")
	check(p.Topic == "", "participant %q needs a Topic", p.Name)
	check(len(p.Inboxes) == 0, "participant %q needs Inboxes to reply to", p.Name)
	check(len(p.Handlers) == 0, "participant %q needs Handlers", p.Name)
	check(p.Retention < time.Millisecond, "participant %q: the Retention is %v: give at least 1 ms", p.Name, p.Retention)
	for _, h := range p.Handlers {
		check(h.name == "" || h.do == nil, "participant %q: a handler needs a name: make it with Handle", p.Name)
		_, twice := handlers[h.name]
		check(twice, "participant %q has two handlers of commands named %q", p.Name, h.name)
		handlers[h.name] = h
	}
	if err := errors.Join(faults...); err != nil {
		return err
	}
	p.add(b, handlers)
	return nil
}

func (p Participant) add(b *topology.Builder, handlers map[string]Handler) {
	inbox := topology.KeyValueStore[string, []byte](p.Name + "-inbox")
	expiry := topology.KeyValueStore[string, []byte](p.Name + "-expiry")
	stores := append([]topology.StoreRef{inbox, expiry}, p.Stores...)
	out := b.Stream[string, []byte](p.Topic, topology.Named(p.Name+"-commands")).
		Process(p.supplier(handlers, inbox, expiry), topology.Named(p.Name), topology.Stores(stores...))
	for _, topic := range p.topics() {
		out.To(topic, topology.Named(p.sink(topic)))
	}
}

// topics are all topics that the participant writes to.
func (p Participant) topics() (all []string) {
	for _, topic := range append(append([]string{p.DeadLetters}, p.Inboxes...), p.Emits...) {
		if topic != "" && !slices.Contains(all, topic) {
			all = append(all, topic)
		}
	}
	return all
}

func (p Participant) sink(topic string) string { return p.Name + "-to-" + topic }

func (p Participant) supplier(handlers map[string]Handler, inbox, expiry topology.Store[rows]) processors.Supplier[string, []byte, string, []byte] {
	return func(c *processors.Context[string, []byte]) (processors.Processor[string, []byte], error) {
		known, timers, err := open(c.Task, inbox, expiry)
		if err != nil {
			return nil, err
		}
		s := &service{Participant: p, handlers: handlers, c: c, inbox: known, expiry: timers}
		_, err = c.Schedule(time.Second, processors.WallClockTime, s.expire)
		return s, err
	}
}
