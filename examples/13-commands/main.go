// Commands changes investigations by commands: one writer decides on each of them, what it
// decides is told as events, and every command is answered, a bad one with all that is
// wrong with it, and one that comes twice with its first outcome.
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
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/topology"
)

// Investigation is the state that events make.
type Investigation struct {
	Analyst string
	Closed  bool
}

// Open is a command, and what is told when it was accepted.
type Open struct {
	Analyst string `json:"analyst" validate:"required"`
	Email   string `json:"email" validate:"email"`
}

// Close is another command.
type Close struct {
	Verdict string `json:"verdict" validate:"oneof=harmless malicious"`
}

var investigations = cqrs.NewAggregate[Investigation]("investigation").
	Decide("open", func(s Investigation, c cqrs.Received[Open]) ([]events.Event, error) {
		if s.Analyst != "" {
			return nil, cqrs.Reject("analyst", "%s has it", s.Analyst)
		}
		return []events.Event{events.New("opened", c.Payload)}, nil
	}).
	Decide("close", func(s Investigation, c cqrs.Received[Close]) ([]events.Event, error) {
		if s.Analyst == "" || s.Closed {
			return nil, errors.New("it is not open")
		}
		return []events.Event{events.New("closed", c.Payload)}, nil
	}).
	Evolve("opened", func(s Investigation, e events.Received[Open]) Investigation {
		return Investigation{Analyst: e.Payload.Analyst}
	}).
	Evolve("closed", func(s Investigation, _ events.Received[Close]) Investigation {
		return Investigation{Analyst: s.Analyst, Closed: true}
	})

func build() *topology.Builder {
	b := topology.New("commands")
	investigations.Serve(b, cqrs.Topics{Commands: "commands", Events: "investigations", Replies: "replies"})
	return b
}

// command is a record with the envelope of a command.
func command(second int, c cqrs.Command) record.Record[string, events.Event] {
	r := stage.Event(second, c.AggregateID, c.Event())
	r.Value.Time = r.Time()
	return r
}

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer) (err error) {
	s, err := stage.Open("commands", "investigations", "replies")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	commands := []record.Record[string, events.Event]{
		command(0, cqrs.NewCommand("open", "c-1", "i-1", Open{"ada", "ada@example.com"})),
		command(1, cqrs.NewCommand("open", "c-2", "i-2", Open{"", "nobody"})),
		command(2, cqrs.NewCommand("close", "c-3", "i-1", Close{"malicious"}).Expecting(1)),
		command(3, cqrs.NewCommand("close", "c-3", "i-1", Close{"malicious"}).Expecting(1)),
		command(4, cqrs.NewCommand("close", "c-4", "i-1", Close{"harmless"}).Expecting(1)),
	}
	if err := s.Write(ctx, "commands", commands...); err != nil {
		return err
	}
	return s.Run(ctx, build(), func(ctx context.Context) error {
		replies, err := s.Read[string, events.Event](ctx, "replies", len(commands))
		for _, r := range replies {
			o, wrong := cqrs.OutcomeOf(r.Value)
			err = errors.Join(err, wrong)
			fmt.Fprintf(out, "%s accepted %v, version %d, faults %v, duplicate %v\n", o.CommandID, o.Accepted, o.Version, o.Faults, o.Duplicate)
		}
		told, wrong := s.Read[string, events.Event](ctx, "investigations", 2)
		for _, r := range told {
			fmt.Fprintf(out, "%s %s %s\n", r.Value.ID, r.Value.Type, r.Value.Data)
		}
		return errors.Join(err, wrong)
	})
}
