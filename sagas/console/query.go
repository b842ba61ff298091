package console

import (
	"cmp"
	"context"
	"encoding/json/v2"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tidemill/tidemill/internal/scan"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/sagas"
)

// Get returns a saga as it was last published.
func (c *Console) Get(ctx context.Context, saga string) (i sagas.Instance, err error) {
	var data []byte
	err = c.read(ctx, c.topics.Statuses, "Statuses", saga, func(r *kgo.Record) error {
		data = r.Value
		return nil
	})
	if err != nil {
		return i, err
	}
	if data == nil {
		return i, fmt.Errorf("console: saga %q: %w", saga, ErrUnknown)
	}
	return decode(saga, data)
}

// List returns the sagas that a filter chooses, as they were last published, the oldest
// first. It keeps in memory what it returns, and reads the whole topic.
func (c *Console) List(ctx context.Context, chosen sagas.Filter) ([]sagas.Instance, error) {
	list, err := newest(ctx, c, c.topics.Statuses, "Statuses", decode, chosen.Matches)
	slices.SortFunc(list, func(a, b sagas.Instance) int { return cmp.Or(cmp.Compare(a.Began, b.Began), cmp.Compare(a.ID, b.ID)) })
	return list, err
}

// Flows returns where the flows of a choreography are, as its monitor has last told: all
// of them, or those with one of some statuses. Those that have been longest in the same
// place come first.
func (c *Console) Flows(ctx context.Context, statuses ...sagas.FlowStatus) ([]sagas.Position, error) {
	matches := func(p sagas.Position) bool { return len(statuses) == 0 || slices.Contains(statuses, p.Status) }
	list, err := newest(ctx, c, c.topics.Positions, "Positions", position, matches)
	slices.SortFunc(list, func(a, b sagas.Position) int {
		return cmp.Or(cmp.Compare(last(a), last(b)), cmp.Compare(a.Flow, b.Flow))
	})
	return list, err
}

// last is when the last event of a flow was seen.
func last(p sagas.Position) int64 {
	if len(p.Seen) == 0 {
		return 0
	}
	return p.Seen[len(p.Seen)-1].At
}

func position(flow string, data []byte) (p sagas.Position, err error) {
	if err = json.Unmarshal(data, &p); err == nil && p.Flow != flow {
		err = errors.New("another flow is written under its id: is this the topic of positions?")
	}
	if err != nil {
		err = fmt.Errorf("console: flow %q: %w", flow, err)
	}
	return p, err
}

// newest returns the newest values of a topic's keys that are chosen.
func newest[T any](ctx context.Context, c *Console, topic, what string, decode func(key string, data []byte) (T, error), chosen func(T) bool) ([]T, error) {
	found := map[string]T{}
	err := c.read(ctx, topic, what, "", func(r *kgo.Record) error {
		delete(found, string(r.Key))
		if r.Value == nil {
			return nil
		}
		v, err := decode(string(r.Key), r.Value)
		if err == nil && chosen(v) {
			found[string(r.Key)] = v
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return slices.Collect(maps.Values(found)), nil
}

// History returns what the audit knows of a saga, the oldest first.
func (c *Console) History(ctx context.Context, saga string) (all []sagas.Transition, err error) {
	err = c.read(ctx, c.topics.Audit, "Audit", saga, func(r *kgo.Record) error {
		var t sagas.Transition
		if err := json.Unmarshal(r.Value, &t); err != nil {
			return fmt.Errorf("console: %s/%d at %d is no transition: %w", r.Topic, r.Partition, r.Offset, err)
		}
		all = append(all, t)
		return nil
	})
	if err == nil && len(all) == 0 {
		err = fmt.Errorf("console: saga %q: %w in the audit", saga, ErrUnknown)
	}
	return all, err
}

func decode(saga string, data []byte) (sagas.Instance, error) {
	i, err := sagas.DecodeInstance(data)
	if err == nil && i.ID != saga {
		err = errors.New("another saga is written under its id: is this the topic of statuses?")
	}
	if err != nil {
		return i, fmt.Errorf("console: saga %q: %w", saga, err)
	}
	return i, nil
}

// read hands over what a topic holds of a saga, or of all if none is named. Those of
// one saga are in one partition.
func (c *Console) read(ctx context.Context, topic, what, saga string, each func(*kgo.Record) error) error {
	if topic == "" {
		return fmt.Errorf("console: this needs the orchestrator's topic of %s: give it one, and name it", what)
	}
	ranges, err := scan.Topic(ctx, c.client, topic)
	if err != nil {
		return fmt.Errorf("console: %w", err)
	}
	if saga != "" {
		p := record.PartitionOf([]byte(saga), int32(len(ranges)))
		ranges = slices.DeleteFunc(ranges, func(r scan.Range) bool { return r.Partition != p })
	}
	err = scan.Read(ctx, c.client, ranges, func(r *kgo.Record) error {
		if saga != "" && string(r.Key) != saga {
			return nil
		}
		return each(r)
	})
	if err != nil {
		return fmt.Errorf("console: %w", err)
	}
	return nil
}
