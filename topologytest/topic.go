package topologytest

import (
	"slices"

	"github.com/tidemill/tidemill/record"
)

// topic is a topic in memory.
type topic struct {
	name string
	logs []*log
	// order is where its records are, in the order in which they came.
	order []place
	// keyless counts the records without a key, which go to its partitions in turn.
	keyless int32
	// lag is how long, in milliseconds, compaction leaves records alone.
	lag int64
}

type place struct{ partition, offset int }

// log is one partition of a topic.
type log struct{ entries []entry }

// entry is one record of a topic.
type entry struct {
	record.Raw
	// step is the call that led to it, number its place among the records of all
	// topics.
	step   int
	number int64
	// gone says that compaction has removed it.
	gone bool
}

func (l *log) end() int64 { return int64(len(l.entries)) }

// compact removes all records that have a later one of the same key behind them,
// up to the first one that is not old enough yet.
func (t *topic) compact(now int64) {
	for _, l := range t.logs {
		old := l.entries
		if i := slices.IndexFunc(old, func(e entry) bool { return e.Timestamp > now-t.lag }); t.lag > 0 && i >= 0 {
			old = old[:i]
		}
		later := map[string]bool{}
		for i := range slices.Backward(old) {
			e := &old[i]
			e.gone = later[string(e.Key)]
			later[string(e.Key)] = true
		}
	}
	t.order = slices.DeleteFunc(t.order, func(at place) bool { return t.logs[at.partition].entries[at.offset].gone })
}

// topic returns the topic of this name, which is made if it does not exist.
func (d *Driver) topic(name string) *topic {
	t := d.topics[name]
	if t == nil {
		n, ok := d.config.counts[name]
		if !ok {
			n = d.config.partitions
		}
		t = d.create(name, n)
		d.appeared = append(d.appeared, name)
	}
	return t
}

func (d *Driver) create(name string, partitions int32) *topic {
	t := &topic{name: name}
	for range partitions {
		t.logs = append(t.logs, &log{})
	}
	d.topics[name] = t
	return t
}

// append writes an output, whose memory is its own, to its topic.
func (d *Driver) append(out record.Output) {
	t := d.topic(out.Topic)
	p := t.partitionOf(out)
	l := t.logs[p]
	l.entries = append(l.entries, entry{
		Raw: record.Raw{
			Key: out.Key, Value: out.Value, Headers: out.Headers, Timestamp: out.Timestamp, Offset: l.end(),
		},
		step: d.step, number: d.appended,
	})
	d.appended++
	t.order = append(t.order, place{int(p), len(l.entries) - 1})
}

// partitionOf is the partition that the producer chooses.
func (t *topic) partitionOf(out record.Output) int32 {
	n := int32(len(t.logs))
	switch {
	case out.Partition >= 0:
		return out.Partition
	case out.PartitionKey != nil:
		return record.PartitionOf(out.PartitionKey, n)
	default:
		t.keyless++
		return (t.keyless - 1) % n
	}
}
