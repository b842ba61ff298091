package serde

import "errors"

var (
	errNoAppend = errors.New("serde.Func was given no function that encodes")
	errNoDecode = errors.New("serde.Func was given no function that decodes")
)

// Func makes a Serde of two functions, which have to keep the promises of
// [Serde]'s methods: they run concurrently, appendTo must not keep dst, and
// decode must not panic. A nil function stands for a direction that is not
// used, such as encoding for a topic that is only read; calling it is an error.
func Func[T any](appendTo func(dst []byte, v T) ([]byte, error), decode func(data []byte) (T, error)) Serde[T] {
	return funcs[T]{appendTo, decode}
}

type funcs[T any] struct {
	appendTo func([]byte, T) ([]byte, error)
	decode   func([]byte) (T, error)
}

func (s funcs[T]) Append(dst []byte, v T) ([]byte, error) {
	if s.appendTo == nil {
		return dst, errNoAppend
	}
	return s.appendTo(dst, v)
}

func (s funcs[T]) Decode(data []byte) (T, error) {
	if s.decode == nil {
		var none T
		return none, errNoDecode
	}
	return s.decode(data)
}
