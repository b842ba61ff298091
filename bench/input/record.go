package input

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"
)

// Bytes is the size of a record: its key and its value.
const Bytes = 200

// Fields of fixed width lie at fixed places of a value.
const (
	keyBytes   = 8
	valueBytes = Bytes - keyBytes
	levelAt    = len(`{"level":`)
	userAt     = len(`{"level":0,"user":"`)
)

// Event is a value, for those who decode it.
type Event struct {
	Level  int    `json:"level"`
	User   string `json:"user"`
	Type   string `json:"type"`
	Source string `json:"source"`
	Target string `json:"target"`
	Time   int64  `json:"time"`
	Note   string `json:"note"`
}

// Severe tells whether an event is one of the 20 % with the highest levels.
func (e Event) Severe() bool { return e.Level >= 8 }

// Passes tells whether an encoded value is one of the 80 % that pass the filter.
func Passes(value []byte) bool { return value[levelAt] >= '2' }

// User is the field that the repartitioning workload selects as the new key.
func User(value []byte) []byte { return value[userAt : userAt+keyBytes] }

// Joined is what the join makes of an event and a row: the event, and of the row
// the name of its user.
func Joined(event, row []byte) []byte {
	out := make([]byte, 0, valueBytes+keyBytes)
	return append(append(out, event...), User(row)...)
}

// maker makes the records of one topic.
type maker struct {
	random *rand.Rand
	value  []byte
}

func newMaker() *maker {
	value := []byte(`{"level":0,"user":"u0000000","type":"intrusion","source":"10.20.30.40","target":"db.example.org","time":1700000000000,"note":"`)
	for len(value) < valueBytes-2 {
		value = append(value, byte('a'+len(value)%26))
	}
	return &maker{random: rand.New(rand.NewPCG(1, 2)), value: append(value, `"}`...)}
}

// next makes a value with a random level and one of the users.
func (m *maker) next(users int) []byte {
	value := append([]byte(nil), m.value...)
	value[levelAt] = byte('0' + m.random.IntN(10))
	copy(value[userAt:], name('u', m.random.IntN(users)))
	return value
}

// name is the n-th key of a kind.
func name(kind byte, n int) []byte {
	return fmt.Appendf(make([]byte, 0, keyBytes), "%c%07d", kind, n)
}

// Counter is the n-th key of the changelog that is restored, and its value.
func Counter(n int, count int64) (key, value []byte) {
	key = strconv.AppendInt(append(make([]byte, 0, 16), "counter-"...), int64(n), 10)
	return key, AppendCount(nil, count)
}

// Span is the event time that a topic of events covers.
const Span = time.Hour
