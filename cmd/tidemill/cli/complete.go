package cli

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tidemill/tidemill/sagas"
	"github.com/tidemill/tidemill/sagas/console"
	"github.com/tidemill/tidemill/upkeep"
)

// completePatience is how long a shell may wait for the names of a cluster, and
// mostCompleted how many it is told.
const (
	completePatience = 2 * time.Second
	mostCompleted    = 200
)

// names look names up for a shell. args are those that are there already.
type names func(ctx context.Context, args []string) ([]string, error)

// completing completes arguments, each by a function of its own. A cluster that does not
// answer in time, or refuses, has nothing to propose: an error would only spoil the
// command line.
func (c *cli) completing(each ...names) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) >= len(each) {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return c.propose(cmd, each[len(args)], args, begun)
	}
}

// completeFlag completes the values of a flag.
func completeFlag(cmd *cobra.Command, flag string, complete cobra.CompletionFunc) {
	if err := cmd.RegisterFlagCompletionFunc(flag, complete); err != nil {
		panic(err) // there is no such flag
	}
}

// completeNames completes the values of a flag by names of the cluster.
func (c *cli) completeNames(cmd *cobra.Command, flag string, look names) {
	completeFlag(cmd, flag, func(cmd *cobra.Command, args []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return c.propose(cmd, look, args, begun)
	})
}

func (c *cli) propose(cmd *cobra.Command, look names, args []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
	c.patience = completePatience
	ctx, cancel := context.WithTimeout(cmd.Context(), completePatience)
	defer cancel()
	found, err := look(ctx, args)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	found = slices.DeleteFunc(found, func(name string) bool {
		return !strings.HasPrefix(name, begun) || strings.ContainsFunc(name, func(r rune) bool { return printable(r) != r })
	})
	return found[:min(len(found), mostCompleted)], cobra.ShellCompDirectiveNoFileComp
}

func (c *cli) applications(ctx context.Context, _ []string) (all []string, err error) {
	err = c.upkeep(ctx, func(u *upkeep.Client) error {
		all, err = u.Applications(ctx)
		return err
	})
	return all, err
}

func (c *cli) topicNames(ctx context.Context, _ []string) (all []string, err error) {
	err = c.upkeep(ctx, func(u *upkeep.Client) error {
		all, err = u.TopicNames(ctx)
		return err
	})
	return all, err
}

// sagaIDs are the sagas that have not ended, the oldest first.
func (c *cli) sagaIDs(topics *console.Topics) names {
	return func(ctx context.Context, _ []string) (all []string, err error) {
		err = c.console(ctx, topics, func(s *console.Console) error {
			list, err := s.List(ctx, sagas.Filter{Statuses: []sagas.Status{sagas.Running, sagas.Compensating, sagas.Parked}})
			for _, i := range list {
				all = append(all, i.ID)
			}
			return err
		})
		return all, err
	}
}

// sagaSteps are the steps that the saga before has begun.
func (c *cli) sagaSteps(topics *console.Topics) names {
	return func(ctx context.Context, args []string) (all []string, err error) {
		err = c.console(ctx, topics, func(s *console.Console) error {
			i, err := s.Get(ctx, args[0])
			for _, step := range i.Steps {
				all = append(all, step.Name)
			}
			return err
		})
		return all, err
	}
}
