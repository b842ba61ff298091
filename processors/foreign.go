package processors

import (
	"encoding/binary"

	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/serde"
)

// ForeignJoin joins each row of a table, the left one, with the row of another, the
// right one, that it names by a foreign key. The two rows may be in different tasks,
// which talk through two topics:
//
//	left task                                right task
//	Subscribe --- Subscription by FK ---->   Receive  keeps it in a store
//	                                         Answer   with the row that there is
//	Resolve  <--- Response by K ----------   Spread   each change of a row to its subscriptions
//
// A response carries the hash of the left row that it is for. If the row is another
// one by now, the response is stale and dropped: the newer row has subscribed too.
//
// Both tables have to pass on their updates one by one, as they come (see
// TableJoin).
type ForeignJoin[K, L, FK, R, J any] struct {
	// Left and Right open the tables for a task.
	Left  func(*Task) (Rows[K, L], error)
	Right func(*Task) (Rows[FK, R], error)
	// ForeignKey is the key that a left row names; ok is false if it names none.
	ForeignKey func(key K, row L) (foreign FK, ok bool)
	// Both makes a row of two, LeftOnly of a left one whose foreign key finds none
	// or that has none. If it is nil there is no row then.
	Both     func(L, R) J
	LeftOnly func(L) J
	// Serdes encode what is compared, hashed and scanned.
	Serdes ForeignSerdes[K, L, FK]
	// Store keeps the subscriptions.
	Store string
}

// ForeignSerdes are the serdes of a foreign-key join: of the left table's keys and
// rows, and of foreign keys.
type ForeignSerdes[K, L, FK any] struct {
	Key     serde.Serde[K]
	Row     serde.Serde[L]
	Foreign serde.Serde[FK]
}

// RowHash tells one left row from another. It is zero for a row that is deleted.
type RowHash struct {
	Sum    [16]byte
	Exists bool
}

// Subscription asks on behalf of a left row for the right row that it names, now
// and whenever that changes.
type Subscription[K any] struct {
	// Key is the key of the left row, Hash its hash.
	Key   K
	Hash  RowHash
	Asked Request
	// Partition is that of the left row's task, or -1 if an old version of Kafka
	// Streams did not say.
	Partition int32
}

// Request is what a subscription asks for.
type Request uint8

// What a subscription may ask for, by Kafka Streams' numbers.
const (
	// Unsubscribe ends the subscription.
	Unsubscribe Request = iota
	// UnsubscribeAndTell ends it and wants a response without a row.
	UnsubscribeAndTell
	// AnswerAlways wants a response even if there is no row.
	AnswerAlways
	// AnswerIfFound wants a response if there is a row.
	AnswerIfFound
)

// Response is the right row that a left row named.
type Response[R any] struct {
	// Hash is that of the left row which it is for.
	Hash   RowHash
	Row    R
	HasRow bool
	// Partition is where the response goes; it is not encoded.
	Partition int32
}

// subscriptionPrefix begins the keys of all subscriptions of a foreign key, as Kafka
// Streams writes them (CombinedKeySchema): its encoded length, 4 bytes, and itself.
// The key of the left row follows.
func subscriptionPrefix[FK any](dst []byte, s serde.Serde[FK], key FK) ([]byte, error) {
	start := len(dst)
	dst, err := s.Append(append(dst, 0, 0, 0, 0), key)
	if err != nil {
		return nil, err
	}
	binary.BigEndian.PutUint32(dst[start:], uint32(len(dst)-start-4))
	return dst, nil
}

// afterPrefix is the first key behind all that begin with a prefix. There is one,
// since a prefix begins with a length below 2 GiB.
func afterPrefix(dst, prefix []byte) []byte {
	dst = append(dst, prefix...)
	for i := len(dst) - 1; i >= 0; i-- {
		if dst[i]++; dst[i] != 0 {
			return dst[:i+1]
		}
	}
	return nil
}

// rowHash hashes an encoded row.
func rowHash(encoded []byte) RowHash { return RowHash{Sum: record.Murmur3(encoded), Exists: true} }
