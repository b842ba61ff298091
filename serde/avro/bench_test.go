package avro_test

import (
	"testing"

	"github.com/tidemill/tidemill/serde"
	"github.com/tidemill/tidemill/serde/avro"
)

func BenchmarkStruct(b *testing.B) {
	schema, data := javaOrder(b)
	bench(b, avro.Of[order](avro.Text(schema)), unhex(b, data))
}

func BenchmarkGeneric(b *testing.B) {
	schema, data := javaOrder(b)
	bench(b, avro.Generic(schema), unhex(b, data))
}

func bench[T any](b *testing.B, s serde.Serde[T], data []byte) {
	v, err := s.Decode(data)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("encode", func(b *testing.B) {
		b.ReportAllocs()
		dst := make([]byte, 0, 1024)
		for b.Loop() {
			if _, err := s.Append(dst, v); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := s.Decode(data); err != nil {
				b.Fatal(err)
			}
		}
	})
}
