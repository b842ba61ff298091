// Pipelines defines several pipelines by name in one program, and stops and starts one of
// them while the others go on. What a stopped one is sent waits.
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

// Threat is a threat as it comes in.
type Threat struct {
	Target   string `json:"target"`
	Severity int    `json:"severity"`
}

func build() (*topology.Builder, *events.Pipelines) {
	b := topology.New("pipelines")
	p := events.NewPipelines(b)
	p.Define[string, Threat]("high-priority-threats", "threats.raw").
		Filter(func(_ string, t Threat) bool { return t.Severity >= 8 }).
		MapValues(func(t Threat) string { return "look at " + t.Target }).
		To("threats.high")
	p.Define[string, Threat]("archive", "threats.archived").
		MapValues(func(t Threat) string { return t.Target }).
		To("archive")
	return b, p
}

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer) (err error) {
	s, err := stage.Open("threats.raw", "threats.high", "threats.archived", "archive")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	b, pipelines := build()
	return s.Run(ctx, b, func(ctx context.Context) error {
		show := func(topic string, n int) error {
			rows, err := s.Read[string, string](ctx, topic, n)
			for _, r := range rows {
				fmt.Fprintf(out, "%s: %s\n", topic, r.Value)
			}
			return err
		}
		if err := s.Write(ctx, "threats.raw", stage.Event(0, "t-1", Threat{"db1", 9}), stage.Event(1, "t-2", Threat{"web", 2})); err != nil {
			return err
		}
		if err := show("threats.high", 1); err != nil {
			return err
		}
		if err := pipelines.Stop("high-priority-threats"); err != nil {
			return err
		}
		err := errors.Join(
			s.Write(ctx, "threats.raw", stage.Event(2, "t-3", Threat{"db2", 8})),
			s.Write(ctx, "threats.archived", stage.Event(3, "t-0", Threat{"old", 1})),
			show("archive", 1),
		)
		if err != nil {
			return err
		}
		for _, p := range pipelines.List() {
			fmt.Fprintf(out, "%s of %s is %s\n", p.Name, p.Topic, p.State)
		}
		if err := pipelines.Start("high-priority-threats"); err != nil {
			return err
		}
		return show("threats.high", 2)
	})
}
