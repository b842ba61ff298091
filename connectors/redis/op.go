package redis

import (
	"slices"
	"strconv"
	"time"
)

// Op is what one record does in Redis: one command or several, applied one behind the
// other. The zero Op does nothing.
type Op struct {
	// args are those of all commands, each of which has its key at place 1. ends are where
	// the commands end, nil for a single one.
	args []string
	ends []int
	// key is the key that it changes, version of it is only applied if it is not older
	// than what was applied before.
	key     string
	version int64
	fenced  bool
}

func op(args ...string) Op { return Op{key: args[1], args: args} }

// Command is any command whose key is its first argument and that scripts may use.
func Command(name, key string, args ...string) Op {
	return op(append([]string{name, key}, args...)...)
}

// And is the op followed by another. If Redis refuses one of the commands of an op, those
// before it stay applied.
func (o Op) And(other Op) Op {
	if len(o.args) == 0 || len(other.args) == 0 {
		if len(o.args) == 0 {
			o.args, o.ends = other.args, other.ends
		}
		return o.keyed(other.key)
	}
	ends := slices.Concat(o.commands(), other.commands())
	for i := len(o.commands()); i < len(ends); i++ {
		ends[i] += len(o.args)
	}
	o.args, o.ends = slices.Concat(o.args, other.args), ends
	return o.keyed(other.key)
}

func (o Op) keyed(key string) Op {
	if o.key == "" {
		o.key = key
	}
	return o
}

// commands are where the commands end.
func (o Op) commands() []int {
	if o.ends == nil && len(o.args) > 0 {
		return []int{len(o.args)}
	}
	return o.ends
}

// TTL has the key of the op expire, after at least a millisecond.
func (o Op) TTL(d time.Duration) Op {
	if o.key == "" {
		return o
	}
	return o.And(op("PEXPIRE", o.key, strconv.FormatInt(max(1, d.Milliseconds()), 10)))
}

// NotOlderThan applies the op only if no op with a higher version was applied to its key.
func (o Op) NotOlderThan(version int64) Op {
	o.version, o.fenced = version, true
	return o
}

// Set sets a string.
func Set(k string, value []byte) Op { return op("SET", k, string(value)) }

// Delete deletes keys of any type.
func Delete(k string) Op { return op("DEL", k) }

// HashSet sets fields of a hash, given as field, value, field, value and so on.
func HashSet(k string, pairs ...string) Op { return Command("HSET", k, pairs...) }

// HashDelete removes fields of a hash.
func HashDelete(k string, fields ...string) Op { return Command("HDEL", k, fields...) }

// HashAdd adds to a number in a hash.
func HashAdd(k, field string, by int64) Op {
	return op("HINCRBY", k, field, strconv.FormatInt(by, 10))
}

// Add adds to a number.
func Add(k string, by int64) Op { return op("INCRBY", k, strconv.FormatInt(by, 10)) }

// Append appends to a list, of which the last keep elements stay; 0 is all.
func Append(k string, value []byte, keep int) Op {
	o := op("RPUSH", k, string(value))
	if keep > 0 {
		o = o.And(op("LTRIM", k, strconv.Itoa(-keep), "-1"))
	}
	return o
}

// SetAdd adds members to a set.
func SetAdd(k string, members ...string) Op { return Command("SADD", k, members...) }

// SetRemove removes members of a set.
func SetRemove(k string, members ...string) Op { return Command("SREM", k, members...) }

// Score sets the score of a member of a sorted set.
func Score(k, member string, score float64) Op {
	return op("ZADD", k, strconv.FormatFloat(score, 'g', -1, 64), member)
}

// ScoreRemove removes a member of a sorted set.
func ScoreRemove(k, member string) Op { return op("ZREM", k, member) }

// Entry appends an entry to a stream, of which about the last keep stay; 0 is all. pairs
// are its fields: name, value, name, value and so on.
func Entry(k string, keep int, pairs ...string) Op {
	args := append(make([]string, 0, len(pairs)+6), "XADD", k)
	if keep > 0 {
		args = append(args, "MAXLEN", "~", strconv.Itoa(keep))
	}
	return op(append(append(args, "*"), pairs...)...)
}

// Message publishes a message on a channel. Who does not listen then never gets it.
func Message(channel string, message []byte) Op {
	return Op{args: []string{"PUBLISH", channel, string(message)}}
}
