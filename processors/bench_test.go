package processors_test

import (
	"testing"

	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/topology"
)

// BenchmarkChain runs records of 200 bytes through a chain as a task does, from
// the fetched bytes to the encoded output.
func BenchmarkChain(b *testing.B) {
	passing := func(_, value []byte) bool { return value[0] != 'x' }
	for _, chain := range []struct {
		name  string
		build func(*topology.Stream[[]byte, []byte]) *topology.Stream[[]byte, []byte]
	}{
		{"sink", func(s *topology.Stream[[]byte, []byte]) *topology.Stream[[]byte, []byte] { return s }},
		{"filter+sink", func(s *topology.Stream[[]byte, []byte]) *topology.Stream[[]byte, []byte] {
			return s.Filter(passing)
		}},
		{"filter+mapValues+sink", func(s *topology.Stream[[]byte, []byte]) *topology.Stream[[]byte, []byte] {
			return s.Filter(passing).MapValues(func(value []byte) []byte { return value[1:] })
		}},
		{"ten filters+sink", func(s *topology.Stream[[]byte, []byte]) *topology.Stream[[]byte, []byte] {
			for range 10 {
				s = s.Filter(passing)
			}
			return s
		}},
	} {
		b.Run(chain.name, func(b *testing.B) {
			builder := topology.New("bench")
			chain.build(builder.Stream[[]byte, []byte]("in")).To("out")
			runChain(b, builder, make([]byte, 192))
		})
	}
}

// BenchmarkTypedChain decodes and encodes strings and integers.
func BenchmarkTypedChain(b *testing.B) {
	builder := topology.New("bench")
	builder.Stream[string, int64]("in").
		Filter(func(key string, _ int64) bool { return key != "" }).
		MapValues(func(value int64) int64 { return value + 1 }).
		To("out")
	runChain(b, builder, make([]byte, 8))
}

func runChain(b *testing.B, builder *topology.Builder, value []byte) {
	plan, err := builder.Build()
	if err != nil {
		b.Fatal(err)
	}
	// Batches are recycled, as they are when the broker has acknowledged them.
	batch := record.NewBatch()
	task := &processors.Task{MaxBytes: func(string) int { return 1 << 20 }}
	task.Outbox.New = func() *record.Batch { return batch }
	assembly, err := plan.Subtopologies[0].Assemble(b.Context(), task, &topology.TaskStores{}, nil)
	if err != nil {
		b.Fatal(err)
	}
	source := assembly.Inputs[0]
	raw := &record.Raw{Key: []byte("key-0001"), Value: value, Timestamp: 1}
	var taken []*record.Batch
	outputs := 0
	b.ReportAllocs()
	for b.Loop() {
		task.Outbox.Mark()
		if _, err := source.Process(raw, -1); err != nil {
			b.Fatal(err)
		}
		if raw.Offset++; raw.Offset%128 == 0 {
			taken = task.Outbox.Take(taken[:0])
			for _, full := range taken {
				outputs += len(full.Outputs)
				full.Reset()
			}
		}
	}
	if outputs += task.Outbox.Pending(); int64(outputs) != raw.Offset {
		b.Fatalf("%d outputs of %d records", outputs, raw.Offset)
	}
}
