package events_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/tidemill/tidemill/events"
	"github.com/tidemill/tidemill/topology"
	"github.com/tidemill/tidemill/topologytest"
)

// feedItem is what a feed of another company says.
type feedItem struct {
	IP    string `json:"ip"`
	Score int    `json:"score"`
}

func fromFeed(x events.External) ([]events.Event, error) {
	item, err := x.JSON[feedItem]()
	switch {
	case err != nil:
		return nil, err
	case item.Score < 0:
		return nil, fmt.Errorf("%w: a score of %d", events.ErrRejected, item.Score)
	case item.Score == 0:
		return nil, nil
	}
	return []events.Event{events.New("threat.reported", Threat{item.IP, item.Score / 10}).Of("threat", item.IP)}, nil
}

func severe(e events.Event) error {
	threat, err := e.Payload[Threat]()
	if err == nil && threat.Severity > 10 {
		err = errors.New("severity above 10")
	}
	return err
}

func ExampleAdopt() {
	b := topology.New("intake")
	events.Adopt(b, "feed", fromFeed, events.Validate(severe), events.OnInvalid(events.DeadLetter("feed-dead")))
	d, err := topologytest.Open(b)
	if err != nil {
		fmt.Println(err)
		return
	}
	in := d.Input[string, string]("feed")
	in.Send("", `{"ip":"203.0.113.9","score":80}`, noon)
	in.Send("", `{"ip":"203.0.113.9","score":800}`, noon)
	for _, r := range d.Output[string, events.Event](events.ExternalEvents).ReadAll() {
		fmt.Println(r.Key, r.Value.Type, string(r.Value.Data))
	}
	for _, r := range d.Output[string, string]("feed-dead").ReadAll() {
		why, _ := r.Headers.Get("__streams.errors.message")
		fmt.Println(r.Value, string(why))
	}
	// Output:
	// 203.0.113.9 threat.reported {"target":"203.0.113.9","severity":8}
	// {"ip":"203.0.113.9","score":800} severity above 10
}

func TestAdoptDropsWithAReasonAndACount(t *testing.T) {
	b := topology.New("intake")
	var dropped []string
	adopted := events.Adopt(b, "feed", fromFeed, events.OnInvalid(events.Ignore()), events.CloudEventsBinary, events.Named("acl"),
		events.OnDropped(func(x events.External, err error) {
			dropped = append(dropped, fmt.Sprintf("%d %s: %v", x.At.Offset, x.Value, err))
		}))
	n := 0
	adopted.ForEach(func(string, events.Event) { n++ })
	d := topologytest.New(t, b)
	in := d.Input[string, string]("feed")
	in.Send("", `{"ip":"a","score":50}`, noon)
	in.Send("", `{"ip":"b","score":-1}`, noon)
	in.Send("", `{"ip":"c","score":0}`, noon)
	in.Send("", `<xml/>`, noon)
	in.Delete("", noon)
	if len(dropped) != 2 || dropped[0] != `1 {"ip":"b","score":-1}: rejected: a score of -1` || !strings.Contains(dropped[1], "decode JSON") || n != 1 {
		t.Errorf("dropped %q, adopted %d", dropped, n)
	}
	out := d.Output[string, []byte](events.ExternalEvents).ReadAll()
	if len(out) != 1 {
		t.Fatalf("%d events were published, want 1", len(out))
	}
	if e, err := events.Decode(out[0].Value, out[0].Headers, noon); err != nil || e.AggregateID != "a" || e.ID != "intake/acl/feed-0-0" || e.Source != "intake" {
		t.Errorf("got %+v, %v", e, err)
	}
}

func TestAdoptReportsWhatIsMissing(t *testing.T) {
	b := topology.New("intake")
	events.Adopt(b, "feed", nil, events.OnInvalid(events.DeadLetter("")))
	if _, err := b.Build(); err == nil || !strings.Contains(err.Error(), "no translation") || !strings.Contains(err.Error(), "dead-letter policy needs") {
		t.Errorf("got %v", err)
	}
}
