package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"time"

	"github.com/tidemill/tidemill/query"
	"github.com/tidemill/tidemill/topology"
)

// Row is one row of a store, as the admin address tells it. Start and End are of windows,
// sessions and versions only.
type Row struct {
	Key       json.RawMessage `json:"key"`
	Value     json.RawMessage `json:"value"`
	Time      time.Time       `json:"time"`
	Start     *time.Time      `json:"start,omitempty"`
	End       *time.Time      `json:"end,omitempty"`
	Partition int32           `json:"partition"`
}

// Rows is what a query of a store found, as the admin address tells it.
type Rows struct {
	Store     string           `json:"store"`
	Rows      []Row            `json:"rows"`
	Truncated bool             `json:"truncated"`
	At        []query.Position `json:"at"`
	// Missing are workers that were not asked, because they advertise no address, or that
	// did not answer.
	Missing []string `json:"missing,omitempty"`
	// Copies are the standbys that some of the rows are from, and how far behind they are.
	Copies []query.Copy `json:"copies,omitempty"`
}

// defaultWait is how long a query waits for a position, and maxWait the longest it may.
const (
	defaultWait = 2 * time.Second
	maxWait     = 30 * time.Second
)

// rows answers a query of a store: from here, or from the worker that has the answer.
func (s *Server) rows(w http.ResponseWriter, r *http.Request) {
	out, err := s.readStore(r)
	if err != nil {
		refuse(w, err)
		return
	}
	answer(w, http.StatusOK, out)
}

func (s *Server) readStore(r *http.Request) (*Rows, error) {
	name := r.PathValue("store")
	store := s.store(name)
	if store == nil {
		return nil, fmt.Errorf("store %q: %w: /api/stores lists them", name, query.ErrNoStore)
	}
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, badRequest{fmt.Errorf("the query cannot be read: %w", err)}
	}
	request, wait, err := requestOf(store, values)
	if err != nil {
		return nil, badRequest{err}
	}
	ctx, cancel := context.WithTimeout(r.Context(), wait)
	defer cancel()
	local := values.Get("scope") == "local"
	if request.Key == nil && request.Partition < 0 && !local && !s.global(name) {
		return s.gather(ctx, store, request, values)
	}
	out, err := s.find(ctx, store, request, values, local)
	return out, timedOut(ctx, err)
}

// rowsOf shows what a query has found.
func rowsOf(store *topology.StorePlan, found query.Answer) (*Rows, error) {
	out := &Rows{Store: store.Name, Rows: []Row{}, Truncated: found.Truncated, At: found.At, Copies: found.Copies}
	for _, row := range found.Rows {
		shown, err := show(store, row)
		if err != nil {
			return nil, err
		}
		out.Rows = append(out.Rows, shown)
	}
	return out, nil
}

// againTick is how long to wait before a worker that did not answer is looked up again.
const againTick = 100 * time.Millisecond

// find has the query answered here or by the worker that has the answer. If that one
// does not answer, the group may not have noticed yet: another will have it, or a standby
// stands in.
func (s *Server) find(ctx context.Context, store *topology.StorePlan, r query.Request, values url.Values, local bool) (*Rows, error) {
	stale := r.Stale && !local
	r.Stale = r.Stale && local
	for {
		out, err := s.owner(ctx, store, r, values, stale, local)
		if stale && replaceable(err) {
			if rows, err := s.standby(ctx, store, r, values); err == nil {
				return rows, nil
			}
		}
		if !errors.Is(err, errNoAnswer) || local {
			return out, err
		}
		again := time.NewTimer(againTick)
		select {
		case <-again.C:
		case <-ctx.Done():
			again.Stop()
			return nil, err
		}
	}
}

// owner has the query answered by the worker that owns the rows, once.
func (s *Server) owner(ctx context.Context, store *topology.StorePlan, r query.Request, values url.Values, stale, local bool) (*Rows, error) {
	ctx, cancel := impatient(ctx, stale)
	defer cancel()
	found, err := s.app.Query(ctx, r)
	if err == nil {
		return rowsOf(store, found)
	}
	var elsewhere *query.ElsewhereError
	if !errors.As(err, &elsewhere) || local || elsewhere.Address == "" || elsewhere.Address == s.address {
		return nil, timedOut(ctx, err)
	}
	return s.pass(ctx, elsewhere.Address, r.Store, fresh(values))
}

// timedOut makes the end of a wait an error that says so.
func timedOut(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, context.Cause(ctx)) {
		return fmt.Errorf("%w: its task is busy", query.ErrBehind)
	}
	return err
}

func (s *Server) store(name string) *topology.StorePlan {
	for _, sub := range s.app.Plan().Subtopologies {
		for _, store := range sub.Stores {
			if store.Name == name && store.Rows() != nil {
				return store
			}
		}
	}
	return nil
}

func (s *Server) global(store string) bool {
	for _, sub := range s.app.Plan().Globals() {
		for _, one := range sub.Stores {
			if one.Name == store {
				return true
			}
		}
	}
	return false
}

// show decodes a row.
func show(store *topology.StorePlan, row query.Row) (out Row, err error) {
	rows := store.Rows()
	if out.Key, err = rows.ShowKey(row.Key); err != nil {
		return out, fmt.Errorf("decode a key of store %q: %w", store.Name, err)
	}
	if out.Value, err = rows.ShowValue(row.Value); err != nil {
		return out, fmt.Errorf("decode a value of store %q: %w", store.Name, err)
	}
	out.Time, out.Partition = time.UnixMilli(row.Timestamp).UTC(), row.Partition
	if store.Kind() != "key-value" {
		out.Start = moment(row.Start)
		if row.End > 0 && row.End < math.MaxInt64 {
			out.End = moment(row.End)
		}
	}
	return out, nil
}

func moment(ms int64) *time.Time {
	t := time.UnixMilli(ms).UTC()
	return &t
}
