package upkeep

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

// ResetPlan is what a reset is going to do.
type ResetPlan struct {
	Application string `json:"application"`
	// Offsets are the new positions in the input topics.
	Offsets []Move `json:"offsets"`
	// Delete are the internal topics, which are deleted: the application makes them
	// again.
	Delete []string `json:"delete"`
}

// Move is a partition of an input topic. From is -1 if nothing was committed.
type Move struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	From      int64  `json:"from"`
	To        int64  `json:"to"`
}

// PlanReset says what it takes to have an application begin anew at a target: all its
// input topics are set there, and its internal topics are deleted. Input topics are
// those that it has committed offsets of, and the ones that are named. It refuses while
// the application runs, and changes nothing.
func (c *Client) PlanReset(ctx context.Context, application string, to Target, inputs ...string) (ResetPlan, error) {
	plan := ResetPlan{Application: application}
	if err := c.idle(ctx, application); err != nil {
		return plan, err
	}
	var err error
	if plan.Delete, err = c.internal(ctx, application); err != nil {
		return plan, err
	}
	committed, err := c.committed(ctx, application)
	if err != nil {
		return plan, err
	}
	for topic := range committed {
		if !slices.Contains(plan.Delete, topic) && !slices.Contains(inputs, topic) {
			inputs = append(inputs, topic)
		}
	}
	if len(inputs) == 0 && len(plan.Delete) == 0 {
		return plan, fmt.Errorf("upkeep: application %q: %w", application, ErrNothing)
	}
	plan.Offsets, err = c.moves(ctx, to, inputs, committed)
	return plan, err
}

// idle fails while an application has members.
func (c *Client) idle(ctx context.Context, application string) error {
	group, err := c.group(ctx, application)
	if err == nil && len(group.Members) > 0 {
		err = fmt.Errorf("upkeep: application %q (members: %d): %w", application, len(group.Members), ErrActive)
	}
	return err
}

func (c *Client) moves(ctx context.Context, to Target, inputs []string, committed kadm.OffsetResponses) (moves []Move, err error) {
	if len(inputs) == 0 {
		return nil, nil
	}
	details, err := c.admin.ListTopics(ctx, inputs...)
	if err != nil {
		return nil, fmt.Errorf("upkeep: list topics: %w", err)
	}
	for _, topic := range inputs {
		if !details.Has(topic) {
			return nil, fmt.Errorf("upkeep: input topic %q does not exist", topic)
		}
	}
	starts, ends, err := c.bounds(ctx, inputs...)
	if err == nil {
		err = errors.Join(starts.Error(), ends.Error())
	}
	if err != nil {
		return nil, err
	}
	found, err := c.find(ctx, to, starts, ends, inputs)
	if err != nil {
		return nil, err
	}
	found.Each(func(o kadm.ListedOffset) {
		m := Move{Topic: o.Topic, Partition: o.Partition, From: -1, To: o.Offset}
		if old, ok := committed.Lookup(o.Topic, o.Partition); ok {
			m.From = old.At
		}
		moves = append(moves, m)
	})
	slices.SortFunc(moves, func(a, b Move) int {
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
	})
	return moves, nil
}

// Reset does what a plan says. The broker refuses it if the application has been
// started meanwhile. A reset that fails on its way is to be planned and made again
// before the application starts: it may have been done in part.
func (c *Client) Reset(ctx context.Context, plan ResetPlan) error {
	if err := c.idle(ctx, plan.Application); err != nil {
		return err
	}
	var offsets kadm.Offsets
	for _, m := range plan.Offsets {
		offsets.Add(kadm.Offset{Topic: m.Topic, Partition: m.Partition, At: m.To, LeaderEpoch: -1})
	}
	if len(offsets) > 0 {
		if err := c.admin.CommitAllOffsets(ctx, plan.Application, offsets); err != nil {
			if errors.Is(err, kerr.UnknownMemberID) || errors.Is(err, kerr.RebalanceInProgress) {
				err = ErrActive
			}
			return fmt.Errorf("upkeep: application %q: commit offsets: %w", plan.Application, err)
		}
	}
	if err := c.forget(ctx, plan); err != nil {
		return err
	}
	if len(plan.Delete) == 0 {
		return nil
	}
	deleted, err := c.admin.DeleteTopics(ctx, plan.Delete...)
	if err != nil {
		return fmt.Errorf("upkeep: delete internal topics: %w", err)
	}
	for _, d := range deleted.Sorted() {
		if d.Err != nil && !errors.Is(d.Err, kerr.UnknownTopicOrPartition) {
			return fmt.Errorf("upkeep: delete topic %q: %w", d.Topic, d.Err)
		}
	}
	return nil
}

// forget deletes the committed offsets of internal topics.
func (c *Client) forget(ctx context.Context, plan ResetPlan) error {
	committed, err := c.committed(ctx, plan.Application)
	if err != nil {
		return err
	}
	var gone kadm.TopicsSet
	committed.Each(func(o kadm.OffsetResponse) {
		if slices.Contains(plan.Delete, o.Topic) {
			gone.Add(o.Topic, o.Partition)
		}
	})
	if len(gone) == 0 {
		return nil
	}
	responses, err := c.admin.DeleteOffsets(ctx, plan.Application, gone)
	if err == nil {
		err = responses.Error()
	}
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
		return fmt.Errorf("upkeep: application %q: delete offsets of internal topics: %w", plan.Application, err)
	}
	return nil
}
