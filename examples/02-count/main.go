// Count counts page views by country: the records get a new key, so they travel
// through a repartition topic, and the counts live in a store with a changelog.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/tidemill/tidemill/examples/stage"
	"github.com/tidemill/tidemill/topology"
)

// View is a page that was looked at. The key of its record is the user.
type View struct {
	Page    string `json:"page"`
	Country string `json:"country"`
}

func build() *topology.Builder {
	b := topology.New("count")
	b.Stream[string, View]("views").
		GroupBy(func(_ string, v View) string { return v.Country }, topology.Named("by-country")).
		// Without a cache each new count is passed on, instead of the last one of
		// each commit: more to write, and the same output in every run.
		Count(topology.StoreName("views-by-country"), topology.WithoutCache()).
		ToStream().
		To("views-by-country")
	return b
}

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer) (err error) {
	s, err := stage.Open("views", "views-by-country")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if err := s.Write(ctx, "views",
		stage.Event(0, "ann", View{"/", "NL"}),
		stage.Event(1, "bob", View{"/docs", "JP"}),
		stage.Event(2, "ann", View{"/docs", "NL"}),
		stage.Event(3, "eve", View{"/", "JP"}),
		stage.Event(4, "joe", View{"/", "JP"}),
	); err != nil {
		return err
	}
	return s.Run(ctx, build(), func(ctx context.Context) error {
		counts, err := s.Read[string, int64](ctx, "views-by-country", 5)
		for _, r := range counts {
			fmt.Fprintln(out, r.Key, r.Value)
		}
		return err
	})
}
