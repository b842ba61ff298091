package serde

import (
	"encoding/json/v2"
	"errors"
	"reflect"
	"sync"
)

var errEmptyJSON = errors.New("want JSON, got 0 bytes")

// JSON returns the Serde that writes T as one JSON value with encoding/json/v2
// and its defaults: field names match in their exact case, unknown members are
// ignored, and invalid UTF-8, duplicate names and anything behind the value are
// errors. Types with JSON or text methods of their own are written by those.
//
// Maps are written in the order of their keys, so that equal values have equal
// bytes and can be keys themselves. The options, of the packages json and
// jsontext, come on top. A type that cannot be written as JSON gives an error
// for each record; [Of] finds out beforehand.
//
// Encoding allocates nothing beyond what the type's own methods do.
func JSON[T any](options ...json.Options) Serde[T] {
	shape, _ := inspect(reflect.TypeFor[T]())
	return &jsonText[T]{
		options:  append([]json.Options{json.Deterministic(true)}, options...),
		reusable: len(options) == 0 && !shape.methods,
		pool:     sync.Pool{New: func() any { return new(jsonScratch[T]) }},
	}
}

// jsonText encodes and decodes through scratch memory from a pool, because the
// value would otherwise be allocated to be passed as an interface.
type jsonText[T any] struct {
	options []json.Options
	// reusable says that values may be decoded in the scratch memory: no method
	// of a user sees the address, so nobody can keep it.
	reusable bool
	pool     sync.Pool
}

type jsonScratch[T any] struct {
	value T
	dst   []byte
}

// Write appends to dst. The encoder calls it once or a few times a value from a
// buffer of its own. Handing it a bytes.Buffer over dst would save this copy, but
// the encoder then keeps a quarter of that buffer free, and so would move a
// nearly full dst to other memory.
func (s *jsonScratch[T]) Write(p []byte) (int, error) {
	s.dst = append(s.dst, p...)
	return len(p), nil
}

func (s *jsonText[T]) Append(dst []byte, v T) ([]byte, error) {
	scratch := s.pool.Get().(*jsonScratch[T])
	scratch.value, scratch.dst = v, dst
	err := json.MarshalWrite(scratch, &scratch.value, s.options...)
	out := scratch.dst
	*scratch = jsonScratch[T]{}
	s.pool.Put(scratch)
	if err != nil {
		return dst, jsonFault("encode", err)
	}
	return out, nil
}

func (s *jsonText[T]) Decode(data []byte) (T, error) {
	var v T
	var err error
	switch {
	case len(data) == 0:
		err = errEmptyJSON
	case s.reusable:
		v, err = s.decodeReusing(data)
	default:
		v, err = s.decodeFresh(data)
	}
	return v, err
}

func (s *jsonText[T]) decodeReusing(data []byte) (T, error) {
	scratch := s.pool.Get().(*jsonScratch[T])
	err := json.Unmarshal(data, &scratch.value, s.options...)
	v := scratch.value
	*scratch = jsonScratch[T]{}
	s.pool.Put(scratch)
	if err != nil {
		var none T
		return none, jsonFault("decode", err)
	}
	return v, nil
}

func (s *jsonText[T]) decodeFresh(data []byte) (T, error) {
	var v T
	if err := json.Unmarshal(data, &v, s.options...); err != nil {
		var none T
		return none, jsonFault("decode", err)
	}
	return v, nil
}
