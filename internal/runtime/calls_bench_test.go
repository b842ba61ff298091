package runtime

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/tidemill/tidemill/internal/task"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/topology"
)

// BenchmarkInstantCalls has a task make calls that are over at once, each for a
// record of its own, from the fetched bytes to the encoded output.
func BenchmarkInstantCalls(b *testing.B) {
	for _, c := range []struct {
		name    string
		timeout time.Duration
	}{{"without a timeout", 0}, {"with a timeout", 3 * time.Second}} {
		b.Run(c.name, func(b *testing.B) { benchmarkCalls(b, topology.CallTimeout(c.timeout)) })
	}
}

func benchmarkCalls(b *testing.B, options ...topology.AsyncOption) {
	build := topology.New("bench")
	build.Stream[string, string]("in").Async(func(_ context.Context, _, value string) (string, error) { return value, nil }, options...).To("out")
	plan, err := build.Build()
	if err != nil {
		b.Fatal(err)
	}
	batch := record.NewBatch()
	t, err := task.New(task.ID{}, plan.Subtopologies[0], task.Config{
		MaxBytes: func(string) int { return 1 << 20 }, NewBatch: func() *record.Batch { return batch },
	})
	if err == nil {
		err = t.Start(b.Context(), []task.Input{{Topic: "in", Committed: -1, End: -1, Time: -1}}, 0)
	}
	if err != nil {
		b.Fatal(err)
	}
	var records []record.Raw
	for i := range 10_000 {
		records = append(records, record.Raw{Key: strconv.AppendInt(nil, int64(i), 10), Value: make([]byte, 192), Offset: int64(i)})
	}
	var running sync.WaitGroup
	woken := make(chan struct{}, 1)
	wake := func() {
		select {
		case woken <- struct{}{}:
		default:
		}
	}
	calls := newCalls(b.Context(), &running, wake)
	b.ReportAllocs()
	b.ResetTimer()
	for done := 0; done < b.N; {
		if n, _ := t.Buffered(0); n == 0 {
			t.Enqueue(0, slices.Clone(records[:min(len(records), b.N-done)]), 0, 0)
		}
		n, err := t.Process(chunk, 1)
		if err == nil {
			calls.start(t, 1)
			if n == 0 {
				<-woken
			}
			n, err = calls.complete(t, 1)
		}
		if err != nil {
			b.Fatal(err)
		}
		done += n
		for _, out := range t.Take(nil) {
			out.Reset()
		}
	}
	b.StopTimer()
	running.Wait()
}
