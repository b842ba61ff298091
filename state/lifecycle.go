package state

import "github.com/tidemill/tidemill/record"

// Lifecycle is the side of a store that the task which owns it drives: records
// that fail are rolled back, commits flush, and checkpoints after a commit carry
// the committed versions to the backend.
type Lifecycle interface {
	// Mark begins a record; Rollback takes back every write since then.
	Mark()
	Rollback()
	// FlushLog logs the oldest unflushed write to the changelog, and reports
	// false if there is none. FlushForward then forwards it downstream.
	FlushLog() (bool, error)
	FlushForward() error
	// Checkpoint adds everything that was written since the last checkpoint to a
	// batch. It is called when all of it is committed. Checkpointed says that the
	// batch has been applied.
	Checkpoint(Batch) error
	Checkpointed()
	// Pinned is about how many bytes wait for a checkpoint.
	Pinned() int
	// Capacity sets how many bytes the cache may keep, pinned ones not counted.
	Capacity(bytes int)
	// Row translates a changelog record to the key and value that a batch sets,
	// or to a nil value if the key is to be deleted. They are appended to dst and
	// valid until the next call.
	Row(key, value []byte, ts int64) (k, v []byte, err error)
	// Space is where the store's rows are.
	Space() Space
}

// Changelog is where a store logs its writes.
type Changelog struct {
	Outbox    *record.Outbox
	Topic     string
	Partition int32
	// Number is what Output.Changelog is set to.
	Number int
	// Headers logs the headers of the record that wrote, too.
	Headers bool
}

// add logs a record whose key is buf up to split and whose value is the rest, or
// null. buf is what Outbox.Buffer returned, grown.
func (c *Changelog) add(buf []byte, split int, null bool, ts int64, headers record.Headers) {
	out := record.Output{Topic: c.Topic, Partition: c.Partition, Key: buf[:split:split], Timestamp: ts, Headers: headers, Changelog: c.Number}
	if !null {
		out.Value = buf[split:len(buf):len(buf)]
	}
	c.Outbox.Add(out, buf)
}

// Options is how a task wants one of its stores.
type Options struct {
	Space Space
	// Log is nil for a store without a changelog.
	Log *Changelog
	// Caching holds writes back until the task commits, so that only the last
	// one of a key is logged and forwarded.
	Caching bool
	// Capacity is how many bytes of entries the cache may keep.
	Capacity int
}
