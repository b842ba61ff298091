package tidemill_test

import (
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tidemill/tidemill"
	"github.com/tidemill/tidemill/topology"
	"github.com/tidemill/tidemill/window"
)

// finals counts in windows of a second, each passed on once.
func finals() *topology.Builder {
	b := topology.New("finals", topology.AdvanceWhenIdle(100*time.Millisecond))
	b.Stream[string, string]("in").GroupByKey().
		WindowedBy(window.Tumbling(time.Second)).EmitFinal().Count(topology.StoreName("counts")).ToStream().
		Map(func(w window.Key[string], n int64) (string, int64) { return w.Key, n }).To("out")
	return b
}

// A crash would bring a result again if it came to light without the time that it was
// due at.
func TestTheLastWindowClosesWithoutAnotherRecord(t *testing.T) {
	for name, options := range map[string][]tidemill.Option{"exactly once": {tidemill.ExactlyOnce()}, "at least once": nil} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, 2, "in", "out")
			var keys []string
			closes := func(key string, second int64) {
				t.Helper()
				b.produce(&kgo.Record{Topic: "in", Key: []byte(key), Value: []byte("v"), Timestamp: time.Unix(second, 0)})
				b.follow("out", func(r *kgo.Record) bool {
					keys = append(keys, string(r.Key))
					return string(r.Key) == key
				})
			}
			stop, _ := b.worker(finals, options...)
			closes("a", 1)
			if err := stop(); err != nil {
				t.Fatal(err)
			}
			keys = nil
			b.worker(finals, options...)
			closes("b", 10)
			if want := []string{"a", "b"}; !slices.Equal(keys, want) {
				t.Errorf("results of %v, want %v", keys, want)
			}
		})
	}
}
