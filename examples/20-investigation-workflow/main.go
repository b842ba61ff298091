// Investigation-workflow is an orchestrated saga of three steps: a case is created, an
// analyst assigned, the team notified. For the second target nobody is free, so the
// case that was created is deleted again. The services that do the commands are
// participants in the same topology; in a real system each is a program of its own.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/tidemill/tidemill/examples/stage"
	"github.com/tidemill/tidemill/sagas"
	"github.com/tidemill/tidemill/topology"
)

// Investigation is the data of a saga.
type Investigation struct {
	Target  string `json:"target"`
	Case    string `json:"case,omitzero"`
	Analyst string `json:"analyst,omitzero"`
}

// The commands and their replies.
type (
	CreateCase struct{ Target string }
	DeleteCase struct{ Case string }
	Assign     struct{ Case, Target string }
	Unassign   struct{ Case, Analyst string }
	Created    struct{ Case string }
	Assigned   struct{ Analyst string }
)

func workflow() *sagas.Saga[Investigation] {
	s := sagas.Define[Investigation]("investigation-workflow")
	s.Step("create-case", sagas.Send("case-commands", "create", func(i Investigation) CreateCase { return CreateCase{i.Target} }).
		Reply(func(i *Investigation, r Created) { i.Case = r.Case })).
		Compensate(sagas.Send("case-commands", "delete", func(i Investigation) DeleteCase { return DeleteCase{i.Case} }))
	s.Step("assign-analyst", sagas.Send("analyst-commands", "assign", func(i Investigation) Assign { return Assign{i.Case, i.Target} }).
		Reply(func(i *Investigation, r Assigned) { i.Analyst = r.Analyst })).
		Compensate(sagas.Send("analyst-commands", "unassign", func(i Investigation) Unassign { return Unassign{i.Case, i.Analyst} }))
	s.Step("notify-team", sagas.Do(notify))
	return s
}

// notify would send a mail, with the key so that it is sent once.
func notify(ctx context.Context, i *Investigation) error {
	if sagas.Key(ctx) == "" || i.Analyst == "" {
		return sagas.Business(errors.New("nothing to say"))
	}
	return nil
}

// cases and analysts are the two services. Each could keep what it knows in a store.
func cases() sagas.Participant {
	return sagas.Participant{
		Name: "cases", Topic: "case-commands", Inboxes: []string{"sagas"},
		Handlers: []sagas.Handler{
			sagas.Handle("create", func(j *sagas.Job, c CreateCase) (Created, error) { return Created{"case-of-" + c.Target}, nil }),
			sagas.Handle("delete", func(*sagas.Job, DeleteCase) (any, error) { return nil, nil }),
		},
	}
}

func analysts() sagas.Participant {
	return sagas.Participant{
		Name: "analysts", Topic: "analyst-commands", Inboxes: []string{"sagas"},
		Handlers: []sagas.Handler{
			sagas.Handle("assign", func(_ *sagas.Job, a Assign) (Assigned, error) {
				if a.Target == "10.0.0.9" {
					return Assigned{}, sagas.Business(errors.New("nobody is free"))
				}
				return Assigned{"kim"}, nil
			}),
			sagas.Handle("unassign", func(*sagas.Job, Unassign) (any, error) { return nil, nil }),
		},
	}
}

func build() (*topology.Builder, error) {
	b := topology.New("investigations")
	return b, errors.Join(
		sagas.Orchestrator{Name: "investigations", Inbox: "sagas", Audit: "audit", Sagas: []sagas.Defined{workflow()}}.AddTo(b),
		cases().AddTo(b),
		analysts().AddTo(b),
	)
}

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer) (err error) {
	s, err := stage.Open("sagas", "case-commands", "analyst-commands", "audit")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	b, err := build()
	if err != nil {
		return err
	}
	if err := s.Write(ctx, "sagas",
		stage.Event(0, "first", sagas.Start("investigation-workflow", Investigation{Target: "10.0.0.7"})),
		stage.Event(0, "first", sagas.Start("investigation-workflow", Investigation{Target: "10.0.0.7"})), // counts once
		stage.Event(1, "second", sagas.Start("investigation-workflow", Investigation{Target: "10.0.0.9"})),
	); err != nil {
		return err
	}
	return s.Run(ctx, b, func(ctx context.Context) error {
		audit, err := s.Read[string, sagas.Transition](ctx, "audit", 18)
		for _, id := range []string{"first", "second"} {
			for _, r := range audit {
				if r.Key == id {
					fmt.Fprintln(out, r.Value)
				}
			}
		}
		return err
	})
}
