package serde

import "reflect"

// Nilable says whether T has a nil that can stand for null, and how to tell it:
// ok is true for slices, pointers, maps and interfaces. isNil is then not nil,
// safe for concurrent use, and does not allocate. An empty slice or map is not
// nil, and an interface that holds a nil pointer is not nil either, as in Go.
func Nilable[T any]() (isNil func(T) bool, ok bool) {
	if bytes, is := any(isNilBytes).(func(T) bool); is {
		return bytes, true
	}
	switch reflect.TypeFor[T]().Kind() {
	case reflect.Pointer, reflect.Interface:
		return isZero[T], true
	case reflect.Slice, reflect.Map:
		return isNilValue[T], true
	}
	return nil, false
}

func isNilBytes(v []byte) bool { return v == nil }

// isZero compares v with the zero T, typed nil with typed nil. It is for kinds
// whose nil compares without panicking: two pointers of one type, or a nil
// interface with whatever v holds.
func isZero[T any](v T) bool {
	var zero T
	return any(v) == any(zero)
}

// isNilValue is for slices and maps, which == panics on behind an interface.
// The reflection costs a few nanoseconds: v does not escape.
func isNilValue[T any](v T) bool { return reflect.ValueOf(v).IsNil() }
