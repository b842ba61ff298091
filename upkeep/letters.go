package upkeep

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tidemill/tidemill/internal/letters"
	"github.com/tidemill/tidemill/internal/runtime"
	"github.com/tidemill/tidemill/internal/scan"
)

// Letters hands over the letters of an application in a topic, those of a partition in
// order, until each fails. Which have been dealt with is known of the application that is named.
func (c *Client) Letters(ctx context.Context, application, topic string, each func(Letter) error) error {
	s, err := c.survey(ctx, application, topic)
	if err != nil {
		return err
	}
	return s.each(ctx, each)
}

// Letter returns one letter of an application in a topic.
func (c *Client) Letter(ctx context.Context, application, topic string, at Position) (found Letter, err error) {
	s, err := c.survey(ctx, application, topic)
	if err != nil {
		return found, err
	}
	s.ranges = slices.DeleteFunc(s.ranges, func(r scan.Range) bool {
		return r.Partition != at.Partition || at.Offset < r.From || at.Offset >= r.To
	})
	for i := range s.ranges {
		s.ranges[i].From, s.ranges[i].To = at.Offset, at.Offset+1
	}
	known := false
	err = s.each(ctx, func(l Letter) error {
		found, known = l, true
		return nil
	})
	if err == nil && !known {
		err = fmt.Errorf("upkeep: %s/%s: %w", topic, at, ErrNoLetter)
	}
	return found, err
}

// survey is what a topic of letters holds at one time, and what was dealt with.
type survey struct {
	c      *Client
	topic  string
	ranges []scan.Range
	dealt  map[int32]letters.Dealt
}

// survey finds out which letters there are and which were dealt with.
func (c *Client) survey(ctx context.Context, application, topic string) (s survey, err error) {
	s = survey{c: c, topic: topic, dealt: map[int32]letters.Dealt{}}
	if err := c.letterTopic(ctx, application, topic); err != nil {
		return s, err
	}
	if s.ranges, err = scan.Topic(ctx, c.kafka, topic); err != nil {
		return s, fmt.Errorf("upkeep: %w", err)
	}
	var partitions []int32
	for _, r := range s.ranges {
		partitions = append(partitions, r.Partition)
	}
	kept, err := runtime.FetchGroupOffsets(ctx, c.kafka, letters.Group(application), topic, partitions)
	for p, at := range kept {
		if err == nil {
			s.dealt[p], err = letters.Read(at.Offset, at.Metadata)
		}
	}
	if err != nil {
		return s, fmt.Errorf("upkeep: letters of application %q: %w", application, err)
	}
	return s, nil
}

// letterTopic checks that an application is known, since what was redriven is kept under
// its name.
func (c *Client) letterTopic(ctx context.Context, application, topic string) error {
	switch {
	case application == "":
		return errors.New("upkeep: the id of the application is empty")
	case topic == "":
		return errors.New("upkeep: the name of the topic of dead letters is empty")
	}
	group, err := c.group(ctx, application)
	if err == nil && group.State == "Dead" {
		err = fmt.Errorf("upkeep: application %q: %w", application, ErrNothing)
	}
	return err
}

func (s survey) each(ctx context.Context, each func(Letter) error) error {
	err := scan.Read(ctx, s.c.kafka, s.ranges, func(r *kgo.Record) error {
		l := letterOf(r)
		l.Dealt = s.dealt[r.Partition].Has(r.Offset)
		return each(l)
	})
	if err != nil {
		return fmt.Errorf("upkeep: %w", err)
	}
	return nil
}
