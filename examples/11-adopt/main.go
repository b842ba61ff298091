// Adopt takes in the feed of another company: its items are translated into events of our
// own, checked, and published; what is wrong goes to a dead-letter topic with the reason.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/tidemill/tidemill/events"
	"github.com/tidemill/tidemill/examples/stage"
	"github.com/tidemill/tidemill/topology"
)

// FeedItem is how the other company says it.
type FeedItem struct {
	IP    string `json:"ip_addr"`
	Score int    `json:"score_0_100"`
}

// Threat is how we say it.
type Threat struct {
	Address  string `json:"address"`
	Severity int    `json:"severity"`
}

func translate(x events.External) ([]events.Event, error) {
	item, err := x.JSON[FeedItem]()
	if err != nil {
		return nil, err
	}
	if item.Score == 0 {
		return nil, nil // nothing to tell
	}
	return []events.Event{events.New("threat.reported", Threat{item.IP, item.Score / 10}).Of("threat", item.IP)}, nil
}

func validate(e events.Event) error {
	threat, err := e.Payload[Threat]()
	if err == nil && (threat.Severity < 1 || threat.Severity > 10) {
		err = fmt.Errorf("severity %d is not among 1 to 10", threat.Severity)
	}
	return err
}

func build() *topology.Builder {
	b := topology.New("adopt")
	events.Adopt(b, "feed", translate, events.Validate(validate), events.OnInvalid(events.DeadLetter("feed-dead")))
	return b
}

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer) (err error) {
	s, err := stage.Open("feed", "feed-dead", events.ExternalEvents)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if err := s.Write(ctx, "feed",
		stage.Event(0, "", `{"ip_addr":"203.0.113.9","score_0_100":80}`),
		stage.Event(1, "", `{"ip_addr":"203.0.113.1","score_0_100":0}`),
		stage.Event(2, "", `{"ip_addr":"203.0.113.2","score_0_100":800}`),
		stage.Event(3, "", `<item/>`),
		stage.Event(4, "", `{"ip_addr":"203.0.113.3","score_0_100":30}`),
	); err != nil {
		return err
	}
	return s.Run(ctx, build(), func(ctx context.Context) error {
		adopted, err := s.Read[string, events.Event](ctx, events.ExternalEvents, 2)
		for _, r := range adopted {
			fmt.Fprintln(out, r.Value.Type, string(r.Value.Data))
		}
		letters, wrong := s.Read[string, string](ctx, "feed-dead", 2)
		for _, r := range letters {
			why, _ := r.Headers.Get("__streams.errors.message")
			fmt.Fprintf(out, "%s: %.60s\n", r.Value, why)
		}
		return errors.Join(err, wrong)
	})
}
