package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tidemill/tidemill/embedded"
	"github.com/tidemill/tidemill/upkeep"
)

// Run runs the command with its arguments, and returns its exit code.
func Run(ctx context.Context, args []string, out, errs io.Writer) int {
	c := &cli{out: out, errs: errs}
	root := c.root()
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(errs)
	if err := root.ExecuteContext(ctx); err != nil {
		fmt.Fprintln(errs, "tidemill:", oneLine(err))
		return 1
	}
	return 0
}

// oneLine is an error without the line breaks of joined ones.
func oneLine(err error) string {
	return strings.Join(strings.FieldsFunc(err.Error(), func(r rune) bool { return r == '\n' || r == '\r' }), "; ")
}

// cli is one run of the command.
type cli struct {
	out, errs io.Writer
	brokers   []string
	json      bool
	timeout   time.Duration
	security  security
	// admin is the admin address of a worker.
	admin string
	// patience bounds each request to a broker, those of a new connection included; 0 is
	// what the client does by itself.
	patience time.Duration
}

func (c *cli) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "tidemill",
		Short: "Look after Tidemill applications from outside",
		Long: "Look after Tidemill applications from outside: lag, internal topics, reset, dead letters and sagas; and ask a worker\n" +
			"by its admin address for its topology, its health and the rows of stores.",
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	flags := root.PersistentFlags()
	flags.StringSliceVarP(&c.brokers, "brokers", "b", brokersOf(os.Getenv(embedded.BrokersVariable)), "addresses of the cluster as `host:port`; by default those of "+embedded.BrokersVariable)
	flags.BoolVar(&c.json, "json", false, "write JSON for scripts")
	flags.DurationVar(&c.timeout, "timeout", 30*time.Second, "how long the cluster may take to answer for the first time")
	c.security.flags(root)
	root.AddCommand(c.lagCommand(), c.topicsCommand(), c.resetCommand(), c.lettersCommand(), c.sagasCommand(), c.demoCommand())
	root.AddCommand(c.describeCommand(), c.healthCommand(), c.storesCommand(), c.queryCommand())
	return root
}

func brokersOf(list string) (all []string) {
	for addr := range strings.SplitSeq(list, ",") {
		if addr = strings.TrimSpace(addr); addr != "" {
			all = append(all, addr)
		}
	}
	return all
}

// options are those of the Kafka client. They are tried once, so that a cluster that
// does not answer is told of soon.
func (c *cli) options(ctx context.Context) ([]kgo.Opt, error) {
	if len(c.brokers) == 0 {
		return nil, errors.New("no cluster: name its brokers with --brokers host:port, or set " + embedded.BrokersVariable)
	}
	if c.timeout <= 0 {
		return nil, fmt.Errorf("--timeout is %v: give more than 0", c.timeout)
	}
	opts, err := c.security.options()
	if err != nil {
		return nil, err
	}
	opts = append(opts, kgo.SeedBrokers(c.brokers...))
	if c.patience > 0 {
		opts = append(opts, kgo.DialTimeout(c.patience), kgo.RequestTimeoutOverhead(c.patience), kgo.RetryTimeout(c.patience))
	}
	client, err := kgo.NewClient(opts...)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	limited, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	if err := client.Ping(limited); err != nil {
		return nil, fmt.Errorf("no broker answers at %s: %w", strings.Join(c.brokers, ","), err)
	}
	return opts, nil
}

// upkeep connects to the cluster for something to be done.
func (c *cli) upkeep(ctx context.Context, do func(*upkeep.Client) error) error {
	opts, err := c.options(ctx)
	if err != nil {
		return err
	}
	client, err := upkeep.Open(upkeep.ClientOptions(opts...))
	if err != nil {
		return err
	}
	defer client.Close()
	return do(client)
}
