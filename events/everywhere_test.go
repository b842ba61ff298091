package events_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tidemill/tidemill/events"
	"github.com/tidemill/tidemill/events/upcast"
	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/topology"
	"github.com/tidemill/tidemill/topologytest"
)

// enriched joins questions, whose values are ids, with a replica everywhere.
func enriched(options ...events.ReplicaOption) *topology.Builder {
	b := topology.New("reader")
	replica := events.ReplicaEverywhere[Threat](b, "threat", "threats.state", options...)
	questions := b.Stream[string, string]("questions")
	events.JoinReplica(questions, replica, func(_, id string) string { return id }, func(id string, e *events.Entity[Threat]) string {
		if e == nil {
			return id + " is unknown"
		}
		return fmt.Sprint(id, " has severity ", e.State.Severity)
	}).To("answers")
	questions.ProcessValues(func(c *processors.ValueContext[string, string]) (processors.ValueProcessor[string, string], error) {
		entities, err := replica.In(c.Task)
		return processors.ValueFunc[string, string](func(r record.Fixed[string, string]) error {
			n := 0
			for _, err := range entities.All() {
				if err != nil {
					return err
				}
				n++
			}
			return c.Forward(record.WithFixedValue(r, fmt.Sprint(n)))
		}), err
	}, topology.Stores(replica.Store())).To("counts")
	return b
}

func TestAReplicaEverywhereIsWholeOnEveryWorker(t *testing.T) {
	owner := topologytest.New(t, publishThreats())
	in := owner.Input[string, Threat]("threats")
	in.Send("t-1", Threat{"db1", 3}, noon)
	in.Send("t-2", Threat{"db2", 4}, noon.Add(time.Second))
	in.Send("t-1", Threat{"db1", 9}, noon.Add(2*time.Second))
	in.Delete("t-2", noon.Add(3*time.Second))
	in.Send("t-3", Threat{"db3", 5}, noon)
	told := owner.Output[string, []byte]("threats.state").ReadAll()

	d := topologytest.New(t, enriched(), topologytest.Partitions(4), topologytest.Workers(2))
	state, questions := d.Input[string, []byte]("threats.state"), d.Input[string, string]("questions")
	answers, counts := d.Output[string, string]("answers"), d.Output[string, string]("counts")
	check := func(when string, want ...string) {
		t.Helper()
		for partition := range int32(4) { // whichever worker has it
			for i, id := range []string{"t-1", "t-2", "t-3"} {
				questions.To(partition).Send(fmt.Sprint("q", partition, i), id, noon)
			}
		}
		have, counted := topologytest.AsMap(answers), topologytest.AsMap(counts)
		for partition := range int32(4) {
			for i, one := range want[:3] {
				if got := have[fmt.Sprint("q", partition, i)]; got != one {
					t.Errorf("%s, partition %d: got %q, want %q", when, partition, got, one)
				}
			}
			if got := counted[fmt.Sprint("q", partition, 0)]; got != want[3] {
				t.Errorf("%s, partition %d: there are %s entities, want %s", when, partition, got, want[3])
			}
		}
	}
	for _, order := range [][]int{{0, 1, 2, 3, 4}, {2, 0, 3, 1, 4}, {3, 2, 1, 0, 4}} {
		for _, i := range order {
			state.SendRecord(told[i].Record)
		}
		check(fmt.Sprint("in the order ", order), "t-1 has severity 9", "t-2 is unknown", "t-3 has severity 5", "2")
	}
	d.Wipe(0)
	d.Crash()
	check("read again", "t-1 has severity 9", "t-2 is unknown", "t-3 has severity 5", "2")
	state.Delete("t-3", noon)
	check("when one is erased", "t-1 has severity 9", "t-2 is unknown", "t-3 is unknown", "1")
}

func TestWhatAReplicaEverywhereCannotTakeFollowsThePolicy(t *testing.T) {
	for value, want := range map[string]string{
		"no event": "undecodable event",
		`{"id":"1","type":"threat.seen","data":{}}`:                "no use for",
		`{"id":"1","type":"threat.changed","version":9,"data":{}}`: "newest",
	} {
		d, err := topologytest.Open(enriched(events.Upcast(upcast.New().Add("threat.changed", 1, 2))))
		if err != nil {
			t.Fatal(err)
		}
		d.Input[string, []byte]("threats.state").Send("t-1", []byte(value), noon)
		if failed, ok := errors.AsType[*record.Error](d.Err()); !ok || !strings.Contains(failed.Error(), want) {
			t.Errorf("%s: got %v, want %q in it", value, d.Err(), want)
		}
	}
	if _, err := enriched(events.Upcast(upcast.New().Add("threat.changed", 2, 1))).Build(); err == nil || !strings.Contains(err.Error(), "cycle") {
		t.Errorf("chains with a cycle: %v", err)
	}
}
