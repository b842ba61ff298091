package topology

import (
	"context"
	"math"
	"slices"
	"time"

	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/serde"
)

// Async makes a new value of each record with a call that takes time, such as to a
// database or a web service, and keeps its key. Many calls are made at the same
// time, each on a goroutine of its own, while the task goes on with other records.
//
//	--a:1--b:2--a:3-->
//	Async(v*10, b answers first)
//	-------b:20--a:10--a:30-->
//
// Records of one key keep their order: f is called for a record when the call for
// the one before has ended and its result was passed on. Records of different keys
// overtake each other, and so do those without a key. A window behind Async
// therefore needs a grace period of about as long as a call takes in event time.
//
// The context of a call ends at its CallTimeout, and when the worker has to stop at
// once; f has to return soon then, because until it has returned its call is under
// way. A call that fails is made again as CallRetries says. What fails for good, or
// panics, is handled by the policy for processing, with the record as it was read.
// A null value of a type that has no nil is passed on without f being called.
//
// Offsets are committed only behind finished calls: a commit waits for those under
// way, so it may take longer by about one call. Under exactly-once each result is
// written once, though f may have been called again for a record whose transaction
// was aborted; and a call with all its retries has to be shorter than a transaction
// may last.
func (s *Stream[K, V]) Async[V2 any](f func(context.Context, K, V) (V2, error), options ...AsyncOption) *Stream[K, V2] {
	set := asyncSettings(options)
	n, keyed := addAsync(s, set, processors.AsyncValues(f))
	return &Stream[K, V2]{flow[K, V2]{b: s.b, n: n, key: keyed.key, value: pick[V2](s.b, at(n.name), set.value), rekeyed: s.rekeyed}}
}

// AsyncRecords is the general form of Async: f sees headers, time and nulls, and may
// set them and the key. What follows and needs records partitioned by key
// repartitions them first. The order is that of the keys that f is given.
func (s *Stream[K, V]) AsyncRecords[K2, V2 any](f func(context.Context, record.Record[K, V]) (record.Record[K2, V2], error), options ...AsyncOption) *Stream[K2, V2] {
	set := asyncSettings(options)
	n, _ := addAsync(s, set, f)
	return &Stream[K2, V2]{flow[K2, V2]{b: s.b, n: n, value: pick[V2](s.b, at(n.name), set.value), rekeyed: true}}
}

// AsyncOption is an option of Async and AsyncRecords.
type AsyncOption interface {
	change(*settings)
	async()
}

// CallOption is an option of everything that makes calls.
type CallOption struct{ apply func(*processors.CallRules) }

func (o CallOption) change(s *settings) { o.apply(&s.calls) }
func (o CallOption) async()             {}

func (n NameOption) async()  {}
func (o SerdeOption) async() {}

// Concurrency is how many records of a task may be under way in the operator at the
// same time, 64 by default. Those of one key among them wait for each other.
func Concurrency(n int) CallOption {
	return CallOption{func(r *processors.CallRules) { r.Concurrency = n }}
}

// CallTimeout is how long a call may take before its context ends, 3 s by default.
// Each retry has as long again. With 0 there is no end, which exactly-once does not
// allow.
func CallTimeout(d time.Duration) CallOption {
	return CallOption{func(r *processors.CallRules) { r.Timeout = d }}
}

// CallRetries is how often a call that fails is made again, after backoff, twice
// that and so on up to a minute; by default it is not. Records of other keys go on
// meanwhile. An error marked with Permanent and a panic are not tried again.
func CallRetries(n int, backoff time.Duration) CallOption {
	return CallOption{func(r *processors.CallRules) { r.Retries, r.Backoff = n, backoff }}
}

// Permanent marks the error of a call that is of no use to be made again, such as
// that of a bad request.
func Permanent(err error) error { return processors.Permanent(err) }

// asyncSettings are the defaults changed by options.
func asyncSettings(options []AsyncOption) settings {
	set := settings{calls: processors.CallRules{Concurrency: 64, Timeout: 3 * time.Second}}
	for _, o := range options {
		o.change(&set)
	}
	return set
}

// addAsync enters an operator that makes calls. It returns the flow before it, with
// the serde for keys that the options may have chosen.
func addAsync[K, V, K2, V2 any](s *Stream[K, V], set settings, call func(context.Context, record.Record[K, V]) (record.Record[K2, V2], error)) (*node, flow[K, V]) {
	name := s.b.named(set.name, "KSTREAM-ASYNC-")
	checkCalls(s.b, name, set.calls)
	from := s.flow
	if key := pick[K](s.b, at(name), set.key); key != nil {
		from.key = key
	}
	a := processors.Async[K, V, K2, V2]{Call: call, Rules: set.calls, Key: identity(from, name)}
	n := then(from, name, nil, a.Supplier())
	n.calls = &set.calls
	return n, from
}

// identity is a serde that tells the keys of a flow apart. One that depends on its
// topic has none here, and may register what it encodes.
func identity[K, V any](f flow[K, V], name string) serde.Serde[K] {
	key := f.key
	if _, bound := key.(serde.TopicBinder[K]); bound {
		key = nil
	}
	return resolve(f.b, at(name), key, true)
}

func checkCalls(b *Builder, name string, r processors.CallRules) {
	if r.Concurrency < 1 {
		b.fault("node %q: Concurrency is %d: give at least 1", name, r.Concurrency)
	}
	if r.Timeout < 0 {
		b.fault("node %q: CallTimeout is %v: give more than 0, or 0 for calls without end", name, r.Timeout)
	}
	if r.Retries < 0 {
		b.fault("node %q: CallRetries is %d: give 0 to make no call again", name, r.Retries)
	}
	if r.Retries > 0 && r.Backoff <= 0 {
		b.fault("node %q: the backoff of CallRetries is %v: give more than 0", name, r.Backoff)
	}
}

// LongestCalls is the longest that the calls for a record may take, one operator
// after another, where longest tells it of one operator; nodes are the names of those
// operators.
func (s *Subtopology) LongestCalls(longest func(processors.CallRules) time.Duration) (d time.Duration, nodes []string) {
	type path struct {
		d     time.Duration
		nodes []string
	}
	to := map[*node]path{}
	var most path
	for _, n := range s.nodes { // parents come before their children
		var p path
		for _, parent := range n.parents {
			if to[parent].d > p.d {
				p = to[parent]
			}
		}
		if n.calls != nil {
			own := longest(*n.calls)
			p = path{p.d + min(own, math.MaxInt64-p.d), append(slices.Clone(p.nodes), n.name)}
		}
		if to[n] = p; p.d > most.d {
			most = p
		}
	}
	return most.d, most.nodes
}
