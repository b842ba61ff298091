package sagas

import (
	"context"
	"encoding/json/jsontext"
)

// Action is what a step of a saga with data D does, or how it is compensated.
type Action[D any] struct{ a *action }

// Send is a command: a record in a topic, whose key is the id of the saga and whose
// value is what command makes of the data. The name tells commands of one topic
// apart. Who does it replies to the orchestrator's inbox; see Participant.
func Send[D, C any](topic, name string, command func(D) C) Action[D] {
	return Action[D]{&action{topic: topic, name: name, encode: encodeOf(command)}}
}

// Do is a function, called by a worker of the orchestrator, many of them at the same
// time. Its changes of the data are kept together with the step, exactly once; its
// effects outside are at least once, since a worker may die between a call and its
// commit. Key gives it the idempotency key to hand on.
//
// An error is transient, unless it is marked with Business or InDoubt.
func Do[D any](f func(context.Context, *D) error) Action[D] {
	return Action[D]{&action{call: func(ctx context.Context, data []byte) (jsontext.Value, error) {
		after, err := changed(data, func(d *D) error { return f(ctx, d) })
		if err != nil {
			return nil, err
		}
		return diff(canonical[D](data), after)
	}}}
}

// Sub is another saga, whose id is that of this one, a slash and the name of the step.
// It is compensated together with this one. The Reply of the action is its data at
// the end.
func Sub[D, C any](saga *Saga[C], start func(D) C) Action[D] {
	return Action[D]{&action{sub: saga.Definition(), encode: encodeOf(start)}}
}

// Reply keeps what the answer to a command says.
func (a Action[D]) Reply[R any](apply func(*D, R)) Action[D] {
	return a.TryReply(func(d *D, r R) error {
		apply(d, r)
		return nil
	})
}

// TryReply is Reply for an answer that may turn out to be of no use: with an error,
// the saga turns back and compensates the step.
func (a Action[D]) TryReply[R any](apply func(*D, R) error) Action[D] {
	with := *a.a
	with.apply = applyOf(apply)
	return Action[D]{&with}
}

// Keyed has the record of a command keyed by something else than the id of the saga.
// An action and its compensation need the same key, or they have no order.
func (a Action[D]) Keyed(key func(D) string) Action[D] {
	with := *a.a
	with.recordKey = reading(func(d D) (string, error) { return key(d), nil })
	return Action[D]{&with}
}

func encodeOf[D, C any](f func(D) C) func([]byte) (jsontext.Value, error) {
	return reading(func(d D) (jsontext.Value, error) { return encode(f(d)) })
}

func conditionOf[D any](f func(D) bool) func([]byte) (bool, error) {
	return reading(func(d D) (bool, error) { return f(d), nil })
}

// reading is a function of the data as one of its JSON. A panic of it is an error.
func reading[D, R any](f func(D) (R, error)) func([]byte) (R, error) {
	return func(data []byte) (out R, err error) {
		err = guard(func() error {
			d, err := decode[D](data)
			if err == nil {
				out, err = f(d)
			}
			return err
		})
		return out, err
	}
}

func applyOf[D, R any](f func(*D, R) error) func(data, reply []byte) (jsontext.Value, error) {
	return func(data, reply []byte) (jsontext.Value, error) {
		r, err := decode[R](reply)
		if err != nil {
			return nil, err
		}
		return changed(data, func(d *D) error { return f(d, r) })
	}
}

// changed is the data after f has changed it.
func changed[D any](data []byte, f func(*D) error) (out jsontext.Value, err error) {
	err = guard(func() error {
		d, err := decode[D](data)
		if err == nil {
			err = f(&d)
		}
		if err == nil {
			out, err = encode(d)
		}
		return err
	})
	return out, err
}

// canonical is the data as it would be written now.
func canonical[D any](data []byte) jsontext.Value {
	d, err := decode[D](data)
	if err != nil {
		return data
	}
	out, err := encode(d)
	if err != nil {
		return data
	}
	return out
}
