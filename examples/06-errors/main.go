// Errors keeps a partition going when records are bad: one that is no JSON, and
// one that makes a function panic. Both go to a dead-letter topic, as they were
// read and with headers that say what happened; the good ones go on.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/tidemill/tidemill"
	"github.com/tidemill/tidemill/examples/stage"
	"github.com/tidemill/tidemill/topology"
)

// Bill is a sum to be divided among guests.
type Bill struct {
	Cents  int64 `json:"cents"`
	Guests int64 `json:"guests"`
}

func build() *topology.Builder {
	b := topology.New("errors")
	b.Stream[string, Bill]("bills").
		MapValues(func(b Bill) int64 { return b.Cents / b.Guests }, topology.Named("divide")).
		To("shares")
	return b
}

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer) (err error) {
	s, err := stage.Open("bills", "shares", "bills-dead")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if err := s.Write(ctx, "bills",
		stage.Event(0, "table 1", `{"cents":9000,"guests":3}`),
		stage.Event(1, "table 2", `{"cents":9000,`),
		stage.Event(2, "table 3", `{"cents":1000,"guests":0}`),
		stage.Event(3, "table 4", `{"cents":5000,"guests":2}`),
	); err != nil {
		return err
	}
	return s.Run(ctx, build(), func(ctx context.Context) error {
		shares, err := s.Read[string, int64](ctx, "shares", 2)
		if err != nil {
			return err
		}
		for _, r := range shares {
			fmt.Fprintf(out, "%s: %d each\n", r.Key, r.Value)
		}
		letters, err := s.Read[string, string](ctx, "bills-dead", 2)
		for _, r := range letters {
			header := func(name string) string {
				value, _ := r.Headers.Get("__streams.errors." + name)
				return string(value)
			}
			fmt.Fprintf(out, "%s: %s\n", r.Key, r.Value)
			fmt.Fprintf(out, "  offset %s, %s: %s\n", header("offset"), header("stage"), header("message"))
		}
		return err
	}, tidemill.OnError(tidemill.DeadLetter("bills-dead")))
}
