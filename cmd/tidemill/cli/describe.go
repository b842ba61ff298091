package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tidemill/tidemill/health"
)

// formats are those that describe can write.
var formats = []string{"text", "mermaid", "svg", "json"}

func (c *cli) describeCommand() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "describe",
		Short: "The topology that a worker runs, as Kafka Streams prints it, as a flowchart, an image or JSON",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var told struct {
				Plan          json.RawMessage
				Text, Mermaid string
				SVG           string `json:"svg"`
			}
			if !slices.Contains(formats, format) {
				return fmt.Errorf("--format is %q: give text, mermaid, svg or json", format)
			}
			if err := c.get(cmd.Context(), "/api/topology", nil, &told); err != nil {
				return err
			}
			if c.json || format == "json" {
				c.json = true
				return c.print(told.Plan, nil)
			}
			text := map[string]string{"text": told.Text, "mermaid": told.Mermaid, "svg": told.SVG}[format]
			if text == "" {
				return fmt.Errorf("the worker at %s tells no %s: it runs an older version, give another --format", c.admin, format)
			}
			_, err := fmt.Fprintln(c.out, strings.TrimRight(text, "\n"))
			return err
		},
	}
	cmd.Flags().StringVar(&format, "format", "text", "`form`: text, mermaid, svg or json")
	completeFlag(cmd, "format", cobra.FixedCompletions(formats, cobra.ShellCompDirectiveNoFileComp))
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
