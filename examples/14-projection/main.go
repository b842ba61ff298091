// Projection makes a read model of events: how many investigations each analyst has open.
// A second version of it reads from the first event beside the first version, and is the
// one to read from when it has caught up.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/tidemill/tidemill/cqrs"
	"github.com/tidemill/tidemill/events"
	"github.com/tidemill/tidemill/examples/stage"
	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/topology"
)

// Opened is the payload of the events.
type Opened struct {
	Analyst string `json:"analyst"`
}

// Load is a row: the investigations of an analyst.
type Load struct{ Open, Replayed int }

func board(version int) *cqrs.Projection[Load] {
	return cqrs.NewProjection[Load]("board", version).
		On("opened", func(m *cqrs.Model[Load], e cqrs.Projected[Opened]) error {
			return m.Update(e.Payload.Analyst, func(l Load) Load {
				l.Open++
				if e.Replaying {
					l.Replayed++
				}
				return l
			})
		})
}

// build is the application of a version. It answers questions about analysts, too.
func build(version int) *topology.Builder {
	p := board(version)
	b := p.Topology("investigations")
	b.Stream[string, string]("questions").
		Process(func(c *processors.Context[string, Load]) (processors.Processor[string, string], error) {
			model, err := p.In(c.Task)
			return processors.Func[string, string](func(r record.Record[string, string]) error {
				load, _, err := model.Get(r.Key)
				if err != nil {
					return err
				}
				return c.Forward(record.WithValue(r, load))
			}), err
		}, topology.Stores(p.Rows())).
		To(fmt.Sprint("answers-v", version))
	return b
}

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// complete waits until a version has all four events, and returns its progress.
func complete(ctx context.Context, s *stage.Stage, version int) (p cqrs.Progress, err error) {
	for n := 1; err == nil && (p.Version != version || p.Offset < 3); n++ {
		var told []record.Record[string, events.Event]
		if told, err = s.Read[string, events.Event](ctx, "board.progress", n); err == nil {
			p, err = cqrs.ProgressOf(told[n-1].Value)
		}
	}
	return p, err
}

func run(ctx context.Context, out io.Writer) (err error) {
	s, err := stage.Open("investigations", "board.progress", "questions", "answers-v1", "answers-v2")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	for i, analyst := range []string{"ada", "bob", "ada", "eve"} {
		e := events.New("opened", Opened{analyst}).Of("investigation", fmt.Sprint("i-", i))
		r := stage.Event(i, e.AggregateID, e)
		r.Value.ID, r.Value.Time = fmt.Sprint("e-", i), r.Time()
		if err := s.Write(ctx, "investigations", r); err != nil {
			return err
		}
	}
	var all []cqrs.Progress
	for version := 1; version <= 2; version++ {
		err := s.Run(ctx, build(version), func(ctx context.Context) error {
			p, err := complete(ctx, s, version)
			all = append(all, p)
			fmt.Fprintf(out, "version %d is at offset %d of %d, caught up %v\n", p.Version, p.Offset, p.Target, p.CaughtUp)
			return err
		})
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "version %d is the one to read from\n", cqrs.Active(all))
	}
	if err := s.Write(ctx, "questions", stage.Event(10, "ada", "?"), stage.Event(11, "bob", "?")); err != nil {
		return err
	}
	return s.Run(ctx, build(2), func(ctx context.Context) error {
		answers, err := s.Read[string, Load](ctx, "answers-v2", 2)
		for _, r := range answers {
			fmt.Fprintf(out, "%s has %d open, %d of them known to version 1\n", r.Key, r.Value.Open, r.Value.Replayed)
		}
		return err
	})
}
