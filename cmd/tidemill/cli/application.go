package cli

import (
	"github.com/spf13/cobra"

	"github.com/tidemill/tidemill/upkeep"
)

func (c *cli) lagCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "lag APPLICATION",
		Short: "How far an application is behind, by topic and partition",
		Args:  cobra.ExactArgs(1),

		ValidArgsFunction: c.completing(c.applications),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.upkeep(cmd.Context(), func(u *upkeep.Client) error {
				lag, err := u.Lag(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				return c.print(lag, func(t *table) {
					t.line("application %s, state %s, members %d, records behind %d", lag.Application, lag.State, lag.Members, lag.Total)
					t.row("TOPIC", "PARTITION", "COMMITTED", "END", "LAG", "CLIENT")
					for _, p := range lag.Partitions {
						t.row(p.Topic, p.Partition, offset(p.Committed), p.End, p.Lag, p.Client)
					}
				})
			})
		},
	}
}

// offset is an offset that may not be there.
func offset(n int64) any {
	if n < 0 {
		return "-"
	}
	return n
}

func (c *cli) topicsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "topics APPLICATION",
		Short: "The internal topics of an application, and what they hold",
		Args:  cobra.ExactArgs(1),

		ValidArgsFunction: c.completing(c.applications),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.upkeep(cmd.Context(), func(u *upkeep.Client) error {
				topics, err := u.Topics(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				return c.print(struct {
					Topics []upkeep.Topic `json:"topics"`
				}{topics}, func(t *table) {
					t.row("TOPIC", "KIND", "PARTITIONS", "RECORDS", "ON DISK")
					for _, topic := range topics {
						t.row(topic.Name, topic.Kind, topic.Partitions, topic.Records, size(topic.Bytes))
					}
				})
			})
		},
	}
}

func (c *cli) resetCommand() *cobra.Command {
	var to string
	var inputs []string
	var execute bool
	cmd := &cobra.Command{
		Use:   "reset APPLICATION",
		Short: "Set an application back, so that it begins anew",
		Long: "Set an application back, so that it begins anew: its input topics are set to a position, and its internal topics\n" +
			"are deleted. Without --execute it only says what it would do. It refuses while the application runs. Output\n" +
			"topics stay as they are.",
		Args: cobra.ExactArgs(1),

		ValidArgsFunction: c.completing(c.applications),
		RunE: func(cmd *cobra.Command, args []string) error {
			target, err := upkeep.ParseTarget(to)
			if err != nil {
				return err
			}
			return c.upkeep(cmd.Context(), func(u *upkeep.Client) error {
				plan, err := u.PlanReset(cmd.Context(), args[0], target, inputs...)
				if err == nil && execute {
					err = u.Reset(cmd.Context(), plan)
				}
				if err != nil {
					return err
				}
				return c.printReset(plan, execute)
			})
		},
	}
	cmd.Flags().StringVar(&to, "to", "earliest", "`position`: earliest, latest, an offset, or a time like 2026-01-31T12:00:00Z")
	cmd.Flags().StringSliceVar(&inputs, "input", nil, "input `topics` to set too, beside those with committed offsets")
	completeFlag(cmd, "to", cobra.FixedCompletions([]string{"earliest", "latest"}, cobra.ShellCompDirectiveNoFileComp))
	c.completeNames(cmd, "input", c.topicNames)
	cmd.Flags().BoolVar(&execute, "execute", false, "do it, instead of saying what would be done")
	return cmd
}

func (c *cli) printReset(plan upkeep.ResetPlan, done bool) error {
	return c.print(struct {
		upkeep.ResetPlan
		Done bool `json:"done"`
	}{plan, done}, func(t *table) {
		t.row("TOPIC", "PARTITION", "FROM", "TO")
		for _, m := range plan.Offsets {
			t.row(m.Topic, m.Partition, offset(m.From), m.To)
		}
		for _, topic := range plan.Delete {
			t.row(topic, "all", "", "deleted")
		}
		if done {
			t.line("done: %s begins anew when it is started", plan.Application)
		} else {
			t.line("nothing was changed: add --execute to do this")
		}
	})
}
