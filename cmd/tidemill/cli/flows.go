package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tidemill/tidemill/sagas"
	"github.com/tidemill/tidemill/sagas/console"
)

// listFlows lists the flows of a choreography, by the topic of its monitor.
func (c *cli) listFlows(topics *console.Topics) *cobra.Command {
	var statuses []string
	cmd := &cobra.Command{
		Use:   "flows",
		Short: "List the flows of a choreography, those that have not moved for longest first",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var chosen []sagas.FlowStatus
			for _, name := range statuses {
				if !slices.Contains([]string{"moving", "stuck", "over"}, name) {
					return fmt.Errorf("--status %q: give moving, stuck or over", name)
				}
				chosen = append(chosen, sagas.FlowStatus(name))
			}
			if topics.Positions == "" {
				return errors.New("which flows? name the monitor's topic with --positions")
			}
			return c.console(cmd.Context(), topics, func(s *console.Console) error {
				flows, err := s.Flows(cmd.Context(), chosen...)
				if err != nil {
					return err
				}
				return c.printFlows(flows)
			})
		},
	}
	cmd.Flags().StringVar(&topics.Positions, "positions", "", "the `topic` of the choreography's monitor")
	c.completeNames(cmd, "positions", c.topicNames)
	cmd.Flags().StringSliceVar(&statuses, "status", nil, "only those that are moving, stuck or over")
	return cmd
}

func (c *cli) printFlows(flows []sagas.Position) error {
	return c.print(struct {
		Flows []sagas.Position `json:"flows"`
	}{append([]sagas.Position{}, flows...)}, func(t *table) {
		now := time.Now()
		t.row("FLOW", "CHOREOGRAPHY", "STATUS", "LAST EVENT", "AGO", "WAITING FOR")
		for _, f := range flows {
			var waiting []string
			for _, w := range f.Waiting {
				waiting = append(waiting, w.Service+" on "+w.Event)
			}
			event, ago := "", ""
			if n := len(f.Seen); n > 0 {
				event, ago = f.Seen[n-1].Event, age(f.Seen[n-1].At, now)
			}
			t.row(f.Flow, f.Choreography, f.Status, event, ago, strings.Join(waiting, ", "))
		}
	})
}
