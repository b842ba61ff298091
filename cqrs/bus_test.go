package cqrs_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/tidemill/tidemill/cqrs"
	"github.com/tidemill/tidemill/events"
	"github.com/tidemill/tidemill/serde"
	"github.com/tidemill/tidemill/topology"
	"github.com/tidemill/tidemill/topologytest"
)

var plain = serde.JSON[events.Event]()

// block is a command to block an address.
type block struct {
	IP      string `json:"ip" validate:"required,ip"`
	Minutes int    `json:"minutes" validate:"min=1,max=60"`
}

func firewall() *cqrs.Bus {
	return cqrs.NewBus("firewall").
		Validate(func(c cqrs.Command) []cqrs.Fault {
			if c.Metadata.Extra["analyst"] == "" {
				return []cqrs.Fault{{Field: "analyst", Message: "who asks?"}}
			}
			return nil
		}).
		Handle("ip.block", func(_ context.Context, c cqrs.Received[block]) ([]events.Event, error) {
			if strings.HasPrefix(c.Payload.IP, "10.") {
				return nil, errors.Join(cqrs.Reject("ip", "it is ours"), cqrs.Reject("", "ask the network team"))
			}
			if c.Payload.IP == "192.0.2.99" {
				return nil, errors.New("the firewall does not answer")
			}
			return []events.Event{events.New("ip.blocked", c.Payload)}, nil
		})
}

func blocking(id, ip string, minutes int) cqrs.Command {
	c := cqrs.NewCommand("ip.block", id, ip, block{ip, minutes})
	c.Time, c.Metadata.Extra = noon, map[string]string{"analyst": "ada"}
	return c
}

func ExampleBus_Dispatch() {
	_, err := firewall().Dispatch(context.Background(), cqrs.NewCommand("ip.block", "c-1", "x", block{"here", 90}))
	rejected, _ := errors.AsType[*cqrs.RejectedError](err)
	for _, f := range rejected.Faults {
		fmt.Println(f)
	}
	// Output:
	// analyst: who asks?
	// ip: "here" does not meet ip
	// minutes: 90 does not meet max=60
}

func TestTheBusHandlesCommandsOfATopic(t *testing.T) {
	b := topology.New("app")
	served := firewall().Serve(b, cqrs.Topics{Commands: "commands", Events: "events", Replies: "replies"}, cqrs.Writing(events.CloudEventsStructured))
	told := 0
	served.Events().ForEach(func(string, events.Event) { told++ })
	d := topologytest.New(t, b)
	in := d.Input[string, events.Event]("commands", topologytest.ValueSerde(plain))
	for _, c := range []cqrs.Command{blocking("1", "192.0.2.1", 5), blocking("2", "10.0.0.1", 5), blocking("1", "192.0.2.1", 5)} {
		in.Send(c.AggregateID, c.Event(), noon)
	}
	var got []cqrs.Outcome
	for _, r := range d.Output[string, []byte]("replies").ReadAll() {
		e, err := events.Decode(r.Value, r.Headers, noon)
		if err != nil {
			t.Fatal(err)
		}
		o, err := cqrs.OutcomeOf(e)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, o)
	}
	first := cqrs.Outcome{CommandID: "1", AggregateID: "192.0.2.1", Accepted: true, Events: []string{"firewall/1/1"}}
	again := first
	again.Duplicate = true
	want := []cqrs.Outcome{first, {CommandID: "2", AggregateID: "10.0.0.1", Faults: []cqrs.Fault{{"", "ask the network team"}, {"ip", "it is ours"}}}, again}
	if !reflect.DeepEqual(got, want) || told != 1 {
		t.Errorf("got %+v, %d events, want %+v", got, told, want)
	}
}

func TestAFailureOfTheHandlerIsNoOutcome(t *testing.T) {
	b := topology.New("app")
	firewall().Serve(b, cqrs.Topics{Commands: "commands", Events: "events", Replies: "replies"})
	d, err := topologytest.Open(b)
	if err != nil {
		t.Fatal(err)
	}
	c := blocking("1", "192.0.2.99", 5)
	d.Input[string, events.Event]("commands", topologytest.ValueSerde(plain)).Send(c.AggregateID, c.Event(), noon)
	if err := d.Err(); err == nil || !strings.Contains(err.Error(), "does not answer") {
		t.Errorf("got %v", err)
	}
	if n := d.Output[string, events.Event]("replies").Len(); n != 0 {
		t.Errorf("there are %d replies", n)
	}
}

func FuzzCommand(f *testing.F) {
	f.Add("ip.block", "1", "a", []byte(`{"ip":"192.0.2.1","minutes":5}`))
	f.Add("other", "", "", []byte(`{`))
	bus := firewall()
	f.Fuzz(func(t *testing.T, commandType, id, aggregate string, data []byte) {
		c := cqrs.Command{ID: id, Type: commandType, AggregateID: aggregate, Data: data}
		faults := bus.Check(c)
		_, err := bus.Dispatch(t.Context(), c)
		rejected, ok := errors.AsType[*cqrs.RejectedError](err)
		if len(faults) == 0 || !ok || !reflect.DeepEqual(rejected.Faults, faults) { // nobody is named as analyst
			t.Fatalf("faults %v, but the error is %v", faults, err)
		}
	})
}
