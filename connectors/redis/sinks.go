package redis

import (
	"errors"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/tidemill/tidemill/connectors"
	"github.com/tidemill/tidemill/record"
)

// Sink writes what ops makes of each record; all the others are short forms of it. The
// name is the sink's for good: its positions are kept under it.
func Sink[K, V any](client redis.UniversalClient, name string, ops func(record.Record[K, V]) (Op, error), options ...Option) connectors.Sink[K, V] {
	var set settings
	for _, o := range options {
		o.apply(&set)
	}
	convert := func(r record.Record[K, V]) (Op, bool, error) {
		o, err := ops(r)
		if err != nil || len(o.args) == 0 {
			return Op{}, false, err
		}
		return set.finish(o, r.Timestamp), true, nil
	}
	return connectors.To(name, connectors.Target[Op](&target{client: client, tagged: set.tagged}), convert, set.batching...)
}

// Strings sets a string for each key; a tombstone deletes it.
func Strings[K, V any](client redis.UniversalClient, name string, at func(K) string, value func(V) []byte, options ...Option) connectors.Sink[K, V] {
	return keyed(client, name, options, func(k K) Op { return Delete(at(k)) }, func(k K, v V) Op { return Set(at(k), value(v)) })
}

// Hash sets a field of a hash for each key; a tombstone removes it. at is given a key and
// says which hash and field that is.
func Hash[K, V any](client redis.UniversalClient, name string, at func(K) (hash, field string), value func(V) []byte, options ...Option) connectors.Sink[K, V] {
	remove := func(k K) Op {
		hash, field := at(k)
		return HashDelete(hash, field)
	}
	return keyed(client, name, options, remove, func(k K, v V) Op {
		hash, field := at(k)
		return HashSet(hash, field, string(value(v)))
	})
}

// List appends each value to the list of its key, of which the last keep stay, 0 for all;
// a tombstone deletes the list.
func List[K, V any](client redis.UniversalClient, name string, at func(K) string, value func(V) []byte, keep int, options ...Option) connectors.Sink[K, V] {
	return keyed(client, name, options, func(k K) Op { return Delete(at(k)) }, func(k K, v V) Op { return Append(at(k), value(v), keep) })
}

// Members adds a member to a set for each key; a tombstone removes it.
func Members[K, V any](client redis.UniversalClient, name string, at func(K) (set, member string), options ...Option) connectors.Sink[K, V] {
	remove := func(k K) Op {
		set, member := at(k)
		return SetRemove(set, member)
	}
	return keyed(client, name, options, remove, func(k K, _ V) Op {
		set, member := at(k)
		return SetAdd(set, member)
	})
}

// Scores sets the score of a member of a sorted set for each key; a tombstone removes
// the member.
func Scores[K, V any](client redis.UniversalClient, name string, at func(K) (set, member string), score func(V) float64, options ...Option) connectors.Sink[K, V] {
	remove := func(k K) Op {
		set, member := at(k)
		return ScoreRemove(set, member)
	}
	return keyed(client, name, options, remove, func(k K, v V) Op {
		set, member := at(k)
		return Score(set, member, score(v))
	})
}

// Stream appends an entry to a stream for each record, of which about the last keep stay,
// 0 for all. pairs are its fields: name, value, name, value and so on. Tombstones are left
// out.
func Stream[K, V any](client redis.UniversalClient, name string, at func(K) string, pairs func(K, V) []string, keep int, options ...Option) connectors.Sink[K, V] {
	return keyed(client, name, options, nothing, func(k K, v V) Op { return Entry(at(k), keep, pairs(k, v)...) })
}

// Publish publishes a message for each record. Tombstones are left out.
func Publish[K, V any](client redis.UniversalClient, name string, channel func(K) string, message func(V) []byte, options ...Option) connectors.Sink[K, V] {
	return keyed(client, name, options, nothing, func(k K, v V) Op { return Message(channel(k), message(v)) })
}

// Counter adds to the number of a key, exactly once for each record; a tombstone deletes
// it.
func Counter[K, V any](client redis.UniversalClient, name string, at func(K) string, by func(V) int64, options ...Option) connectors.Sink[K, V] {
	return keyed(client, name, options, func(k K) Op { return Delete(at(k)) }, func(k K, v V) Op { return Add(at(k), by(v)) })
}

func nothing[K any](K) Op { return Op{} }

// errNullKey is the error of a record without a key, which has no place in Redis.
var errNullKey = errors.New("redis: the record has no key: give it one before the sink, or use Sink")

func keyed[K, V any](client redis.UniversalClient, name string, options []Option, remove func(K) Op, put func(K, V) Op) connectors.Sink[K, V] {
	return Sink(client, name, func(r record.Record[K, V]) (Op, error) {
		switch {
		case r.NullKey:
			return Op{}, errNullKey
		case r.Tombstone:
			return remove(r.Key), nil
		}
		return put(r.Key, r.Value), nil
	}, options...)
}

// Option is an option of a sink.
type Option struct{ apply func(*settings) }

type settings struct {
	ttl            time.Duration
	newest, tagged bool
	batching       []connectors.Option
}

// TTL has every key that is written expire.
func TTL(d time.Duration) Option { return Option{func(s *settings) { s.ttl = d }} }

// Newest leaves out records that are older, by their timestamp, than what was last written
// to the same key. The timestamps are kept in Redis, also those of deleted keys.
func Newest() Option { return Option{func(s *settings) { s.newest = true }} }

// Tagged puts the hash tag of its partition, {application/sink:partition}, before every
// key, so that they are in one slot with the position. A cluster needs it. Channels have
// none.
func Tagged() Option { return Option{func(s *settings) { s.tagged = true }} }

// Batching gives options that all sinks have.
func Batching(options ...connectors.Option) Option {
	return Option{func(s *settings) { s.batching = append(s.batching, options...) }}
}

// finish applies the options to an op.
func (s *settings) finish(o Op, timestamp int64) Op {
	if s.ttl > 0 {
		o = o.TTL(s.ttl)
	}
	if s.newest && !o.fenced {
		o = o.NotOlderThan(timestamp)
	}
	return o
}
