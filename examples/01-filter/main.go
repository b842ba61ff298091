// Filter keeps the hot readings of sensors and changes their unit: a topology
// without state, from one topic to another.
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

// Reading is what a sensor sends. It is written as JSON, as structs are.
type Reading struct {
	Celsius float64 `json:"celsius"`
}

// Alarm is a reading that is too hot.
type Alarm struct {
	Fahrenheit float64 `json:"fahrenheit"`
}

func build() *topology.Builder {
	b := topology.New("filter")
	b.Stream[string, Reading]("readings").
		Filter(func(_ string, r Reading) bool { return r.Celsius >= 80 }).
		MapValues(func(r Reading) Alarm { return Alarm{r.Celsius*9/5 + 32} }).
		To("alarms")
	return b
}

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer) (err error) {
	s, err := stage.Open("readings", "alarms")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if err := s.Write(ctx, "readings",
		stage.Event(0, "oven", Reading{75}),
		stage.Event(1, "oven", Reading{85}),
		stage.Event(2, "fridge", Reading{5}),
		stage.Event(3, "kiln", Reading{950}),
	); err != nil {
		return err
	}
	return s.Run(ctx, build(), func(ctx context.Context) error {
		alarms, err := s.Read[string, Alarm](ctx, "alarms", 2)
		for _, r := range alarms {
			fmt.Fprintf(out, "%s %s %.0f F\n", r.Time().Format("15:04:05"), r.Key, r.Value.Fahrenheit)
		}
		return err
	})
}
