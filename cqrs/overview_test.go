package cqrs_test

import (
	"fmt"
	"testing"

	"github.com/tidemill/tidemill/cqrs"
	"github.com/tidemill/tidemill/events"
	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/topology"
	"github.com/tidemill/tidemill/topologytest"
)

// A service that asks a projection sees on every worker when a version takes over.
func TestAnOverviewSaysWhichVersionToReadFrom(t *testing.T) {
	b := topology.New("asking")
	overview := cqrs.NewOverview(b, "board")
	b.Stream[string, string]("in").Process(func(c *processors.Context[string, string]) (processors.Processor[string, string], error) {
		seen, err := overview.In(c.Task)
		return processors.Func[string, string](func(r record.Record[string, string]) error {
			active, err := seen.Active()
			if err != nil {
				return err
			}
			behind, err := seen.Behind(2)
			if err != nil {
				return err
			}
			return c.Forward(record.WithValue(r, fmt.Sprintf("version %d, the second is %d behind", active, behind)))
		}), err
	}, topology.Stores(overview.Store())).To("out")
	d := topologytest.New(t, b, topologytest.Workers(2), topologytest.Partitions(2), topologytest.Partitions(1, "board.progress"))
	told := d.Input[string, events.Event]("board.progress", topologytest.ValueSerde(plain))
	tell := func(p cqrs.Progress) {
		e := events.New(cqrs.ProgressType, p)
		e.ID, e.Time = "p", noon
		told.Send(fmt.Sprintf("%d/%s/%d", p.Version, p.Topic, p.Partition), e, noon)
	}
	in := d.Input[string, string]("in")
	check := func(want string) {
		t.Helper()
		for partition := range int32(2) {
			in.To(partition).Send(fmt.Sprint("k", partition), "?", noon)
			if got := topologytest.AsMap(d.Output[string, string]("out"))[fmt.Sprint("k", partition)]; got != want {
				t.Errorf("partition %d: got %q, want %q", partition, got, want)
			}
		}
	}
	check("version 0, the second is 0 behind")
	tell(cqrs.Progress{Version: 1, Topic: "events", Offset: 99, Target: -1, CaughtUp: true})
	check("version 1, the second is 100 behind")
	tell(cqrs.Progress{Version: 2, Topic: "events", Offset: 39, Target: 99})
	check("version 1, the second is 60 behind")
	tell(cqrs.Progress{Version: 2, Topic: "events", Offset: 99, Target: 99, CaughtUp: true})
	check("version 2, the second is 0 behind")
	d.Crash()
	check("version 2, the second is 0 behind")
}
