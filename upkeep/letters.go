package upkeep

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tidemill/tidemill/internal/scan"
)

// Letters hands over the letters of a topic, those of a partition in order, until each
// fails.
func (c *Client) Letters(ctx context.Context, topic string, each func(Letter) error) error {
	s, err := c.survey(ctx, topic)
	if err != nil {
		return err
	}
	return s.each(ctx, each)
}

// Letter returns one letter of a topic.
func (c *Client) Letter(ctx context.Context, topic string, at Position) (found Letter, err error) {
	s, err := c.survey(ctx, topic)
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

// survey is what a topic of letters holds at one time.
type survey struct {
	c        *Client
	topic    string
	ranges   []scan.Range
	redriven map[Position]bool
}

// survey finds out which letters of a topic were redriven.
func (c *Client) survey(ctx context.Context, topic string) (s survey, err error) {
	s = survey{c: c, topic: topic, redriven: map[Position]bool{}}
	if topic == "" {
		return s, fmt.Errorf("upkeep: the name of the topic of dead letters is empty")
	}
	if s.ranges, err = scan.Topic(ctx, c.kafka, topic); err != nil {
		return s, fmt.Errorf("upkeep: %w", err)
	}
	return s, s.read(ctx, func(r *kgo.Record) error {
		for _, offset := range marked(r) {
			s.redriven[Position{r.Partition, offset}] = true
		}
		return nil
	})
}

func (s survey) each(ctx context.Context, each func(Letter) error) error {
	return s.read(ctx, func(r *kgo.Record) error {
		if marked(r) != nil {
			return nil
		}
		l := letterOf(r)
		l.Redriven = s.redriven[l.Position]
		return each(l)
	})
}

func (s survey) read(ctx context.Context, each func(*kgo.Record) error) error {
	if err := scan.Read(ctx, s.c.kafka, s.ranges, each); err != nil {
		return fmt.Errorf("upkeep: %w", err)
	}
	return nil
}

// marked are the offsets that a mark lists; nil if the record is a letter.
func marked(r *kgo.Record) (offsets []int64) {
	for _, h := range r.Headers {
		if h.Key != headerMark {
			continue
		}
		offsets = []int64{}
		for part := range strings.SplitSeq(string(h.Value), ",") {
			if n, err := strconv.ParseInt(part, 10, 64); err == nil {
				offsets = append(offsets, n)
			}
		}
	}
	return offsets
}

// mark is the record that marks letters of a partition as redriven.
func mark(topic string, partition int32, offsets []int64) *kgo.Record {
	var list []byte
	for i, offset := range offsets {
		if i > 0 {
			list = append(list, ',')
		}
		list = strconv.AppendInt(list, offset, 10)
	}
	return &kgo.Record{Topic: topic, Partition: partition, Headers: []kgo.RecordHeader{{Key: headerMark, Value: list}}}
}
