package serde

// Serde encodes and decodes the keys or values of one type. Implementations are
// safe for concurrent use and hold no per-record state. Null is handled outside:
// neither method is called for a null key or value.
type Serde[T any] interface {
	// Append appends the encoding of v to dst and returns the grown slice, as
	// the standard library's append functions do. It must not keep dst.
	Append(dst []byte, v T) ([]byte, error)
	// Decode decodes data. The result may share memory with data, which stays
	// unchanged for as long as the result is in use. Data that is no encoding
	// of a T gives an error that says why, never a panic.
	Decode(data []byte) (T, error)
}

// Owner is implemented by a Serde whose decoded values may share memory with
// the data they were decoded from. A store calls Own before it keeps a value, so
// that a few bytes do not keep a whole fetched batch alive.
type Owner[T any] interface {
	// Own returns a value that shares no memory with what v was decoded from.
	Own(v T) T
}

// TopicBinder is implemented by a Serde whose encoding depends on where it is
// used, such as one that registers schemas under subjects.
type TopicBinder[T any] interface {
	// ForTopic returns the Serde to use for the keys (key) or values of topic.
	ForTopic(topic string, key bool) (Serde[T], error)
}
