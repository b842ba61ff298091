package runtime

import (
	"context"
	"slices"
	"time"

	"github.com/tidemill/tidemill/query"
	"github.com/tidemill/tidemill/state"
	"github.com/tidemill/tidemill/topology"
)

// copiesFor are the worker's copies of a store that can answer where its own tasks
// cannot; failed is why those do not answer, and is returned if no copy helps.
func (w *Worker) copiesFor(sub *topology.Subtopology, number int, r query.Request, tasks []*hosted, failed error) ([]*storeCopy, error) {
	partition, err := w.partitionOf(sub, r)
	if err != nil || partition >= 0 && failed == nil {
		return nil, failed
	}
	var copies []*storeCopy
	for _, s := range w.standbys.list() {
		if s.id.Subtopology != sub.ID || partition >= 0 && s.id.Partition != partition {
			continue
		}
		if slices.ContainsFunc(tasks, func(h *hosted) bool { return h.id == s.id }) {
			continue // it was a standby a moment ago
		}
		for _, c := range s.copies {
			if _, _, complete := c.lag(); complete && c.number == number {
				copies = append(copies, c)
			}
		}
	}
	if len(copies) > 0 && partition >= 0 {
		return copies, nil
	}
	return copies, failed
}

// readCopy adds the rows of a copy to an answer, while nothing is applied to it.
func (w *Worker) readCopy(ctx context.Context, c *storeCopy, r query.Request, out *query.Answer) error {
	return guarded(func() error {
		c.reading.RLock()
		defer c.reading.RUnlock()
		id := c.of.id
		fresh, err := w.copyOf(id) // one that has read remembers what it has read
		if err != nil {
			return err
		}
		store, ok := fresh.Stores()[c.number].(state.RowReader)
		if !ok {
			return query.ErrNoStore
		}
		lag, seen, _ := c.lag()
		out.Copies = append(out.Copies, query.Copy{Partition: id.Partition, Lag: lag, Seen: seen.Round(time.Millisecond)})
		return collect(ctx, store, r, id.Partition, out)
	})
}
