package events_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/tidemill/tidemill"
	"github.com/tidemill/tidemill/events"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/topology"
	"github.com/tidemill/tidemill/topologytest"
)

func TestAnEventThatIsTooLargeIsRefusedWhereItIsPublished(t *testing.T) {
	b := topology.New("app")
	events.Publish(b.Stream[string, string]("raw").MapValues(func(s string) events.Event { return events.New("n", s) }), "out", events.MaxBytes(100))
	d := topologytest.New(t, b, topologytest.OnProduceError(tidemill.DeadLetter("dead")))
	in := d.Input[string, string]("raw")
	in.Send("k", "small", noon)
	in.Send("k", strings.Repeat("x", 200), noon)
	in.Send("k", strings.Repeat("y", 98), noon)
	if n := len(d.Output[string, []byte]("out").ReadAll()); n != 2 {
		t.Errorf("%d events are published, want the 2 that are within the limit", n)
	}
	letter := d.Output[string, string]("dead").ReadAll()
	if len(letter) != 1 || letter[0].Value != strings.Repeat("x", 200) {
		t.Fatalf("the letters are %v", letter)
	}
	if why, _ := letter[0].Headers.Get("__streams.errors.message"); !strings.Contains(string(why), "202 bytes, and 100 are the limit") {
		t.Errorf("the letter says %s", why)
	}
	var large *events.TooLargeError
	if reports := d.Reports(); len(reports) != 1 || reports[0].Err.Stage != record.Produce || !errors.As(reports[0].Err, &large) || large.Bytes != 202 {
		t.Errorf("reported are %v", reports)
	}
}

func TestAnEventThatIsTooLargeIsNotRead(t *testing.T) {
	b := topology.New("app")
	var handled []string
	events.Read(b, "in", events.MaxBytes(100), events.OnUndecodable(events.DeadLetter("dead"))).Subscribe("s").
		On("n", func(_ context.Context, e events.Received[string]) error {
			handled = append(handled, e.ID)
			return nil
		})
	d := topologytest.New(t, b)
	in := d.Input[string, string]("in")
	large := `{"id":"2","type":"n","data":"` + strings.Repeat("x", 100) + `"}`
	in.Send("k", `{"id":"1","type":"n","data":"x"}`, noon)
	in.Send("k", large, noon)
	in.Send("k", `{"id":"3","type":"n","data":"x"}`, noon)
	letters := d.Output[string, string]("dead").ReadAll()
	if strings.Join(handled, " ") != "1 3" || len(letters) != 1 || letters[0].Value != large {
		t.Errorf("handled are %v, letters %v", handled, letters)
	}
	if why, _ := letters[0].Headers.Get("__streams.errors.message"); !strings.Contains(string(why), "100 are the limit") {
		t.Errorf("the letter says %s", why)
	}
}
