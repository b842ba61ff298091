package events

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/serde"
	"github.com/tidemill/tidemill/topology"
)

// The headers of requests and replies. Their values are the payloads as JSON, that of
// a reply which says error the text of the error.
const (
	// HeaderRequest is the request's id, in the reply too.
	HeaderRequest = "tidemill-request"
	// HeaderReplyTo is the topic of the reply, and HeaderReplyPartition the partition
	// that its sender reads.
	HeaderReplyTo        = "tidemill-reply-to"
	HeaderReplyPartition = "tidemill-reply-partition"
	// HeaderReply says how the reply is to be read: ReplyOK or ReplyError.
	HeaderReply = "tidemill-reply"
)

// The values of HeaderReply.
const (
	ReplyOK    = "ok"
	ReplyError = "error"
)

// Request is a request as its handler sees it.
type Request[T any] struct {
	ID      string
	Payload T
	// Key and Headers are those of the record, and Time its time.
	Key     string
	Headers record.Headers
	Time    time.Time
}

// HandleOption is an option of Handle.
type HandleOption interface{ handle(*handling) }

type handling struct {
	name    string
	replies string
	bad     Policy
	memory  time.Duration
	calls   []topology.AsyncOption
}

func (n NameOption) handle(h *handling) { h.name = string(n) }

type handleOption func(*handling)

func (o handleOption) handle(h *handling) { o(h) }

// ReplyTopic is the topic that replies go to, by default that of the requests with
// .replies behind it. It has to exist.
func ReplyTopic(name string) HandleOption {
	return handleOption(func(h *handling) { h.replies = name })
}

// OnBadRequest says what happens with a record that is no request: without an id, or
// for replies on another topic. The default is Ignore, so that no client can end the
// service.
func OnBadRequest(p Policy) HandleOption { return handleOption(func(h *handling) { h.bad = p }) }

// KeepReplies is how long replies are kept to answer requests that come again, in event
// time; an hour by default.
func KeepReplies(d time.Duration) HandleOption {
	return handleOption(func(h *handling) { h.memory = d })
}

// Calls gives options for the calls of the handler, such as topology.Concurrency.
func Calls(options ...topology.AsyncOption) HandleOption {
	return handleOption(func(h *handling) { h.calls = append(h.calls, options...) })
}

// Handle answers the requests of a topic, which package request sends. Requests of one
// key are handled in their order, others at the same time; see Stream.Async.
//
// Every request gets a reply, the handler's result or its error, or the panic that it
// ended with. The handler may be called again for a request when a worker has failed,
// but under exactly-once there is one reply, and a request that is sent again with the
// same id and key is answered with it.
func Handle[Req, Res any](b *topology.Builder, topic string, handle func(context.Context, Request[Req]) (Res, error), options ...HandleOption) {
	set := handling{name: "handle-" + topic, replies: topic + ".replies", bad: Ignore(), memory: time.Hour}
	for _, o := range options {
		o.handle(&set)
	}
	if handle == nil {
		b.Fault(fmt.Errorf("events: Handle of topic %q was given no function", topic))
	}
	addHandler(b, topic, set, caller(handle))
}

// answer handles a payload and returns the value of the reply, and whether it is ok.
type answer func(ctx context.Context, key string, asked *asked) (reply []byte, ok bool, err error)

// asked is a request on its way through the stage; reply and ok come behind the call.
type asked struct {
	id        string
	partition int32
	payload   []byte
	headers   record.Headers
	time      int64
	reply     []byte
	ok        bool
}

// caller makes a call of the handler, whatever comes of it, a reply. Only a worker that
// stops is no reply: the request is handled by the next one.
func caller[Req, Res any](handle func(context.Context, Request[Req]) (Res, error)) answer {
	in, out := serde.JSON[Req](), serde.JSON[Res]()
	return func(ctx context.Context, key string, q *asked) (reply []byte, ok bool, err error) {
		defer func() {
			if p := recover(); p != nil {
				reply, ok = fmt.Appendf(nil, "panic: %v", p), false
			}
		}()
		payload, err := in.Decode(q.payload)
		if err == nil {
			var res Res
			res, err = handle(ctx, Request[Req]{ID: q.id, Payload: payload, Key: key, Headers: q.headers, Time: timeOf(q.time)})
			if errors.Is(ctx.Err(), context.Canceled) {
				return nil, false, context.Cause(ctx)
			}
			if err == nil {
				if reply, err = out.Append([]byte{}, res); err == nil {
					return reply, true, nil
				}
			}
		}
		return []byte(err.Error()), false, nil
	}
}

func addHandler(b *topology.Builder, topic string, set handling, call answer) {
	memory := NewMemory(set.name+"-replies", set.memory)
	b.Fault(memory.Err())
	b.Fault(set.bad.err())
	asking := b.Stream[string, Event](topic, topology.ValueSerde(unread), topology.Named(set.name+"-source")).
		ProcessValues(func(c *outlet) (processors.ValueProcessor[string, Event], error) {
			answers, err := memory.In(c.Task)
			return processors.ValueFunc[string, Event](func(r record.Fixed[string, Event]) error {
				return ask(c, answers, set, r)
			}), err
		}, topology.Named(set.name), topology.Stores(memory.Store()))
	letterbox(asking, set.name, set.bad)
	called := branch(asking, handled, set.name+"-new").
		Async(func(ctx context.Context, key string, e Event) (_ Event, err error) {
			done := *e.note.asked
			done.reply, done.ok, err = call(ctx, key, &done)
			return Event{note: &note{asked: &done}}, err
		}, append(set.calls, topology.Named(set.name+"-call"))...).
		ProcessValues(func(c *outlet) (processors.ValueProcessor[string, Event], error) {
			answers, err := memory.In(c.Task)
			return processors.ValueFunc[string, Event](func(r record.Fixed[string, Event]) error {
				return first(c, answers, r)
			}), err
		}, topology.Named(set.name+"-answer"), topology.Stores(memory.Store()))
	called.Merge(branch(asking, reactions, set.name+"-again"), topology.Named(set.name+"-all")).
		To(set.replies, topology.Named(set.name+"-sink"), topology.ValueSerde(replySerde), topology.Partitioner(replyPartition))
}

// ask reads a request, and answers one that was answered before.
func ask(c *outlet, answers *Answers, set handling, r record.Fixed[string, Event]) error {
	q, err := request(r, set.replies)
	if err != nil {
		return set.bad.apply(c, r, "bad request", fmt.Errorf("%w: %w", ErrUndecodable, err))
	}
	kept, ok, err := answers.Recall(q.id)
	if err != nil {
		return err
	}
	l := handled
	if ok {
		l = reactions
		q.ok, q.reply = kept[0] == 1, kept[1:]
		r.Headers = q.replyHeaders()
	}
	r.Value = Event{note: &note{lane: l, asked: q}}
	return c.Forward(r)
}

// request is the request in a record.
func request(r record.Fixed[string, Event], replies string) (*asked, error) {
	get := func(name string) string {
		value, _ := r.Headers.Get(name)
		return string(value)
	}
	q := &asked{id: get(HeaderRequest), headers: r.Headers, time: r.Timestamp}
	if q.id == "" {
		return q, fmt.Errorf("a request needs the header %s", HeaderRequest)
	}
	if to := get(HeaderReplyTo); to != replies {
		return q, fmt.Errorf("replies go to topic %q, not to %q: have the client read that, or give Handle another ReplyTopic", replies, to)
	}
	n, err := strconv.ParseInt(get(HeaderReplyPartition), 10, 32)
	if err != nil || n < 0 {
		return q, fmt.Errorf("header %s: want the number of a partition, got %q", HeaderReplyPartition, get(HeaderReplyPartition))
	}
	q.partition = int32(n)
	if !r.Tombstone {
		q.payload = r.Value.note.raw
	}
	return q, nil
}

// first keeps the reply to a request, unless there is one already: then that is it.
func first(c *outlet, answers *Answers, r record.Fixed[string, Event]) error {
	q := *r.Value.note.asked
	kept, ok, err := answers.Recall(q.id)
	if err != nil {
		return err
	}
	if ok {
		q.ok, q.reply = kept[0] == 1, kept[1:]
	} else {
		kept := append(make([]byte, 0, 1+len(q.reply)), 0)
		if q.ok {
			kept[0] = 1
		}
		if err := answers.Keep(q.id, append(kept, q.reply...)); err != nil {
			return err
		}
	}
	r.Value = Event{note: &note{asked: &q}}
	r.Headers = q.replyHeaders()
	return c.Forward(r)
}

// replyHeaders are the headers of the reply, with the trace of the request.
func (q *asked) replyHeaders() record.Headers {
	status := ReplyError
	if q.ok {
		status = ReplyOK
	}
	out := record.Headers{{Key: HeaderRequest, Value: []byte(q.id)}, {Key: HeaderReply, Value: []byte(status)}}
	if t := traceOf(q.headers); t.Valid() {
		out = append(out, record.Header{Key: extTraceparent, Value: []byte(t.Child(q.id).String())})
	}
	return out
}

var replySerde = serde.Func(
	func(dst []byte, e Event) ([]byte, error) { return append(dst, e.note.asked.reply...), nil },
	func(data []byte) (Event, error) { return Event{note: &note{asked: &asked{reply: data}}}, nil },
)

// replyPartition is the partition that the sender of the request reads.
func replyPartition(_ string, r record.Record[string, Event], n int32) int32 {
	return r.Value.note.asked.partition % n
}
