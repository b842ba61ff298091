package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/tidemill/tidemill/cmd/tidemill/demo"
)

func (c *cli) demoCommand() *cobra.Command {
	o := demo.Options{}
	var period time.Duration
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Run an application on a broker of its own, to try the rest on",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.Port < 0 || o.Port > 65535 || o.Rate < 1 || o.Rate > 10_000 || period < 0 {
				return fmt.Errorf("--port is from 0 to 65535, --rate from 1 to 10000, and --for not negative")
			}
			ctx := cmd.Context()
			if period > 0 {
				limited, cancel := context.WithTimeout(ctx, period)
				defer cancel()
				ctx = limited
			}
			return demo.Run(ctx, o, c.out)
		},
	}
	cmd.Flags().IntVar(&o.Port, "port", 9092, "`port` of the broker; 0 takes any")
	cmd.Flags().StringVar(&o.Admin, "admin", "127.0.0.1:9090", "admin `address` of the worker, with its dashboard; empty is none")
	cmd.Flags().IntVar(&o.Rate, "rate", 50, "`events` a second")
	cmd.Flags().DurationVar(&period, "for", 0, "end by itself after this time")
	return cmd
}
