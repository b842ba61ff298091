package state

import (
	"errors"
	"fmt"
	"iter"

	"github.com/tidemill/tidemill/record"
)

// Replay implements Replayer.
func (b *rowBuffer) Replay(batch Batch, records iter.Seq[record.Raw]) error {
	if b.fault != nil {
		return b.fault
	}
	old := olds{removed: map[string]bool{}, prior: map[string][]byte{}, stored: b.storedPrior}
	if log := b.rows.core.log; log != nil {
		old.topic, old.partition = log.Topic, log.Partition
	}
	places := map[string]string{}
	for r := range records {
		if err := b.replay(batch, &r, &old, places); err != nil {
			return fmt.Errorf("state: store %q: changelog record at offset %d: %w", b.rows.core.name, r.Offset, err)
		}
	}
	return nil
}

// replay adds one record. places are where the batch has put rows, by key, and empty
// for those that it has removed.
func (b *rowBuffer) replay(batch Batch, r *record.Raw, old *olds, places map[string]string) error {
	key, err := b.rows.layout.fromChangelog(append(b.rows.core.scratch[:0], b.rows.core.space.prefix[:]...), r.Key)
	if err != nil {
		return err
	}
	b.rows.core.scratch = key
	if err := b.displace(batch, r.Key, places); err != nil {
		return err
	}
	if r.Value == nil {
		old.remove(r.Key)
		batch.Delete(key)
		return nil
	}
	value, err := old.current(r)
	if err != nil {
		return err
	}
	if len(value) < 16 {
		return fmt.Errorf("a value of %d bytes is no buffered record", len(value))
	}
	b.rows.core.row = append(append(b.rows.core.row[:0], value[:8]...), value...)
	batch.Set(key, b.rows.core.row)
	if b.times != nil {
		batch.Set(b.placeOf(value[len(value)-8:], r.Key), make([]byte, 8))
		places[string(r.Key)] = string(value[len(value)-8:])
	}
	return nil
}

func (b *rowBuffer) placeOf(time, key []byte) []byte {
	return append(append(b.rows.core.space.key(byPlace), time...), key...)
}

// displace removes the place of the row whose key in the backend is in scratch: who
// follows a changelog for long would be left with the places of all rows that ever were.
func (b *rowBuffer) displace(batch Batch, key []byte, places map[string]string) error {
	if b.times == nil {
		return nil
	}
	time, known := places[string(key)]
	if !known {
		row, ok, err := b.rows.core.space.backend.Get(nil, b.rows.core.scratch)
		if err != nil {
			return &BackendError{Err: err}
		}
		if ok && len(row) >= 8 {
			time = string(row[len(row)-8:])
		}
	}
	if time != "" {
		batch.Delete(b.placeOf([]byte(time), key))
	}
	places[string(key)] = ""
	return nil
}

// storedPrior is the prior value of the row in the backend whose key is in scratch.
func (b *rowBuffer) storedPrior() (prior []byte, ok bool, err error) {
	row, ok, err := b.rows.core.space.backend.Get(nil, b.rows.core.scratch)
	if err != nil || !ok || len(row) < 8 {
		return nil, false, err
	}
	v, _, err := decodeBufferValue(row[8:])
	return v.Prior, err == nil, err
}

// olds makes present values of those that Kafka Streams wrote before version 2.5.1.
type olds struct {
	topic     string
	partition int32
	// removed and prior are what is known of keys from the records before.
	removed map[string]bool
	prior   map[string][]byte
	stored  func() ([]byte, bool, error)
}

func (o *olds) remove(key []byte) {
	o.removed[string(key)] = true
	delete(o.prior, string(key))
}

// current is the value of a record in the present format.
func (o *olds) current(r *record.Raw) ([]byte, error) {
	mark, marked := r.Headers.Get(versionHeader)
	if !marked {
		return o.first(r, false)
	}
	switch {
	case len(mark) != 1:
	case mark[0] == 3:
		return r.Value, nil
	case mark[0] == 2:
		return second(r.Value)
	case mark[0] == 1:
		return o.first(r, true)
	}
	return nil, fmt.Errorf("the format %x is not known: a newer version of Kafka Streams has written it", mark)
}

// first converts the formats that have no prior value: time, origin if there is one,
// old value and new value.
func (o *olds) first(r *record.Raw, hasOrigin bool) ([]byte, error) {
	d := blocks{rest: r.Value}
	time := d.long()
	v := bufferValue{origin: origin{Metadata: record.Metadata{Topic: o.topic, Partition: o.partition, Offset: r.Offset}, Timestamp: r.Timestamp, Headers: r.Headers}}
	if hasOrigin {
		v.origin = d.origin()
		d.length() // of the two values
	}
	v.Old, v.New = d.block(d.length()), d.block(d.length())
	if d.err != nil {
		return nil, d.err
	}
	var err error
	if v.Prior, err = o.priorOf(r.Key, v.Old); err != nil {
		return nil, err
	}
	return appendTimestamp(v.append(nil), time), nil
}

// priorOf is the prior value of a row that is there already, or else its old one.
func (o *olds) priorOf(key, old []byte) ([]byte, error) {
	prior, ok := o.prior[string(key)]
	if !ok && !o.removed[string(key)] {
		var err error
		if prior, ok, err = o.stored(); err != nil {
			return nil, err
		}
	}
	if !ok {
		prior = old
	}
	o.prior[string(key)] = prior
	return prior, nil
}

var errNeither = errors.New("it is in neither of the formats that are marked as the second")

// second converts the format of origin, old value, new value, prior value and time.
// Some versions marked the third format so.
func second(value []byte) ([]byte, error) {
	d := blocks{rest: value}
	v := bufferValue{origin: d.origin()}
	both := d.length()
	v.Old, v.New = d.block(d.length()), d.block(d.length())
	v.Prior = d.block(d.length())
	if time := d.long(); d.err == nil && len(d.rest) == 0 && both == blockLength(v.Old)+blockLength(v.New) {
		return appendTimestamp(v.append(nil), time), nil
	}
	if _, rest, err := decodeBufferValue(value); err != nil || len(rest) != 8 {
		return nil, errNeither
	}
	return value, nil
}

// blockLength is how long a block is with its length.
func blockLength(block []byte) int { return 4 + len(block) }

// origin reads an origin.
func (d *blocks) origin() (o origin) {
	o.Timestamp, o.Offset = d.long(), d.long()
	o.Topic = string(d.text())
	o.Partition = int32(d.length())
	o.Headers = d.headers()
	return o
}
