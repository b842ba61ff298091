package serde

// String returns the Serde of Kafka's StringSerializer: the bytes of the string,
// which ought to be UTF-8. They are passed on as they are in both directions:
// invalid UTF-8 is neither an error nor replaced, as it is in Java. Decoding
// copies, so a decoded string shares no memory with the record.
func String() Serde[string] { return Text[string]() }

// Text is [String] for a named type. [Of] encodes such a type alike; Text saves
// it a few nanoseconds a record.
func Text[T ~string]() Serde[T] { return text[T]{} }

type text[T ~string] struct{}

func (text[T]) Append(dst []byte, v T) ([]byte, error) { return append(dst, v...), nil }

func (text[T]) Decode(data []byte) (T, error) { return T(data), nil }
