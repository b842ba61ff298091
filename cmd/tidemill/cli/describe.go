package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tidemill/tidemill/health"
)

func (c *cli) describeCommand() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "describe",
		Short: "The topology that a worker runs, as Kafka Streams prints it, as a flowchart or as JSON",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var told struct {
				Plan          json.RawMessage
				Text, Mermaid string
			}
			if format != "text" && format != "mermaid" && format != "json" {
				return fmt.Errorf("--format is %q: give text, mermaid or json", format)
			}
			if err := c.get(cmd.Context(), "/api/topology", nil, &told); err != nil {
				return err
			}
			if c.json || format == "json" {
				c.json = true
				return c.print(told.Plan, nil)
			}
			text := told.Text
			if format == "mermaid" {
				text = told.Mermaid
			}
			_, err := fmt.Fprintln(c.out, strings.TrimRight(text, "\n"))
			return err
		},
	}
	cmd.Flags().StringVar(&format, "format", "text", "`form`: text, mermaid or json")
	return c.adminFlag(cmd)
}

func (c *cli) healthCommand() *cobra.Command {
	return c.adminFlag(&cobra.Command{
		Use:   "health",
		Short: "Whether a worker is well, and why not; exit code 1 if it is unhealthy or not ready",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var v health.Report
			if err := c.get(cmd.Context(), "/api/health", nil, &v); err != nil {
				return err
			}
			err := c.print(v, func(t *table) {
				t.line("%s, ready: %t", v.Verdict, v.Ready)
				t.row("CHECK", "VERDICT", "REASON")
				for _, f := range v.Findings {
					t.row(f.Check, f.Verdict, f.Reason)
				}
			})
			switch {
			case err != nil:
				return err
			case v.Verdict == health.Unhealthy:
				return errors.New("the worker is unhealthy")
			case !v.Ready:
				return fmt.Errorf("the worker is not ready: %s", v.NotReady)
			}
			return nil
		},
	})
}
