// Entities carries state from one program to another: the owner of threats tells each
// change as an event with the whole threat, and the desk keeps a replica on every worker,
// so that it answers questions about any threat without asking the owner. A change that
// comes late does not undo a newer one.
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

// Threat is the entity.
type Threat struct {
	Target   string `json:"target"`
	Severity int    `json:"severity"`
}

// owner tells the changes of its threats, with where they are known from.
func owner() *topology.Builder {
	b := topology.New("owner")
	events.Changes(b.Stream[string, Threat]("threats"), "threat", "threats.state", func(_ string, e events.Entity[Threat]) events.Entity[Threat] {
		e.Sources, e.Confidence = []string{"sensors"}, 0.9
		return e
	})
	return b
}

// desk answers questions, whose values are the ids of threats.
func desk() *topology.Builder {
	b := topology.New("desk")
	threats := events.ReplicaEverywhere[Threat](b, "threat", "threats.state")
	questions := b.Stream[string, string]("questions")
	events.JoinReplica(questions, threats, func(_, id string) string { return id }, answer).To("answers")
	return b
}

func answer(id string, e *events.Entity[Threat]) string {
	if e == nil {
		return "nothing is known of " + id
	}
	return fmt.Sprintf("%s is on %s with severity %d, says %v as of %s", id, e.State.Target, e.State.Severity, e.Sources, e.AsOf.Format("15:04:05"))
}

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer) (err error) {
	s, err := stage.Open("threats", "threats.state", "questions", "answers")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	gone := stage.Event(3, "t-2", Threat{})
	gone.Tombstone = true
	if err := s.Write(ctx, "threats",
		stage.Event(0, "t-1", Threat{"db1", 3}),
		stage.Event(1, "t-2", Threat{"web", 5}),
		stage.Event(2, "t-1", Threat{"db1", 9}),
		gone,
		stage.Event(1, "t-1", Threat{"db1", 4}), // late: it was so before the change to 9
	); err != nil {
		return err
	}
	err = s.Run(ctx, owner(), func(ctx context.Context) error {
		told, err := s.Read[string, events.Event](ctx, "threats.state", 5)
		for _, r := range told {
			fmt.Fprintf(out, "%s %s\n", r.Value.Type, r.Key)
		}
		return err
	})
	if err != nil {
		return err
	}
	if err := s.Write(ctx, "questions", stage.Event(10, "ada", "t-1"), stage.Event(11, "bob", "t-2")); err != nil {
		return err
	}
	return s.Run(ctx, desk(), func(ctx context.Context) error {
		answers, err := s.Read[string, string](ctx, "answers", 2)
		for _, r := range answers {
			fmt.Fprintf(out, "%s: %s\n", r.Key, r.Value)
		}
		return err
	})
}
