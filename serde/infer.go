package serde

import (
	"fmt"
	"reflect"
)

// Of returns the Serde that follows from the type T:
//
//   - string, bool, []byte, the integers, the floats, uuid.UUID and time.Time
//     have the Serde of that name in this package ([Number] for the numbers);
//   - so does a named type made of one of the basic types and []byte, such as
//     `type Word string`. time.Duration is such a type: an int64 of nanoseconds;
//   - a pointer to any of these is encoded as what it points to (see [Pointer]);
//   - everything else is [JSON]. That includes named types with methods of their
//     own for JSON or for text (MarshalJSON, MarshalText ...): the methods say how
//     they are to be written, and text becomes a JSON string. BinaryMarshaler is
//     not considered.
//
// It gives an error that says what to do for a type that cannot be written and
// read again, or that contains one: channels, functions, complex numbers,
// addresses, interfaces with methods. A type derived from an array, such as
// `type OrderID uuid.UUID`, has lost the methods and becomes a JSON array or
// base64 text.
//
// Of does not know protobuf, and refuses a protobuf message: a caller that wants
// messages inferred asks the package that knows them before it asks Of.
func Of[T any]() (Serde[T], error) {
	if s, ok := exact[T](); ok {
		return s, nil
	}
	t := reflect.TypeFor[T]()
	if isProtobuf(t) {
		return nil, fmt.Errorf("%s is a protobuf message, which is not inferred here: give its serde as an option", t)
	}
	if s, ok := derived[T](t); ok {
		return s, nil
	}
	if _, err := inspect(t); err != nil {
		return nil, fmt.Errorf("no encoding follows from the type %s: %w: "+
			"give a serde as an option, or leave a field out with the tag json:\"-\"", excerpt(t.String()), err)
	}
	return JSON[T](), nil
}

// exact finds the Serde of a type of the language or the standard library.
func exact[T any]() (Serde[T], bool) {
	for _, one := range []any{
		String(), Bytes(), Bool(), UUID(), Time(),
		Number[int](), Number[int8](), Number[int16](), Int32(), Int64(),
		Number[uint](), Number[uint8](), Number[uint16](), Number[uint32](), Uint64(),
		Float32(), Float64(),
		Pointer(String()), Pointer(Bool()), Pointer(UUID()), Pointer(Time()),
		Pointer(Int32()), Pointer(Int64()), Pointer(Uint64()), Pointer(Float32()), Pointer(Float64()),
	} {
		if s, ok := one.(Serde[T]); ok {
			return s, true
		}
	}
	return nil, false
}

// derived finds the Serde of a named type, or of a pointer to one, that has the
// layout of a basic type and no methods that say otherwise.
func derived[T any](t reflect.Type) (Serde[T], bool) {
	elem := t
	if t.Kind() == reflect.Pointer {
		elem = t.Elem()
	}
	l, ok := layoutOf(elem)
	if writes, reads := methodsOf(elem); !ok || writes || reads {
		return nil, false
	}
	switch {
	case t.Kind() == reflect.Pointer:
		return namedPointer[T]{layout: l, self: t, elem: elem}, true
	case l.kind == reflect.Slice:
		return namedBytes[T]{named[T]{l}}, true
	}
	return named[T]{l}, true
}

// isProtobuf says whether t, or a pointer to it, is a generated message.
func isProtobuf(t reflect.Type) bool {
	_, direct := t.MethodByName("ProtoReflect")
	_, behind := reflect.PointerTo(t).MethodByName("ProtoReflect")
	return direct || behind
}
