package redis

import (
	"strconv"
	"time"
)

// Op is what one record does in Redis: one command or several, applied one behind the
// other. The zero Op does nothing.
type Op struct {
	commands [][]any
	// key is the key that it changes, version of it is only applied if it is not older
	// than what was applied before.
	key     string
	version int64
	fenced  bool
}

func op(key string, args ...any) Op { return Op{key: key, commands: [][]any{args}} }

// And is the op followed by another.
func (o Op) And(other Op) Op {
	if o.key == "" {
		o.key = other.key
	}
	o.commands = append(o.commands[:len(o.commands):len(o.commands)], other.commands...)
	return o
}

// TTL has the key of the op expire, after at least a millisecond.
func (o Op) TTL(d time.Duration) Op {
	if o.key == "" {
		return o
	}
	return o.And(op(o.key, "PEXPIRE", key(o.key), max(1, d.Milliseconds())))
}

// NotOlderThan applies the op only if no op with a higher version was applied to its key.
func (o Op) NotOlderThan(version int64) Op {
	o.version, o.fenced = version, true
	return o
}

// key is an argument that is a key, which a tag is put before.
type key string

// Set sets a string.
func Set(k string, value []byte) Op { return op(k, "SET", key(k), value) }

// Delete deletes keys of any type.
func Delete(k string) Op { return op(k, "DEL", key(k)) }

// HashSet sets fields of a hash, given as field, value, field, value and so on.
func HashSet(k string, pairs ...string) Op { return op(k, words("HSET", k, pairs)...) }

// HashDelete removes fields of a hash.
func HashDelete(k string, fields ...string) Op { return op(k, words("HDEL", k, fields)...) }

// HashAdd adds to a number in a hash.
func HashAdd(k, field string, by int64) Op { return op(k, "HINCRBY", key(k), field, by) }

// Add adds to a number.
func Add(k string, by int64) Op { return op(k, "INCRBY", key(k), by) }

// Append appends to a list, of which the last keep elements stay; 0 is all.
func Append(k string, value []byte, keep int) Op {
	o := op(k, "RPUSH", key(k), value)
	if keep > 0 {
		o = o.And(op(k, "LTRIM", key(k), -keep, -1))
	}
	return o
}

// SetAdd adds members to a set.
func SetAdd(k string, members ...string) Op { return op(k, words("SADD", k, members)...) }

// SetRemove removes members of a set.
func SetRemove(k string, members ...string) Op { return op(k, words("SREM", k, members)...) }

// Score sets the score of a member of a sorted set.
func Score(k, member string, score float64) Op {
	return op(k, "ZADD", key(k), strconv.FormatFloat(score, 'g', -1, 64), member)
}

// ScoreRemove removes a member of a sorted set.
func ScoreRemove(k, member string) Op { return op(k, "ZREM", key(k), member) }

// Entry appends an entry to a stream, of which about the last keep stay; 0 is all.
func Entry(k string, keep int, pairs ...string) Op {
	args := []any{"XADD", key(k)}
	if keep > 0 {
		args = append(args, "MAXLEN", "~", keep)
	}
	args = append(args, "*")
	for _, p := range pairs {
		args = append(args, p)
	}
	return op(k, args...)
}

// Message publishes a message on a channel. Who does not listen then never gets it.
func Message(channel string, message []byte) Op {
	return Op{commands: [][]any{{"PUBLISH", key(channel), message}}}
}

func words(command, k string, rest []string) []any {
	args := make([]any, 0, len(rest)+2)
	args = append(args, command, key(k))
	for _, r := range rest {
		args = append(args, r)
	}
	return args
}
