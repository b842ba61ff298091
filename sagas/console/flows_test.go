package console_test

import (
	"encoding/json/v2"
	"fmt"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tidemill/tidemill/embedded"
	"github.com/tidemill/tidemill/sagas"
	"github.com/tidemill/tidemill/sagas/console"
)

func TestFlowsAreListedAsTheirMonitorHasLastToldOfThem(t *testing.T) {
	broker, err := embedded.Start(embedded.Topic("positions", 2))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = broker.Close() }()
	client, err := kgo.NewClient(kgo.SeedBrokers(broker.Addrs()...))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	write := func(flow string, value []byte) {
		if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: "positions", Key: []byte(flow), Value: value}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	tell := func(flow string, status sagas.FlowStatus, at int64) {
		value, err := json.Marshal(sagas.Position{Choreography: "cases", Flow: flow, Status: status, Seen: []sagas.Sighting{{Event: "opened", At: at}}})
		if err != nil {
			t.Fatal(err)
		}
		write(flow, value)
	}
	tell("a", sagas.Moving, 30)
	tell("b", sagas.Moving, 20)
	tell("b", sagas.Stuck, 20)
	tell("c", sagas.Stuck, 10)
	tell("d", sagas.Over, 5)
	write("d", nil) // forgotten
	c, err := console.Open(console.Topics{Positions: "positions"}, console.Brokers(broker.Addrs()...))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, row := range []struct {
		statuses []sagas.FlowStatus
		want     string
	}{{nil, "c b a"}, {[]sagas.FlowStatus{sagas.Stuck}, "c b"}, {[]sagas.FlowStatus{sagas.Over}, ""}} {
		flows, err := c.Flows(t.Context(), row.statuses...)
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, f := range flows {
			ids = append(ids, f.Flow)
		}
		if got := strings.Join(ids, " "); got != row.want {
			t.Errorf("%v: %q, want %q", row.statuses, got, row.want)
		}
	}
	write("e", []byte("{"))
	if _, err := c.Flows(t.Context()); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("flow %q", "e")) {
		t.Errorf("the error is %v", err)
	}
}
