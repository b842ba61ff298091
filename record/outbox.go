package record

// Output is one record that a task has written: to a topic of the user, to a
// repartition topic, to a changelog or to a dead-letter topic.
type Output struct {
	Topic      string
	Key, Value []byte
	Headers    Headers
	// Timestamp is in milliseconds since the Unix epoch.
	Timestamp int64
	// Partition is where the record goes, or negative: then the murmur2 hash of
	// PartitionKey decides, and where that is nil too, the client does.
	Partition    int32
	PartitionKey []byte
	// Changelog is the 1-based number of the store of the task whose changelog
	// this is, or 0 for any other topic. Whoever produces the record reports the
	// offset it was given back under this number.
	Changelog int
	// Source is where the record came from that led to this one, for the error
	// that a failed produce is reported with.
	Source Metadata
}

// WireSize is how many bytes the output takes at most in a batch of its own: those
// of the batch, of its lengths at their longest, and its own.
func (o *Output) WireSize() int {
	n := 61 + 36 + len(o.Key) + len(o.Value)
	for _, h := range o.Headers {
		n += len(h.Key) + len(h.Value) + 10
	}
	return n
}

// batchRecords and batchBytes end a batch; they keep its memory near one page
// of the client's own buffers.
const (
	batchRecords = 256
	batchBytes   = 32 << 10
)

// Batch is a run of outputs with the memory that their bytes live in. It may be
// recycled when every output of it has been acknowledged, never before.
type Batch struct {
	Outputs []Output
	buf     []byte
}

// Reset empties the batch and keeps its memory for the next use.
func (b *Batch) Reset() {
	clear(b.Outputs)
	b.Outputs = b.Outputs[:0]
	b.buf = b.buf[:0]
}

// Outbox collects what a task writes, in the order in which it has to become
// durable, until the owner takes it. It is not safe for concurrent use.
type Outbox struct {
	// New supplies an empty batch; nil means that batches are not recycled.
	New  func() *Batch
	open *Batch
	full []*Batch
}

// Buffer returns memory to append the bytes of the next output to. The caller
// hands the grown slice to Add, or drops it.
func (o *Outbox) Buffer() []byte {
	if o.open == nil {
		o.open = o.fresh()
	}
	b := o.open
	return b.buf[len(b.buf):]
}

func (o *Outbox) fresh() *Batch {
	if o.New != nil {
		return o.New()
	}
	return NewBatch()
}

// Add appends an output. buf is what Buffer returned, grown by the bytes that
// the output's Key and Value point into; nil if they live elsewhere and stay
// unchanged until the output is acknowledged.
func (o *Outbox) Add(out Output, buf []byte) {
	if o.open == nil {
		o.open = o.fresh()
	}
	b := o.open
	if n := len(b.buf) + len(buf); n <= cap(b.buf) {
		b.buf = b.buf[:n]
	} else {
		// The bytes outgrew the batch's memory and live in an array of their own.
		b.buf = b.buf[:cap(b.buf)]
	}
	b.Outputs = append(b.Outputs, out)
}

// Mark is a position in an outbox; outputs behind it can be taken back.
type Mark struct{ outputs, bytes int }

// Mark seals the open batch if it is full and returns the present position. It
// is called at a record boundary, so that a record's outputs stay together.
func (o *Outbox) Mark() Mark {
	b := o.open
	if b == nil {
		return Mark{}
	}
	if len(b.Outputs) >= batchRecords || cap(b.buf)-len(b.buf) < 1<<10 {
		o.full = append(o.full, b)
		o.open = nil
		return Mark{}
	}
	return Mark{outputs: len(b.Outputs), bytes: len(b.buf)}
}

// Rollback takes back every output since the mark, which must be the newest.
func (o *Outbox) Rollback(m Mark) {
	if o.open == nil {
		return
	}
	clear(o.open.Outputs[m.outputs:])
	o.open.Outputs = o.open.Outputs[:m.outputs]
	o.open.buf = o.open.buf[:m.bytes]
}

// Take appends every batch that holds an output to dst and starts afresh.
func (o *Outbox) Take(dst []*Batch) []*Batch {
	dst = append(dst, o.full...)
	clear(o.full)
	o.full = o.full[:0]
	if o.open != nil && len(o.open.Outputs) > 0 {
		dst = append(dst, o.open)
		o.open = nil
	}
	return dst
}

// Pending says how many outputs wait to be taken.
func (o *Outbox) Pending() int {
	n := 0
	for _, b := range o.full {
		n += len(b.Outputs)
	}
	if o.open != nil {
		n += len(o.open.Outputs)
	}
	return n
}

// NewBatch returns an empty batch with memory for a usual number of outputs.
func NewBatch() *Batch {
	return &Batch{Outputs: make([]Output, 0, batchRecords), buf: make([]byte, 0, batchBytes)}
}
