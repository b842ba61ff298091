// Events tells what has happened: one program publishes detected threats as CloudEvents,
// another subscribes to two of their types, old versions included, and answers with
// alerts in the same trace.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/tidemill/tidemill/events"
	"github.com/tidemill/tidemill/events/upcast"
	"github.com/tidemill/tidemill/examples/stage"
	"github.com/tidemill/tidemill/topology"
)

// Threat is the payload of threat.detected in its newest version, which is 2.
type Threat struct {
	Target   string `json:"target"`
	Severity int    `json:"severity"`
}

// Alert is the payload of alert.raised.
type Alert struct {
	Text string `json:"text"`
}

// chains bring version 1, which called the severity "sev", to version 2.
var chains = upcast.New().Add("threat.detected", 1, 2, upcast.Rename("sev", "severity"))

func build() *topology.Builder {
	b := topology.New("events")
	detected := b.Stream[string, Threat]("threats").
		MapValuesWithKey(func(id string, t Threat) events.Event {
			return events.New("threat.detected", t).Of("threat", id).Versioned(2)
		})
	events.Publish(detected, "threats.detected", events.CloudEventsBinary)

	alerts := events.Read(b, "intel.*", events.Upcast(chains), events.OnUndecodable(events.DeadLetter("intel-dead"))).
		Subscribe("alerting").
		React("threat.detected", func(_ context.Context, e events.Received[Threat]) ([]events.Event, error) {
			if e.Payload.Severity < 8 {
				return nil, nil
			}
			return []events.Event{events.New("alert.raised", Alert{"look at " + e.Payload.Target})}, nil
		}).
		React("threat.withdrawn", func(_ context.Context, e events.Received[struct{}]) ([]events.Event, error) {
			return []events.Event{events.New("alert.raised", Alert{"never mind " + e.AggregateID})}, nil
		})
	events.Publish(alerts.Reactions(), "alerts")
	return b
}

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer) (err error) {
	s, err := stage.Open("threats", "threats.detected", "intel.eu", "intel-dead", "alerts")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if err := s.Write(ctx, "threats", stage.Event(0, "t-1", `{"target":"db1","severity":9}`)); err != nil {
		return err
	}
	if err := s.Write(ctx, "intel.eu",
		stage.Event(0, "t-7", `{"id":"e-1","type":"threat.detected","version":2,"aggregateId":"t-7","data":{"target":"db7","severity":9}}`),
		stage.Event(1, "t-8", `{"id":"e-2","type":"threat.detected","version":1,"aggregateId":"t-8","data":{"target":"db8","sev":8}}`),
		stage.Event(2, "t-9", `{"id":"e-3","type":"threat.detected","version":2,"aggregateId":"t-9","data":{"target":"db9","severity":2}}`),
		stage.Event(3, "t-9", `this is no event`),
		stage.Event(4, "t-7", `{"id":"e-4","type":"threat.withdrawn","aggregateId":"t-7","data":{}}`),
	); err != nil {
		return err
	}
	return s.Run(ctx, build(), func(ctx context.Context) error {
		published, err := s.Read[string, string](ctx, "threats.detected", 1)
		if err != nil {
			return err
		}
		id, _ := published[0].Headers.Get("ce_id")
		fmt.Fprintf(out, "published %s: %s\n", id, published[0].Value)
		alerts, err := s.Read[string, events.Event](ctx, "alerts", 3)
		for _, r := range alerts {
			alert, wrong := r.Value.Payload[Alert]()
			err = errors.Join(err, wrong)
			fmt.Fprintf(out, "%s, because of %s\n", alert.Text, r.Value.Metadata.CausationID)
		}
		letters, wrong := s.Read[string, string](ctx, "intel-dead", 1)
		for _, r := range letters {
			fmt.Fprintln(out, "dead letter:", r.Value)
		}
		return errors.Join(err, wrong)
	})
}
