package record

import "fmt"

// Stage is the step of a record's journey at which it failed.
type Stage string

// The stages that can fail because of a record.
const (
	// Decode is the decoding of the key or the value, or an unusable timestamp.
	Decode Stage = "decode"
	// Process is an operator or a callback of the user.
	Process Stage = "process"
	// Produce is the encoding or the writing of an output.
	Produce Stage = "produce"
)

// Error says which record failed, where and why. It is what a worker ends with
// if the policy of the stage is to fail, and what it logs otherwise.
type Error struct {
	Stage Stage
	// Node is the name of the operator in the topology.
	Node string
	// Metadata says where the record came from. It is zero for work that no
	// single record causes, such as a punctuation.
	Metadata
	Err error
}

func (e *Error) Error() string {
	if e.Topic == "" {
		return fmt.Sprintf("%s: node %q: %v", e.Stage, e.Node, e.Err)
	}
	return fmt.Sprintf("%s: node %q: record at topic %q, partition %d, offset %d: %v",
		e.Stage, e.Node, e.Topic, e.Partition, e.Offset, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }
