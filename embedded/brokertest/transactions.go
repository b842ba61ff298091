package brokertest

import (
	"errors"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// producer returns a transactional producer that has begun a transaction.
func (f *fixture) producer(id string, opts ...kgo.Opt) *kgo.Client {
	f.Helper()
	cl := f.client(append([]kgo.Opt{kgo.TransactionalID(id)}, opts...)...)
	f.must(cl.BeginTransaction())
	return cl
}

func committedIsRead(f *fixture) {
	topic := f.topic()
	p := f.producer(unique("txn"))
	for _, v := range []string{"a", "b"} {
		f.must(f.produce(p, topic, v))
	}
	f.must(p.EndTransaction(f.ctx, kgo.TryCommit))
	f.settled(topic, 3) // two records and the commit marker
	if got := f.values(topic, 3, kgo.ReadCommitted()); !slices.Equal(got, []string{"a", "b"}) {
		f.Errorf("read %q, want a and b", got)
	}
}

func abortedIsInvisible(f *fixture) {
	topic := f.topic()
	p := f.producer(unique("txn"))
	f.must(f.produce(p, topic, "aborted"))
	f.must(p.EndTransaction(f.ctx, kgo.TryAbort))
	f.must(p.BeginTransaction())
	f.must(f.produce(p, topic, "committed"))
	f.must(p.EndTransaction(f.ctx, kgo.TryCommit))

	f.settled(topic, 4) // two records and two markers
	if got := f.values(topic, 4, kgo.ReadCommitted()); !slices.Equal(got, []string{"committed"}) {
		f.Errorf("read_committed reads %q, want committed", got)
	}
	if got := f.values(topic, 4, kgo.ReadUncommitted()); !slices.Equal(got, []string{"aborted", "committed"}) {
		f.Errorf("read_uncommitted reads %q, want both", got)
	}
}

func openHoldsBack(f *fixture) {
	topic := f.topic()
	p := f.producer(unique("txn"))
	f.must(f.produce(p, topic, "open"))
	f.must(f.produce(f.cl, topic, "plain")) // behind the open transaction
	if high, stable := f.ends(topic); high != 2 || stable != 0 {
		f.Errorf("while open: high watermark %d, last stable offset %d, want 2 and 0", high, stable)
	}
	f.must(p.EndTransaction(f.ctx, kgo.TryCommit))
	f.settled(topic, 3)
}

func secondInitFences(f *fixture) {
	topic, id := f.topic(), unique("txn")
	first := f.producer(id)
	f.must(f.produce(first, topic, "first"))

	second := f.producer(id) // aborts what the first left open
	f.must(f.produce(second, topic, "second"))
	f.must(second.EndTransaction(f.ctx, kgo.TryCommit))

	if err := first.EndTransaction(f.ctx, kgo.TryCommit); !fenced(err) {
		f.Errorf("the fenced producer's commit gives %v, want an error that says it is fenced", err)
	}
	f.settled(topic, 4) // two records and two markers
	if got := f.values(topic, 4, kgo.ReadCommitted()); !slices.Equal(got, []string{"second"}) {
		f.Errorf("read_committed reads %q, want second", got)
	}
}

func timeoutAborts(f *fixture) {
	topic := f.topic()
	p := f.producer(unique("txn"), kgo.TransactionTimeout(time.Second))
	f.must(f.produce(p, topic, "too late"))
	f.settled(topic, 2) // the record and the abort marker
	if err := p.EndTransaction(f.ctx, kgo.TryCommit); err == nil {
		f.Error("the commit of a transaction that timed out succeeded")
	}
	if got := f.values(topic, 2, kgo.ReadCommitted()); len(got) != 0 {
		f.Errorf("read_committed reads %q, want nothing", got)
	}
}

// settled waits until partition 0 has n records, markers included, and all of
// them are decided. Kafka writes the markers after it has answered EndTxn.
func (f *fixture) settled(topic string, n int64) {
	f.Helper()
	f.until("all transactions are decided", func() bool {
		high, stable := f.ends(topic)
		return high == n && stable == n
	})
}

// fenced reports whether err tells a producer that a newer one took its place.
func fenced(err error) bool {
	return errors.Is(err, kerr.ProducerFenced) || errors.Is(err, kerr.InvalidProducerEpoch)
}
