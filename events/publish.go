package events

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"strconv"
	"time"

	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/topology"
)

// PublishOption is an option of Publish.
type PublishOption interface{ publish(*publishing) }

type publishing struct {
	name   string
	format Format
	source string
	each   bool
	limit  int
}

func (f Format) publish(p *publishing) { p.format = f }

type publishOption func(*publishing)

func (o publishOption) publish(p *publishing) { o(p) }

// From is the source that events name which have none, instead of the application.
func From(source string) PublishOption {
	return publishOption(func(p *publishing) { p.source = source })
}

// KeyEach gives each event of an aggregate a key of its own, the aggregate's id, a slash
// and the sequence, so that a compacted topic keeps all of them until one is erased by
// a tombstone. They go to the partition of the aggregate's id all the same.
func KeyEach() PublishOption { return publishOption(func(p *publishing) { p.each = true }) }

// Publish writes a stream of events to a topic, which has to exist, as JSON or in the
// Format that is given as an option. An event that has happened to something has that
// one's id as its key, and so its order with others of it; any other one keeps the key
// of the stream.
//
// Publish completes events: an id, which follows from where the record came from that
// led to the event, so that it stays the same when the record is processed again; the
// time and the trace of that record; the application as the source. An event that Err
// finds fault with is handled by the policy for producing.
func Publish(s *topology.Stream[string, Event], topic string, options ...PublishOption) {
	set := publishing{name: "publish-" + topic}
	for _, o := range options {
		o.publish(&set)
	}
	s.Process(func(c *processors.Context[string, Event]) (processors.Processor[string, Event], error) {
		return &publisher{c: c, set: set, topic: topic}, nil
	}, topology.Named(set.name)).To(topic, set.sink()...)
}

func (p publishing) sink() []topology.SinkOption {
	options := []topology.SinkOption{topology.ValueSerde(p.format.written()), topology.Named(p.name + "-sink")}
	if p.each {
		options = append(options, topology.Partitioner(func(_ string, r record.Record[string, Event], n int32) int32 {
			aggregate := r.Key
			if r.Value.AggregateID != "" {
				aggregate = r.Value.AggregateID
			}
			return record.PartitionOf([]byte(aggregate), n)
		}))
	}
	return options
}

// key is what an event is keyed by, if it is of an aggregate.
func (p publishing) key(e Event) string {
	if p.each {
		return e.AggregateID + "/" + strconv.FormatInt(e.Sequence, 10)
	}
	return e.AggregateID
}

// publisher completes the events of one task.
type publisher struct {
	c     *processors.Context[string, Event]
	set   publishing
	topic string
	ids   identifier
}

// Process completes one event.
func (p *publisher) Process(r record.Record[string, Event]) error {
	if r.Value.AggregateID != "" {
		r.Key, r.NullKey = p.set.key(r.Value), false
	}
	if r.Tombstone {
		return p.c.Forward(r)
	}
	e := r.Value
	if e.ID == "" {
		e.ID = p.ids.next(p.c.Task, p.set.name, r.Key, e)
	}
	if e.Time.IsZero() {
		e.Time = r.Time()
	}
	e.Source = cmp.Or(e.Source, p.set.source, p.c.Application)
	if !e.Metadata.Trace.Valid() {
		e.Metadata.Trace = traceOf(r.Headers).Child(e.ID)
	}
	err := e.Err()
	if err == nil {
		err = tooLarge(len(e.Data), p.set.limit)
	}
	if err != nil {
		return &processors.EncodeError{Topic: p.topic, Err: err}
	}
	r.Headers = p.set.format.headers(e, r.Headers)
	r.Value = e
	return p.c.Forward(r)
}

// traceOf is the trace context in the headers of a record, if there is a sound one.
func traceOf(headers record.Headers) Trace {
	parent, _ := headers.Get(extTraceparent)
	state, _ := headers.Get(extTracestate)
	t, _ := parseTrace(string(parent), string(state), "")
	return t
}

// identifier makes ids that follow from where a task is.
type identifier struct {
	source record.Metadata
	n      int
}

// next is the id of an event that comes of the record at hand. Without one, as behind
// a punctuation or a window that has closed, it follows from what the event says.
func (i *identifier) next(t *processors.Task, node, key string, e Event) string {
	if t.Source.Topic == "" {
		h := fnv.New128a()
		for _, part := range [...]string{key, e.Type, e.AggregateID, string(e.Data)} {
			_, _ = h.Write([]byte(part))
			_, _ = h.Write([]byte{0})
		}
		return fmt.Sprintf("%s/%s/%s@%d-%x", t.Application, node, t.ID, t.Time, h.Sum(nil))
	}
	if i.source != t.Source {
		*i = identifier{source: t.Source}
	}
	id := append(make([]byte, 0, 64), t.Application+"/"+node+"/"...)
	id = append(id, i.source.Topic...)
	id = strconv.AppendInt(append(id, '-'), int64(i.source.Partition), 10)
	id = strconv.AppendInt(append(id, '-'), i.source.Offset, 10)
	if i.n > 0 {
		id = strconv.AppendInt(append(id, '.'), int64(i.n), 10)
	}
	i.n++
	return string(id)
}

// timeOf is a record's time.
func timeOf(ms int64) time.Time { return time.UnixMilli(ms).UTC() }
