package serde

import (
	"math"
	"reflect"
)

// Numeric is any type made of a number of fixed size, named types included.
type Numeric interface {
	~int | ~int8 | ~int16 | ~int32 | ~int64 |
		~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64 |
		~float32 | ~float64
}

// Number returns the Serde of a number: its bytes, big-endian, as Kafka's Java
// serializers of Short, Integer, Long, Float and Double write them. int and
// uint take 8 bytes on every platform; where they are narrower, a number that
// does not fit gives an error. Data of any other length than the type's is an
// error. Neither direction allocates.
func Number[T Numeric]() Serde[T] {
	l, _ := layoutOf(reflect.TypeFor[T]())
	return number[T]{l}
}

// Int32 returns the Serde of Kafka's IntegerSerializer: 4 bytes, big-endian.
func Int32() Serde[int32] { return Number[int32]() }

// Int64 returns the Serde of Kafka's LongSerializer: 8 bytes, big-endian.
func Int64() Serde[int64] { return Number[int64]() }

// Uint64 returns the Serde that writes 8 bytes, big-endian.
func Uint64() Serde[uint64] { return Number[uint64]() }

// Float32 returns the Serde of Kafka's FloatSerializer: the 4 bytes of the IEEE
// 754 form, big-endian.
func Float32() Serde[float32] { return Number[float32]() }

// Float64 returns the Serde of Kafka's DoubleSerializer: the 8 bytes of the IEEE
// 754 form, big-endian.
func Float64() Serde[float64] { return Number[float64]() }

type number[T Numeric] struct{ layout }

func (s number[T]) Append(dst []byte, v T) ([]byte, error) {
	switch s.kind {
	case reflect.Float32:
		return appendFixed(dst, 4, uint64(math.Float32bits(float32(v)))), nil
	case reflect.Float64:
		return appendFixed(dst, 8, math.Float64bits(float64(v))), nil
	}
	return appendFixed(dst, s.size, uint64(v)), nil
}

func (s number[T]) Decode(data []byte) (T, error) {
	bits, err := s.fixed(data)
	if err != nil {
		return 0, err
	}
	switch s.kind {
	case reflect.Float32:
		return T(math.Float32frombits(uint32(bits))), nil
	case reflect.Float64:
		return T(math.Float64frombits(bits)), nil
	}
	v := T(bits)
	// Only an int or uint of 32 bits can lose something here.
	if s.size == 8 && uint64(v) != bits {
		return 0, outOfRange(s.name)
	}
	return v, nil
}
