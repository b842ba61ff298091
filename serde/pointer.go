package serde

// Pointer returns the Serde of *T that encodes what the pointer points to with
// elem. It makes a type nilable that is not: null is then nil, and it is handled
// outside as for any other Serde. Appending nil is an error.
//
// It passes on to elem what elem implements of [Owner], [TopicBinder] and [Described].
func Pointer[T any](elem Serde[T]) Serde[*T] { return pointer[T]{elem} }

type pointer[T any] struct{ elem Serde[T] }

func (s pointer[T]) Append(dst []byte, v *T) ([]byte, error) {
	if v == nil {
		return dst, nilPointer("pointer")
	}
	return s.elem.Append(dst, *v)
}

func (s pointer[T]) Decode(data []byte) (*T, error) {
	v, err := s.elem.Decode(data)
	if err != nil {
		return nil, err
	}
	return &v, nil
}

func (s pointer[T]) Own(v *T) *T {
	owner, ok := s.elem.(Owner[T])
	if !ok || v == nil {
		return v
	}
	owned := owner.Own(*v)
	return &owned
}

func (s pointer[T]) ForTopic(topic string, key bool) (Serde[*T], error) {
	binder, ok := s.elem.(TopicBinder[T])
	if !ok {
		return s, nil
	}
	elem, err := binder.ForTopic(topic, key)
	if err != nil {
		return nil, err
	}
	return pointer[T]{elem}, nil
}
