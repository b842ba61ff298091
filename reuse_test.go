package tidemill_test

import (
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tidemill/tidemill"
	"github.com/tidemill/tidemill/topology"
)

func reusing() *topology.Builder {
	b := topology.New("reusing", topology.Optimize())
	rows := b.Table[string, string]("rows")
	b.Stream[string, string]("in").Join(rows, func(v, row string) string { return v + "+" + row }).To("out")
	return b
}

// Each worker here has a state folder of its own, so that the second one restores
// the store from nothing. A record that is older than a row must not see that row,
// though both are in the topics when the worker starts.
func TestAWorkerRestoresAStoreFromItsSourceTopicUpToWhereItHasCome(t *testing.T) {
	for name, options := range map[string][]tidemill.Option{"exactly once": {tidemill.ExactlyOnce()}, "at least once": nil} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, 2, "rows", "in", "out")
			send := func(topic, value string, second int64) {
				b.produce(&kgo.Record{Topic: topic, Key: []byte("k"), Value: []byte(value), Timestamp: time.Unix(second, 0)})
			}
			sees := func(want string) {
				t.Helper()
				b.follow("out", func(r *kgo.Record) bool {
					if got := string(r.Value); strings.HasPrefix(got, want[:strings.Index(want, "+")+1]) && got != want {
						t.Errorf("got %q, want %q", got, want)
						return true
					}
					return string(r.Value) == want
				})
			}
			send("rows", "1", 1)
			send("in", "first", 2)
			stop, _ := b.worker(reusing, options...)
			sees("first+1")
			if err := stop(); err != nil {
				t.Fatal(err)
			}
			send("in", "second", 3)
			send("rows", "2", 4)
			send("in", "third", 5)
			b.worker(reusing, options...)
			sees("second+1")
			sees("third+2")
			topics, err := kadm.NewClient(b.client).ListTopics(b.ctx)
			if err != nil {
				t.Fatal(err)
			}
			for _, topic := range topics.Names() {
				if strings.HasSuffix(topic, "-changelog") {
					t.Errorf("there is a changelog %q", topic)
				}
			}
		})
	}
}
