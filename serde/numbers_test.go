package serde_test

import (
	"bytes"
	"math"
	"testing"

	"github.com/tidemill/tidemill/serde"
)

type count int64

func TestNumbersAreWrittenAsJavaWritesThem(t *testing.T) {
	// The expected bytes are those of Kafka's ShortSerializer, IntegerSerializer,
	// LongSerializer, FloatSerializer and DoubleSerializer.
	wire(t, "a short", serde.Number[int16](), 258, "0102")
	wire(t, "the smallest short", serde.Number[int16](), math.MinInt16, "8000")
	wire(t, "an integer", serde.Int32(), 1, "00000001")
	wire(t, "a negative integer", serde.Int32(), -2, "fffffffe")
	wire(t, "the largest integer", serde.Int32(), math.MaxInt32, "7fffffff")
	wire(t, "zero", serde.Int64(), 0, "0000000000000000")
	wire(t, "a negative long", serde.Int64(), -1, "ffffffffffffffff")
	wire(t, "the largest long", serde.Int64(), math.MaxInt64, "7fffffffffffffff")
	wire(t, "the smallest long", serde.Int64(), math.MinInt64, "8000000000000000")
	wire(t, "a float", serde.Float32(), 1.5, "3fc00000")
	wire(t, "negative zero as a float", serde.Float32(), float32(math.Copysign(0, -1)), "80000000")
	wire(t, "a double", serde.Float64(), -2.5, "c004000000000000")
	wire(t, "an infinite double", serde.Float64(), math.Inf(1), "7ff0000000000000")
}

func TestOtherNumbersAreBigEndianToo(t *testing.T) {
	wire(t, "an int8", serde.Number[int8](), -1, "ff")
	wire(t, "a uint8", serde.Number[uint8](), 200, "c8")
	wire(t, "a uint16", serde.Number[uint16](), 0xfffe, "fffe")
	wire(t, "a uint32", serde.Number[uint32](), 1<<31, "80000000")
	wire(t, "the largest uint64", serde.Uint64(), math.MaxUint64, "ffffffffffffffff")
	wire(t, "an int takes 8 bytes", serde.Number[int](), -3, "fffffffffffffffd")
	wire(t, "a uint takes 8 bytes", serde.Number[uint](), 3, "0000000000000003")
	wire(t, "a named type has the bytes of its kind", serde.Number[count](), 7, "0000000000000007")
}

func TestNaNKeepsItsBits(t *testing.T) {
	for _, bits := range []string{"\x7f\xc0\x00\x00", "\x7f\xa0\x00\x01", "\xff\xff\xff\xff"} {
		exactly(t, serde.Float32(), []byte(bits))
	}
	for _, bits := range []string{"\x7f\xf8\x00\x00\x00\x00\x00\x00", "\x7f\xf4\x00\x00\x00\x00\x00\x01"} {
		exactly(t, serde.Float64(), []byte(bits))
	}
}

func TestNumbersRefuseAnotherLength(t *testing.T) {
	refuses(t, "nothing", serde.Int64(), "", "want 8 bytes for int64, got 0")
	refuses(t, "too short a long", serde.Int64(), "abc", "want 8 bytes for int64, got 3")
	refuses(t, "too long a long", serde.Int64(), "abcdefghi", "want 8 bytes for int64, got 9")
	refuses(t, "a long for an integer", serde.Int32(), "abcdefgh", "want 4 bytes for int32, got 8")
	refuses(t, "a short for a byte", serde.Number[int8](), "ab", "want 1 byte for int8, got 2")
	refuses(t, "a double for a float", serde.Float32(), "abcdefgh", "want 4 bytes for float32, got 8")
	refuses(t, "a named type by its name", serde.Number[count](), "a", "want 8 bytes for serde_test.count, got 1")
}

func TestIntTooNarrowForTheNumber(t *testing.T) {
	s := serde.Number[int]()
	data := []byte{0, 0, 0, 1, 0, 0, 0, 0}
	v, err := s.Decode(data)
	if math.MaxInt == math.MaxInt32 {
		saying(t, err, "does not fit the type int")
		_, err = of[narrow](t).Decode(data)
		saying(t, err, "does not fit the type serde_test.narrow")
		return
	}
	if err != nil || uint64(v) != 1<<32 {
		t.Errorf("Decode = %d, %v, want 2^32", v, err)
	}
}

type narrow int

func TestNumbersDoNotAllocate(t *testing.T) {
	allocates(t, "int64", serde.Int64(), 1<<40, 0, 0)
	allocates(t, "int32", serde.Int32(), 1<<20, 0, 0)
	allocates(t, "uint64", serde.Uint64(), 1<<40, 0, 0)
	allocates(t, "float32", serde.Float32(), 1.5, 0, 0)
	allocates(t, "float64", serde.Float64(), 1.5, 0, 0)
	allocates(t, "a named type", serde.Number[count](), 1<<40, 0, 0)
}

func FuzzNumbers(f *testing.F) {
	f.Add([]byte{})
	for _, size := range []int{1, 2, 4, 8, 9} {
		f.Add(bytes.Repeat([]byte{0x80}, size))
		f.Add(bytes.Repeat([]byte{0x7f, 0xa0}, size)[:size])
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		exactly(t, serde.Number[int](), data)
		exactly(t, serde.Number[int8](), data)
		exactly(t, serde.Number[int16](), data)
		exactly(t, serde.Int32(), data)
		exactly(t, serde.Int64(), data)
		exactly(t, serde.Number[uint](), data)
		exactly(t, serde.Number[uint8](), data)
		exactly(t, serde.Number[uint16](), data)
		exactly(t, serde.Number[uint32](), data)
		exactly(t, serde.Uint64(), data)
		exactly(t, serde.Float32(), data)
		exactly(t, serde.Float64(), data)
	})
}

func BenchmarkNumbers(b *testing.B) {
	bench(b, "int64", serde.Int64(), 123456)
	bench(b, "float64", serde.Float64(), 1.5)
	bench(b, "named by Number", serde.Number[count](), 123456)
	bench(b, "named by Of", of[count](b), 123456)
}

// bench measures both directions.
func bench[T any](b *testing.B, name string, s serde.Serde[T], v T) {
	data, err := s.Append(nil, v)
	if err != nil {
		b.Fatal(err)
	}
	b.Run(name+"/encode", func(b *testing.B) {
		b.ReportAllocs()
		dst := make([]byte, 0, 1024)
		for b.Loop() {
			if _, err := s.Append(dst, v); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run(name+"/decode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := s.Decode(data); err != nil {
				b.Fatal(err)
			}
		}
	})
}
