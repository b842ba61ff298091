// Window counts the failed logins of each user by the minute in which they
// happened, and says each count once, when its minute is over. A record that
// comes late is counted in its own minute as long as that is open.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/tidemill/tidemill/examples/stage"
	"github.com/tidemill/tidemill/topology"
	"github.com/tidemill/tidemill/window"
)

// Minute is the final count of one user in one minute.
type Minute struct {
	Start    time.Time `json:"start"`
	Failures int64     `json:"failures"`
}

func build() *topology.Builder {
	b := topology.New("window")
	b.Stream[string, string]("failed-logins").
		GroupByKey().
		// A minute closes when a record shows that 10 seconds of the next have passed.
		WindowedBy(window.Tumbling(time.Minute).Grace(10 * time.Second)).
		EmitFinal().
		Count(topology.StoreName("failures")).
		ToStream().
		Map(func(w window.Key[string], n int64) (string, Minute) { return w.Key, Minute{w.StartTime(), n} }).
		To("failures-by-minute")
	return b
}

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer) (err error) {
	s, err := stage.Open("failed-logins", "failures-by-minute")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if err := s.Write(ctx, "failed-logins",
		stage.Event(10, "ann", "wrong password"),
		stage.Event(20, "bob", "wrong password"),
		stage.Event(65, "ann", "wrong password"),
		stage.Event(50, "ann", "account locked"), // late, and in time: 12:00 closes at 12:01:10
		stage.Event(75, "bob", "wrong password"), // closes 12:00
		stage.Event(55, "bob", "account locked"), // too late: dropped
		stage.Event(135, "eve", "unknown user"),  // closes 12:01
	); err != nil {
		return err
	}
	return s.Run(ctx, build(), func(ctx context.Context) error {
		minutes, err := s.Read[string, Minute](ctx, "failures-by-minute", 4)
		for _, r := range minutes {
			fmt.Fprintln(out, r.Value.Start.Format("15:04"), r.Key, r.Value.Failures)
		}
		return err
	})
}
