package task

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strconv"

	"github.com/tidemill/tidemill/connectors"
	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/state"
)

// failed applies the policy of the stage that err comes from. raw is the record
// that the unit of work at hand comes from, or nil, and attempts counts how often it
// was tried again, or is nil if it cannot be. due is the wall-clock time at which to
// try it again, or 0. A returned error is final.
func (t *Task) failed(err error, raw *record.Raw, attempts *int) (due int64, final error) {
	stage, policy := t.stage(err)
	report := &record.Error{Stage: stage, Node: t.env.Names[t.env.At()], Metadata: t.env.Source, Err: err}
	if policy.action == fail || beyondPolicy(t.env.Task().Context(), err) {
		t.env.Outbox.Rollback(t.mark)
		return 0, report
	}
	t.rollback()
	if policy.action == retry {
		if attempts != nil && *attempts < policy.attempts {
			*attempts++
			t.config.Report(report, fmt.Sprintf("retry %d of %d", *attempts, policy.attempts))
			return t.env.Now + max(1, policy.delay(*attempts).Milliseconds()), nil
		}
		policy = *policy.then
	}
	switch policy.action {
	case skip:
		t.config.Report(report, "skip")
	case deadLetter:
		if raw == nil {
			raw = &record.Raw{Timestamp: max(t.env.Time, 0)}
		}
		out := letter(policy.topic, raw, report)
		if err := fit(&out, t.config.MaxBytes(policy.topic)); err != nil {
			report.Err = fmt.Errorf("%w; %w", report.Err, err)
			return 0, report
		}
		t.env.Outbox.Add(out, nil)
		t.config.Report(report, "dead letter")
	default:
		return 0, report
	}
	return 0, nil
}

// report tells of a record that a processor has left behind by itself.
func (t *Task) report(err error, policy string) {
	t.config.Report(&record.Error{Stage: record.Process, Node: t.env.Names[t.env.At()], Metadata: t.env.Source, Err: err}, policy)
}

// stage tells the stage that an error comes from, and its policy.
func (t *Task) stage(err error) (record.Stage, Policy) {
	var decode *processors.DecodeError
	var encode *processors.EncodeError
	switch {
	case errors.As(err, &decode):
		return record.Decode, t.config.Policies.Decode
	case errors.As(err, &encode):
		return record.Produce, t.config.Policies.Produce
	default:
		return record.Process, t.config.Policies.Process
	}
}

// beyondPolicy says whether an error is not the record's fault, so that leaving
// the record behind would lose it for nothing.
func beyondPolicy(ctx context.Context, err error) bool {
	var backend *state.BackendError
	var full *processors.FullError
	var target *connectors.TargetError
	return errors.As(err, &backend) || errors.As(err, &target) || errors.As(err, &full) || ctx.Err() != nil && errors.Is(err, context.Cause(ctx))
}

// The headers of a dead letter, as Kafka Streams names them (KIP-1034).
const (
	headerException  = "__streams.errors.exception"
	headerMessage    = "__streams.errors.message"
	headerStackTrace = "__streams.errors.stacktrace"
	headerTopic      = "__streams.errors.topic"
	headerPartition  = "__streams.errors.partition"
	headerOffset     = "__streams.errors.offset"
	// headerNode and headerStage are additions.
	headerNode  = "__streams.errors.node"
	headerStage = "__streams.errors.stage"
)

// maxTrace bounds the stack trace in a dead letter.
const maxTrace = 16 << 10

// letter is the dead letter of a record: its bytes and headers as they were read,
// and headers that say what happened.
func letter(topic string, raw *record.Raw, e *record.Error) record.Output {
	cause := e.Err
	var panicked *PanicError
	trace := ""
	if errors.As(cause, &panicked) {
		trace = string(panicked.Stack[:min(len(panicked.Stack), maxTrace)])
	}
	headers := append(record.Headers(nil), raw.Headers...)
	for _, h := range [...][2]string{
		{headerException, reflect.TypeOf(root(cause)).String()},
		{headerMessage, cause.Error()},
		{headerStackTrace, trace},
		{headerTopic, e.Topic},
		{headerPartition, strconv.Itoa(int(e.Partition))},
		{headerOffset, strconv.FormatInt(e.Offset, 10)},
		{headerNode, e.Node},
		{headerStage, string(e.Stage)},
	} {
		headers = append(headers, record.Header{Key: h[0], Value: []byte(h[1])})
	}
	return record.Output{
		Topic: topic, Key: raw.Key, Value: raw.Value, Headers: headers, Timestamp: max(raw.Timestamp, 0),
		Partition: -1, PartitionKey: raw.Key, Source: e.Metadata,
	}
}

// fit takes the stack trace out of a dead letter that its topic does not take, and
// fails if that is not enough: the record as it was read is what matters.
func fit(out *record.Output, limit int) error {
	if out.WireSize() <= limit {
		return nil
	}
	for i, h := range out.Headers {
		if h.Key == headerStackTrace {
			out.Headers[i].Value = nil
		}
	}
	if n := out.WireSize(); n > limit {
		return fmt.Errorf("its dead letter has %d bytes, topic %q takes at most %d: raise max.message.bytes of the topic", n, out.Topic, limit)
	}
	return nil
}

// root is the innermost of a chain of wrapped errors.
func root(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}
