// Case-choreography handles cases without a conductor: triage, assignment and
// notification each react to an event and emit the next one. The declarations are
// checked and drawn, and a monitor beside them shows where each case is.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/tidemill/tidemill"
	"github.com/tidemill/tidemill/examples/stage"
	"github.com/tidemill/tidemill/sagas"
	"github.com/tidemill/tidemill/topology"
)

// Case is what all events say.
type Case struct {
	Title    string `json:"title"`
	Priority int    `json:"priority"`
	Analyst  string `json:"analyst,omitzero"`
}

func caseHandling() sagas.Choreography {
	return sagas.Choreography{
		Name: "case-handling", Begins: []string{"case.created"}, Ends: []string{"case.closed", "team.notified"},
		Reactions: []sagas.Reaction{
			sagas.On("case.created", "triage", triage).Emits("case.triaged", "case.closed"),
			sagas.On("case.triaged", "assignment", assign).Emits("case.assigned"),
			sagas.On("case.assigned", "notification", notify).Emits("team.notified"),
		},
	}
}

func triage(m *sagas.Moment, c Case) error {
	if c.Priority < 3 {
		return m.Emit("case.closed", c)
	}
	return m.Emit("case.triaged", c)
}

func assign(m *sagas.Moment, c Case) error {
	c.Analyst = "kim"
	return m.Emit("case.assigned", c)
}

func notify(m *sagas.Moment, c Case) error { return m.Emit("team.notified", c) }

// services are all reactions in one program; with names, AddTo adds those of some
// services only.
func services() (*topology.Builder, error) {
	b := topology.New("case-services")
	return b, caseHandling().AddTo(b)
}

// monitor watches the flows, in an application of its own.
func monitor() (*topology.Builder, error) {
	b := topology.New("case-monitor")
	return b, sagas.Monitor{Choreography: caseHandling(), Topic: "positions", Patience: time.Minute}.AddTo(b)
}

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer) (err error) {
	fmt.Fprint(out, caseHandling().Describe())
	s, err := stage.Open(append(caseHandling().Events(), "positions")...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if err := s.Write(ctx, "case.created",
		stage.Event(0, "case-1", Case{Title: "port scan", Priority: 5}),
		stage.Event(1, "case-2", Case{Title: "a typo", Priority: 1}),
	); err != nil {
		return err
	}
	work, err := services()
	if err != nil {
		return err
	}
	watch, err := monitor()
	if err != nil {
		return err
	}
	return s.Run(ctx, work, func(ctx context.Context) error {
		return s.Run(ctx, watch, func(ctx context.Context) error { return report(ctx, s, out) }, tidemill.CommitInterval(20*time.Millisecond))
	})
}

// report waits until the monitor has said of both cases that nothing is to come any
// more.
func report(ctx context.Context, s *stage.Stage, out io.Writer) error {
	events, last := map[string]int{"case-1": 4, "case-2": 2}, map[string]sagas.Position{}
	for n := 1; len(last) < 2; n++ {
		positions, err := s.Read[string, sagas.Position](ctx, "positions", n)
		if err != nil {
			return err
		}
		if p := positions[n-1].Value; p.Status == sagas.Over && len(p.Seen) == events[p.Flow] {
			last[p.Flow] = p
		}
	}
	for _, flow := range []string{"case-1", "case-2"} {
		fmt.Fprintf(out, "%s is %s, behind %d events\n", flow, last[flow].Status, len(last[flow].Seen))
	}
	return nil
}
