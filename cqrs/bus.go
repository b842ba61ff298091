package cqrs

import (
	"context"
	"fmt"

	"github.com/tidemill/tidemill/events"
	"github.com/tidemill/tidemill/serde"
	"github.com/tidemill/tidemill/topology"
)

// Bus takes commands to their handlers, past validators.
type Bus struct {
	name       string
	tags       tags
	validators []Validator
	kinds      map[string]kind
	faults     []error
}

// kind is what is known of one type of command.
type kind struct {
	// open decodes the payload and returns what is wrong with it.
	open func(Command) (payload any, faults []Fault)
	// handle handles it, with the state of its aggregate if there are such.
	handle func(ctx context.Context, state any, c Command, payload any) ([]events.Event, error)
}

// NewBus returns a bus without handlers. The name is that of its nodes and stores.
func NewBus(name string) *Bus { return &Bus{name: name, tags: newTags(), kinds: map[string]kind{}} }

// Validate adds a validator for all commands.
func (b *Bus) Validate(v Validator) *Bus {
	b.validators = append(b.validators, v)
	return b
}

// Handle sets the handler of a type of command, with validators for it alone. Before
// the handler sees a command, the validate tags of C (those of go-playground/validator),
// the bus's validators and these have seen it, and all that they find is reported.
//
// A handler rejects a command by an error made with Reject, or several that are
// joined. Any other error is handled by the worker's policy for processing.
func (b *Bus) Handle[C any](commandType string, handle func(context.Context, Received[C]) ([]events.Event, error), validators ...func(C) []Fault) *Bus {
	b.add(commandType, handle == nil, kind{
		open: opener(b.tags, validators),
		handle: func(ctx context.Context, _ any, c Command, payload any) ([]events.Event, error) {
			return handle(ctx, Received[C]{c, payload.(C)})
		},
	})
	return b
}

func (b *Bus) add(commandType string, missing bool, k kind) {
	_, twice := b.kinds[commandType]
	switch {
	case commandType == "" || missing:
		b.faults = append(b.faults, fmt.Errorf("cqrs: %s: a handler needs a type and a function, got type %q", b.name, commandType))
	case twice:
		b.faults = append(b.faults, fmt.Errorf("cqrs: %s: %q has two handlers: a command has one", b.name, commandType))
	default:
		b.kinds[commandType] = k
	}
}

// opener decodes and checks payloads of type C.
func opener[C any](tags tags, validators []func(C) []Fault) func(Command) (any, []Fault) {
	decoder := serde.JSON[C]()
	return func(c Command) (any, []Fault) {
		payload, err := decoder.Decode(c.Data)
		if err != nil {
			return nil, []Fault{{"data", err.Error()}}
		}
		faults := tags.check(payload)
		for _, v := range validators {
			faults = append(faults, v(payload)...)
		}
		return payload, faults
	}
}

// Check returns all that is wrong with a command, as far as can be said without
// handling it. Senders may ask it first.
func (b *Bus) Check(c Command) []Fault {
	_, _, faults := b.open(c)
	return faults
}

// open finds the kind of a command and checks it.
func (b *Bus) open(c Command) (k kind, payload any, faults []Fault) {
	if c.ID == "" {
		faults = append(faults, Fault{"id", "a command needs one"})
	}
	for _, v := range b.validators {
		faults = append(faults, v(c)...)
	}
	k, ok := b.kinds[c.Type]
	if !ok {
		return k, nil, ordered(append(faults, Fault{"type", fmt.Sprintf("nothing handles %q", c.Type)}))
	}
	payload, more := k.open(c)
	return k, payload, ordered(append(faults, more...))
}

// Dispatch validates a command and hands it to its handler at once, without topics.
// The error is a *RejectedError if the command was rejected.
func (b *Bus) Dispatch(ctx context.Context, c Command) ([]events.Event, error) {
	k, payload, faults := b.open(c)
	if len(faults) > 0 {
		return nil, &RejectedError{faults}
	}
	return k.handle(ctx, nil, c, payload)
}

// Serve takes the commands from a topic. A command that comes again within a day is
// answered with its first outcome and not handled again.
func (b *Bus) Serve(builder *topology.Builder, topics Topics, options ...ServeOption) *Served {
	for _, fault := range b.faults {
		builder.Fault(fault)
	}
	return serve(builder, b, topics, nil, options)
}
