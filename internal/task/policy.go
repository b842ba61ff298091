package task

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/record"
)

// Policy says what happens with a record that fails. The zero Policy is Fail.
type Policy struct {
	action   action
	topic    string
	attempts int
	backoff  time.Duration
	then     *Policy
}

type action uint8

const (
	fail action = iota
	skip
	deadLetter
	retry
)

// Fail ends the worker with the error. The record stays uncommitted, so it is the
// first to be read at the next start.
func Fail() Policy { return Policy{action: fail} }

// Skip drops the record, counts it and logs why.
func Skip() Policy { return Policy{action: skip} }

// DeadLetter writes the record as it was read, with its headers and some that say
// what happened, to a topic, and goes on. It is written together with the
// record's offset, so under exactly-once it is there exactly once.
func DeadLetter(topic string) Policy { return Policy{action: deadLetter, topic: topic} }

// Retry tries the record again, after backoff, twice that and so on up to a
// minute, and holds its task up meanwhile so that the order is kept. When it has
// been tried this many times beside the first, then applies.
func Retry(attempts int, backoff time.Duration, then Policy) Policy {
	return Policy{action: retry, attempts: attempts, backoff: backoff, then: &then}
}

// DeadLetterTopic is the topic that the policy may write to, or empty.
func (p Policy) DeadLetterTopic() string {
	if p.then != nil {
		return p.then.DeadLetterTopic()
	}
	return p.topic
}

// Err is what is wrong with the policy, or nil.
func (p Policy) Err() error {
	switch {
	case p.action == deadLetter && p.topic == "":
		return errors.New("a dead-letter policy needs the name of a topic")
	case p.action == retry && p.attempts < 1:
		return fmt.Errorf("a retry policy needs at least 1 attempt, got %d", p.attempts)
	case p.action == retry && p.backoff <= 0:
		return fmt.Errorf("a retry policy needs a backoff above 0, got %v", p.backoff)
	case p.action == retry && p.then.action == retry:
		return errors.New("a retry policy cannot be followed by another: raise its attempts")
	case p.then != nil:
		return p.then.Err()
	}
	return nil
}

// delay is how long to wait before the attempt with this number, from 1.
func (p Policy) delay(attempt int) time.Duration { return processors.Doubling(p.backoff, attempt) }

// Longest is how long something that takes this long at most may take with all the
// attempts of the policy.
func (p Policy) Longest(one time.Duration) time.Duration {
	d := one
	for attempt := 1; attempt <= p.attempts && d < math.MaxInt64/2; attempt++ {
		d += p.delay(attempt) + one
	}
	return d
}

// Policies are the policies of the three stages.
type Policies struct {
	Decode, Process, Produce Policy
}

// For is the policy of a stage.
func (p Policies) For(stage record.Stage) Policy {
	switch stage {
	case record.Decode:
		return p.Decode
	case record.Produce:
		return p.Produce
	default:
		return p.Process
	}
}

// lenient says whether a failed record may be left behind, so that what it did
// before it failed has to be taken back.
func (p Policies) lenient() bool {
	return p.Decode.action != fail || p.Process.action != fail || p.Produce.action != fail
}
