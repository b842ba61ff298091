package events_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/tidemill/tidemill/events"
	"github.com/tidemill/tidemill/topology"
	"github.com/tidemill/tidemill/topologytest"
)

func publishThreats() *topology.Builder {
	b := topology.New("owner")
	events.Changes(b.Stream[string, Threat]("threats"), "threat", "threats.state", func(_ string, e events.Entity[Threat]) events.Entity[Threat] {
		e.Sources, e.Confidence = []string{"sensors"}, 0.9
		return e
	})
	return b
}

func TestAReplicaIsTheEntitiesOfAnotherProgram(t *testing.T) {
	owner := topologytest.New(t, publishThreats())
	in := owner.Input[string, Threat]("threats")
	in.Send("t-1", Threat{"db1", 3}, noon)
	in.Send("t-2", Threat{"db2", 4}, noon.Add(time.Second))
	in.Send("t-1", Threat{"db1", 9}, noon.Add(2*time.Second))
	in.Delete("t-2", noon.Add(3*time.Second))
	told := owner.Output[string, []byte]("threats.state").ReadAll()

	b := topology.New("reader")
	events.Replica[Threat](b, "threat", "threats.state").ToStream().To("changes")
	d := topologytest.New(t, b)
	replica := d.Input[string, []byte]("threats.state")
	for _, order := range [][]int{{0, 1, 2, 3}, {2, 0, 3, 1}, {3, 2, 1, 0}} {
		for _, i := range order {
			replica.SendRecord(told[i].Record)
		}
		rows := d.KeyValue[string, events.Entity[Threat]]("replica-threat").All()
		if len(rows) != 1 || rows[0].Key != "t-1" {
			t.Fatalf("read in the order %v, the replica has %+v", order, rows)
		}
		row := rows[0].Value
		if row.State.Severity != 9 || row.Version != noon.Add(2*time.Second).UnixMilli() || fmt.Sprint(row.Sources, row.Confidence) != "[sensors] 0.9" {
			t.Errorf("read in the order %v, the row is %+v", order, row)
		}
	}
}
