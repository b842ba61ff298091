package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/tidemill/tidemill/sagas"
	"github.com/tidemill/tidemill/sagas/console"
)

func (c *cli) sagasCommand() *cobra.Command {
	var topics console.Topics
	cmd := &cobra.Command{
		Use:   "sagas",
		Short: "Sagas: list them, tell their history, cancel and repair them",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	flags := cmd.PersistentFlags()
	flags.StringVar(&topics.Inbox, "inbox", "", "the `topic` of the orchestrator's events")
	flags.StringVar(&topics.Statuses, "statuses", "", "the `topic` of its sagas' newest states")
	flags.StringVar(&topics.Audit, "audit", "", "the `topic` of all transitions")
	for _, name := range []string{"inbox", "statuses", "audit"} {
		c.completeNames(cmd, name, c.topicNames)
	}
	cmd.AddCommand(c.listSagas(&topics), c.showSaga(&topics), c.cancelSaga(&topics), c.listFlows(&topics))
	for name, act := range map[string]struct {
		short string
		do    func(*console.Console, context.Context, string, string) error
	}{
		"retry": {"Try a step, or the compensation of one, again at once", (*console.Console).RetryStep},
		"skip":  {"Take a parked step as settled by hand", (*console.Console).SkipStep},
		"fail":  {"Take a parked step as failed, with nothing left of it", (*console.Console).FailStep},
	} {
		cmd.AddCommand(&cobra.Command{
			Use:   name + " SAGA STEP",
			Short: act.short,
			Args:  cobra.ExactArgs(2),

			ValidArgsFunction: c.completing(c.sagaIDs(&topics), c.sagaSteps(&topics)),
			RunE: func(cmd *cobra.Command, args []string) error {
				return c.ask(cmd.Context(), &topics, args[0], func(s *console.Console) error { return act.do(s, cmd.Context(), args[0], args[1]) })
			},
		})
	}
	return cmd
}

// console connects to an orchestrator for something to be done.
func (c *cli) console(ctx context.Context, topics *console.Topics, do func(*console.Console) error) error {
	if topics.Statuses == "" && topics.Positions == "" {
		return errors.New("which sagas? name the orchestrator's topic of statuses with --statuses")
	}
	opts, err := c.options(ctx)
	if err != nil {
		return err
	}
	s, err := console.Open(*topics, console.ClientOptions(opts...))
	if err != nil {
		return err
	}
	defer s.Close()
	return do(s)
}

// ask asks an orchestrator for something.
func (c *cli) ask(ctx context.Context, topics *console.Topics, saga string, do func(*console.Console) error) error {
	if topics.Inbox == "" {
		return errors.New("where to ask? name the orchestrator's topic of events with --inbox")
	}
	return c.console(ctx, topics, func(s *console.Console) error {
		if err := do(s); err != nil {
			return err
		}
		return c.print(map[string]string{"asked": saga}, func(t *table) { t.line("asked for: saga %s will do so when its orchestrator comes to it", saga) })
	})
}

func (c *cli) listSagas(topics *console.Topics) *cobra.Command {
	var statuses []string
	var definition string
	var older, idle time.Duration
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List sagas by status, definition and age, the oldest first",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			now := time.Now()
			filter, err := filterOf(statuses, definition, older, idle, now)
			if err != nil {
				return err
			}
			return c.console(cmd.Context(), topics, func(s *console.Console) error {
				list, err := s.List(cmd.Context(), filter)
				if err != nil {
					return err
				}
				return c.printSagas(list, now)
			})
		},
	}
	cmd.Flags().StringSliceVar(&statuses, "status", nil, "only those that are running, compensating, parked, completed or compensated")
	completeFlag(cmd, "status", cobra.FixedCompletions([]string{"running", "compensating", "parked", "completed", "compensated"}, cobra.ShellCompDirectiveNoFileComp))
	cmd.Flags().StringVar(&definition, "definition", "", "only those of this `name`")
	cmd.Flags().DurationVar(&older, "older", 0, "only those that began so long ago")
	cmd.Flags().DurationVar(&idle, "idle", 0, "only those that nothing has happened to for so long")
	return cmd
}

func filterOf(statuses []string, definition string, older, idle time.Duration, now time.Time) (f sagas.Filter, err error) {
	f.Definition = definition
	for _, name := range statuses {
		s, ok := sagas.ParseStatus(name)
		if !ok {
			return f, fmt.Errorf("--status %q: give running, compensating, parked, completed or compensated", name)
		}
		f.Statuses = append(f.Statuses, s)
	}
	if older < 0 || idle < 0 {
		return f, errors.New("--older and --idle are times that have passed: give more than 0")
	}
	if older > 0 {
		f.BegunBefore = now.Add(-older).UnixMilli()
	}
	if idle > 0 {
		f.ChangedBefore = now.Add(-idle).UnixMilli()
	}
	return f, nil
}

// sagaJSON is a saga for scripts.
type sagaJSON struct {
	ID         string       `json:"id"`
	Definition string       `json:"definition"`
	Version    int          `json:"version"`
	Status     sagas.Status `json:"status"`
	Began      string       `json:"began"`
	Changed    string       `json:"changed"`
	Step       string       `json:"step,omitempty"`
	State      sagas.State  `json:"state,omitempty"`
	Reason     string       `json:"reason,omitempty"`
}

func sagaOf(i sagas.Instance) sagaJSON {
	out := sagaJSON{
		ID: i.ID, Definition: i.Definition, Version: i.Version, Status: i.Status,
		Began: clock(i.Began), Changed: clock(i.Changed), Reason: i.Reason,
	}
	if s, ok := i.Current(); ok {
		out.Step, out.State, out.Reason = s.Name, s.State, cmp.Or(s.Error, out.Reason)
	}
	return out
}

func (c *cli) printSagas(list []sagas.Instance, now time.Time) error {
	rows := []sagaJSON{}
	for _, i := range list {
		rows = append(rows, sagaOf(i))
	}
	return c.print(struct {
		Sagas []sagaJSON `json:"sagas"`
	}{rows}, func(t *table) {
		t.row("SAGA", "DEFINITION", "STATUS", "AGE", "UNCHANGED", "STEP", "STATE", "REASON")
		for at, i := range list {
			r := rows[at]
			t.row(r.ID, fmt.Sprintf("%s/%d", r.Definition, r.Version), r.Status, age(i.Began, now), age(i.Changed, now), r.Step, r.State, short(r.Reason, 60))
		}
	})
}

func (c *cli) showSaga(topics *console.Topics) *cobra.Command {
	return &cobra.Command{
		Use:   "show SAGA",
		Short: "Show a saga with its steps, its data and, with --audit, its history",
		Args:  cobra.ExactArgs(1),

		ValidArgsFunction: c.completing(c.sagaIDs(topics)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.console(cmd.Context(), topics, func(s *console.Console) error {
				i, err := s.Get(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				var history []sagas.Transition
				if topics.Audit != "" {
					if history, err = s.History(cmd.Context(), args[0]); err != nil {
						return err
					}
				}
				return c.printSaga(i, history)
			})
		},
	}
}

func (c *cli) printSaga(i sagas.Instance, history []sagas.Transition) error {
	lines := []string{}
	for _, h := range history {
		lines = append(lines, clock(h.At)+" "+h.String())
	}
	steps := []map[string]any{}
	for _, s := range i.Steps {
		steps = append(steps, map[string]any{"name": s.Name, "state": s.State, "attempts": s.Attempts, "undos": s.Undos, "doubt": s.Doubt, "error": s.Error})
	}
	return c.print(map[string]any{"saga": sagaOf(i), "data": rawJSON(i.Data), "steps": steps, "history": lines}, func(t *table) {
		t.line("%s is %s, by %s/%d, since %s", i.ID, i.Status, i.Definition, i.Version, clock(i.Began))
		t.line("data: %s", i.Data)
		t.row("STEP", "STATE", "ATTEMPTS", "COMPENSATIONS", "IN DOUBT", "ERROR")
		for _, s := range i.Steps {
			t.row(s.Name, s.State, s.Attempts, s.Undos, s.Doubt, short(s.Error, 80))
		}
		for _, line := range lines {
			t.line("%s", line)
		}
	})
}

// rawJSON is JSON that is written as it is.
type rawJSON []byte

// MarshalJSON implements json.Marshaler.
func (r rawJSON) MarshalJSON() ([]byte, error) {
	if len(r) == 0 {
		return []byte("null"), nil
	}
	return r, nil
}

func (c *cli) cancelSaga(topics *console.Topics) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use:   "cancel SAGA",
		Short: "End a saga by compensating what it did",
		Args:  cobra.ExactArgs(1),

		ValidArgsFunction: c.completing(c.sagaIDs(topics)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.ask(cmd.Context(), topics, args[0], func(s *console.Console) error { return s.Cancel(cmd.Context(), args[0], reason) })
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "cancelled by hand", "why, for the audit")
	return cmd
}
