package topologytest_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/topology"
	"github.com/tidemill/tidemill/topologytest"
)

func TestAnchoredPunctuationsComeAtTheirTimes(t *testing.T) {
	for _, c := range []struct {
		name  string
		start int64
		kind  processors.TimeKind
		want  []int64
	}{
		{"from a time to come", 25, processors.WallClockTime, []int64{25, 41, 46}},
		{"from a time that has passed", 3, processors.WallClockTime, []int64{13, 24, 41, 46}},
		{"by stream time", 25, processors.StreamTime, []int64{30, 40}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var calls []int64
			b := topology.New("app")
			b.Stream[string, string]("in").Process(func(ctx *processors.Context[string, string]) (processors.Processor[string, string], error) {
				_, err := ctx.ScheduleFrom(time.UnixMilli(c.start), 10*time.Millisecond, c.kind, func(at int64) error {
					calls = append(calls, at)
					return nil
				})
				return processors.Func[string, string](ctx.Forward), err
			}).To("out")
			d := topologytest.New(t, b, topologytest.StartAt(int64(5)))
			in := d.Input[string, string]("in")
			if c.kind == processors.StreamTime {
				for _, at := range []int64{7, 30, 31, 40} {
					in.Send("k", "v", at)
				}
			} else {
				for _, by := range []time.Duration{7, 1, 11, 1, 16, 5} { // to 12, 13, 24, 25, 41 and 46
					d.Advance(by * time.Millisecond)
				}
			}
			if !slices.Equal(calls, c.want) {
				t.Errorf("called at %v, want %v", calls, c.want)
			}
		})
	}
}

func TestAroundWrapsEveryOperator(t *testing.T) {
	var log []string
	b := topology.New("app")
	b.Around(func(node string, task *processors.Task) processors.Around {
		if node == "quiet" {
			return nil
		}
		return func(next func() error) error {
			log = append(log, fmt.Sprintf("%s of %s at %d", node, task.ID, task.Time))
			err := next()
			if err != nil {
				log = append(log, node+": "+err.Error())
			}
			return err
		}
	})
	b.Stream[string, string]("in").
		Filter(func(_, v string) bool { return v != "drop" }, topology.Named("filter")).
		Peek(func(string, string) {}, topology.Named("quiet")).
		Process(func(c *processors.Context[string, string]) (processors.Processor[string, string], error) {
			return processors.Func[string, string](func(r record.Record[string, string]) error {
				if r.Value == "bad" {
					return errors.New("no")
				}
				return c.Forward(r)
			}), nil
		}, topology.Named("mine")).
		To("out", topology.Named("sink"))
	d, err := topologytest.Open(b)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	in := d.Input[string, string]("in")
	in.Send("k", "drop", int64(1))
	in.Send("k", "v", int64(2))
	in.Send("k", "bad", int64(3))
	want := []string{
		"filter of 0_0 at 1", "filter of 0_0 at 2", "mine of 0_0 at 2", "sink of 0_0 at 2",
		"filter of 0_0 at 3", "mine of 0_0 at 3", "mine: no", "filter: no",
	}
	if !slices.Equal(log, want) {
		t.Errorf("the log is\n%q\nwant\n%q", log, want)
	}
}
