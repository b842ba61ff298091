package registry_test

import (
	"testing"

	"google.golang.org/protobuf/types/known/apipb"

	"github.com/tidemill/tidemill/serde"
	"github.com/tidemill/tidemill/serde/avro"
	"github.com/tidemill/tidemill/serde/protobuf"
	"github.com/tidemill/tidemill/serde/registry"
)

// flat has the fields of apipb.Method that the benchmarks fill: the same content in
// both formats.
type flat struct {
	Name      string `avro:"name"`
	Request   string `avro:"request"`
	Response  string `avro:"response"`
	Streaming bool   `avro:"streaming"`
}

func BenchmarkAvro(b *testing.B) { bench(b, avro.Of[flat](), flatSample()) }

func BenchmarkProtobuf(b *testing.B) { bench(b, protobuf.Of[*apipb.Method](), methodSample()) }

func BenchmarkRegisteredAvro(b *testing.B) {
	bench(b, bind(b, registry.Of(connect(b, start(b)), avro.Of[flat]()), "t"), flatSample())
}

func BenchmarkRegisteredProtobuf(b *testing.B) {
	bench(b, bind(b, registry.Of(connect(b, start(b)), protobuf.Of[*apipb.Method]()), "t"), methodSample())
}

func flatSample() flat { return flat{"order-000123", "customer-42", "leave it at the door", true} }

func methodSample() *apipb.Method {
	f := flatSample()
	return &apipb.Method{Name: f.Name, RequestTypeUrl: f.Request, ResponseTypeUrl: f.Response, RequestStreaming: f.Streaming}
}

func bench[T any](b *testing.B, s serde.Serde[T], v T) {
	data := appended(b, s, v)
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
