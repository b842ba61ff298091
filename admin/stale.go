package admin

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/tidemill/tidemill/query"
	"github.com/tidemill/tidemill/status"
	"github.com/tidemill/tidemill/topology"
)

// impatient leaves half of the time to standbys, if they may answer.
func impatient(ctx context.Context, stale bool) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !stale || !ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, time.Until(deadline)/2)
}

// replaceable says whether a standby may answer after an error of the owner.
func replaceable(err error) bool {
	var elsewhere *query.ElsewhereError
	return passes(err) || errors.As(err, &elsewhere)
}

// standby has a query for one partition answered from a standby: this worker's own, or one
// of another's.
func (s *Server) standby(ctx context.Context, store *topology.StorePlan, r query.Request, values url.Values) (*Rows, error) {
	r.Stale = true
	found, err := s.app.Query(ctx, r)
	if err == nil {
		return rowsOf(store, found)
	}
	var elsewhere *query.ElsewhereError
	if !errors.As(err, &elsewhere) {
		return nil, err
	}
	values = maps.Clone(values)
	values.Set("stale", "1")
	for _, address := range elsewhere.Standbys {
		var rows *Rows
		if rows, err = s.pass(ctx, address, r.Store, values); err == nil {
			return rows, nil
		}
	}
	return nil, err
}

// standIn adds rows of the tasks of a worker that does not answer, from standbys of them.
func (s *Server) standIn(ctx context.Context, q *gathering, of status.Member) error {
	for _, name := range of.Tasks {
		partition, ok := partitionOf(name, q.subtopology)
		if !ok {
			continue
		}
		r, values := q.request, maps.Clone(q.values)
		r.Partition = partition
		values.Set("partition", strconv.Itoa(int(partition)))
		rows, err := s.standby(ctx, q.store, r, values)
		if err != nil {
			return fmt.Errorf("no standby of task %s answers: %w", name, err)
		}
		q.add(rows)
	}
	return nil
}

// partitionOf is that of a task, if it is one of the subtopology.
func partitionOf(task string, subtopology int) (int32, bool) {
	sub, partition, _ := strings.Cut(task, "_")
	n, err := strconv.ParseInt(partition, 10, 32)
	return int32(n), err == nil && sub == strconv.Itoa(subtopology)
}
