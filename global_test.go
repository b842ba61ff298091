package tidemill_test

import (
	"fmt"
	"strconv"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tidemill/tidemill"
	"github.com/tidemill/tidemill/topology"
)

// looking joins the stream "in" with the global table "rows" by the record's value.
func looking() *topology.Builder {
	b := topology.New("looking")
	rows := b.GlobalTable[string, string]("rows")
	b.Stream[string, string]("in").
		LeftJoinGlobal(rows, func(_, v string) string { return v }, func(v string, row *string) string {
			if row == nil {
				return v + "?"
			}
			return v + "=" + *row
		}).
		To("out")
	return b
}

// rows writes rows to the global table's topic.
func (b *bench) rows(n int, value string) {
	b.t.Helper()
	var records []*kgo.Record
	for i := range n {
		records = append(records, &kgo.Record{Topic: "rows", Key: []byte("row" + strconv.Itoa(i)), Value: []byte(value)})
	}
	b.produce(records...)
}

// answers asks for rows 0 to 9 until all answers are as wanted.
func (b *bench) answers(round, want string) {
	b.t.Helper()
	for attempt := range 200 {
		right, left := 0, 10
		asked := map[string]string{}
		var records []*kgo.Record
		for i := range 10 {
			row := "row" + strconv.Itoa(i)
			key := fmt.Sprintf("%s/%d/%s", round, attempt, row)
			asked[key] = row + "=" + want
			records = append(records, &kgo.Record{Topic: "in", Key: []byte(key), Value: []byte(row)})
		}
		b.produce(records...)
		b.follow("out", func(r *kgo.Record) bool {
			if want, ok := asked[string(r.Key)]; ok {
				left--
				if string(r.Value) == want {
					right++
				}
			}
			return left == 0
		})
		if right == 10 {
			return
		}
	}
	b.t.Fatalf("not all answers become %q", want)
}

func TestAGlobalTableIsReadBeforeTheStartAndFollowed(t *testing.T) {
	b := newBench(t, 3, "in", "rows", "out")
	dir := t.TempDir()
	b.rows(1000, "first")
	for _, options := range [][]tidemill.Option{
		{tidemill.StateDir(dir)}, // from nothing
		{tidemill.StateDir(dir)}, // from local state
		{tidemill.InMemory(), tidemill.ExactlyOnce()},
	} {
		restored := make(chan int64, 1)
		options = append(options, tidemill.Observe(func(e tidemill.Event) {
			if e.Kind == tidemill.TaskRestored && e.Task == "global rows" {
				restored <- e.Records
			}
		}))
		stop, _ := b.worker(looking, options...)
		n := <-restored
		if again := len(options) == 2 && n == 0; !again && n < 1000 {
			t.Errorf("%d rows are read at the start, want all, or none of what is kept", n)
		}
		b.answers("a"+strconv.FormatInt(n, 10), "first")
		b.rows(1000, "second")
		b.answers("b"+strconv.FormatInt(n, 10), "second")
		b.rows(1000, "first")
		b.answers("c"+strconv.FormatInt(n, 10), "first")
		if err := stop(); err != nil {
			t.Fatal(err)
		}
	}
}
