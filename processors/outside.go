package processors

import "github.com/tidemill/tidemill/record"

// Outside is something outside of Kafka that a task writes to in batches, together
// with how far it has got in its inputs. See package connectors.
type Outside interface {
	// Keep takes what the unit of work at hand has added, Forget drops it. raw is the
	// record that it came from, or nil.
	Keep(source record.Metadata, raw *record.Raw)
	Forget()
	// Begun says that a batch has something in it, Full that it is complete.
	Begun() bool
	Full() bool
	// Cut asks for the call that writes the batch so far, if there is anything to write.
	// at is how far the task has got in its inputs.
	Cut(at []At)
	// Committed says that the task has committed everything.
	Committed()
}

// At is how far a task has got in one input.
type At struct {
	Topic string
	// Next is the next offset to read.
	Next int64
}

// Start is where a task begins in one input.
type Start struct {
	At
	// Committed is the offset that is committed, or -1, First the first one that there
	// is, and End where the partition ended when the task was opened, or -1.
	Committed, First, End int64
}

// AddOutside tells the task of something outside that a node writes to.
func (t *Task) AddOutside(o Outside) { t.outsides = append(t.outsides, o) }

// Outsides are what the task writes to outside of Kafka.
func (t *Owner) Outsides() []Outside { return t.outsides }
