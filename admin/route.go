package admin

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/tidemill/tidemill/query"
	"github.com/tidemill/tidemill/status"
	"github.com/tidemill/tidemill/topology"
)

// errNoAnswer says that another worker did not answer.
var errNoAnswer = errors.New("the worker that has the answer does not answer: ask again when the group has given its tasks to another")

// maxPassed bounds the answer of another worker.
const maxPassed = 32 << 20

// newClient asks other workers. It follows no redirect, since the token goes along.
func newClient() *http.Client {
	return &http.Client{
		Transport:     &http.Transport{MaxIdleConnsPerHost: 4, IdleConnTimeout: 30 * time.Second, ResponseHeaderTimeout: maxWait + 5*time.Second},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// pass asks another worker, which answers for its own tasks only.
func (s *Server) pass(ctx context.Context, address, store string, values url.Values) (*Rows, error) {
	values = maps.Clone(values)
	values.Set("scope", "local")
	out := &Rows{}
	if err := s.fetch(ctx, url.URL{Host: address, Path: "/api/stores/" + store, RawQuery: values.Encode()}, out); err != nil {
		return nil, err
	}
	return out, nil
}

// fetch gets JSON from another worker.
func (s *Server) fetch(ctx context.Context, u url.URL, into any) error {
	u.Scheme = "http"
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return fmt.Errorf("ask the worker at %q: %w", u.Host, err)
	}
	if s.config.token != "" {
		request.Header.Set("Authorization", "Bearer "+s.config.token)
	}
	response, err := s.client.Do(request)
	if err != nil {
		return fmt.Errorf("%w: %w", errNoAnswer, err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(io.LimitReader(response.Body, maxPassed))
	if err != nil {
		return fmt.Errorf("%w: %w", errNoAnswer, err)
	}
	if response.StatusCode != http.StatusOK {
		return failed(u.Host, response.StatusCode, data)
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("the worker at %s answers with something else: %w", u.Host, err)
	}
	return nil
}

// failed is the error that another worker answered with.
func failed(address string, code int, data []byte) error {
	var f failure
	_ = json.Unmarshal(data, &f)
	err := fmt.Errorf("the worker at %s answers: %s (%d)", address, f.Error, code)
	switch code {
	case http.StatusServiceUnavailable, http.StatusMisdirectedRequest:
		return fmt.Errorf("%w: %w", errNoAnswer, err)
	case http.StatusBadRequest:
		return badRequest{err}
	}
	return err
}

// fresh are the parameters of a query that only the owner is to answer. Workers of earlier
// versions know no standbys.
func fresh(values url.Values) url.Values {
	values = maps.Clone(values)
	values.Del("stale")
	return values
}

// gathering is a query of all workers.
type gathering struct {
	store       *topology.StorePlan
	subtopology int
	request     query.Request
	values      url.Values
	limit       int
	out         *Rows
}

// add adds rows up to the limit.
func (q *gathering) add(more *Rows) {
	q.out.Truncated = q.out.Truncated || more.Truncated || len(q.out.Rows)+len(more.Rows) > q.limit
	q.out.Rows = append(q.out.Rows, more.Rows[:min(len(more.Rows), q.limit-len(q.out.Rows))]...)
	q.out.At = append(q.out.At, more.At...)
	q.out.Copies = append(q.out.Copies, more.Copies...)
}

// gather has the query answered by all workers, this one first.
func (s *Server) gather(ctx context.Context, store *topology.StorePlan, r query.Request, values url.Values) (*Rows, error) {
	q := &gathering{
		store: store, subtopology: s.subtopology(store), request: r, values: values, limit: cmp.Or(r.Limit, query.DefaultLimit),
		out: &Rows{Store: store.Name, Rows: []Row{}},
	}
	stale := r.Stale
	r.Stale = false
	own, err := s.own(ctx, store, r, stale)
	if err != nil && !(stale && replaceable(err)) {
		return nil, timedOut(ctx, err)
	}
	if err == nil {
		q.add(own)
	}
	members, unknown := s.app.Members(ctx)
	if unknown != nil {
		if err != nil {
			return nil, timedOut(ctx, err)
		}
		q.out.Missing = append(q.out.Missing, unknown.Error())
	}
	for _, m := range members {
		self := m.Self || m.Address == s.address
		if self && err == nil || len(m.Tasks) == 0 {
			continue
		}
		if len(q.out.Rows) >= q.limit {
			q.out.Truncated = true
			break
		}
		if fault := s.gatherFrom(ctx, q, m, self, stale); fault != nil {
			q.out.Missing = append(q.out.Missing, fault.Error())
		}
	}
	return q.out, nil
}

// own is what this worker itself has.
func (s *Server) own(ctx context.Context, store *topology.StorePlan, r query.Request, stale bool) (*Rows, error) {
	ctx, cancel := impatient(ctx, stale)
	defer cancel()
	found, err := s.app.Query(ctx, r)
	if err != nil {
		return nil, timedOut(ctx, err)
	}
	return rowsOf(store, found)
}

// gatherFrom adds the rows of one worker, or of standbys of its tasks.
func (s *Server) gatherFrom(ctx context.Context, q *gathering, m status.Member, self, stale bool) error {
	err := errors.New(m.ID + " advertises no admin address")
	if m.Address != "" && !self {
		var more *Rows
		soon, cancel := impatient(ctx, stale)
		defer cancel()
		if more, err = s.pass(soon, m.Address, q.store.Name, fresh(q.values)); err == nil {
			q.add(more)
			return nil
		}
	}
	if stale {
		return s.standIn(ctx, q, m)
	}
	return err
}

// subtopology is the one that a store belongs to.
func (s *Server) subtopology(store *topology.StorePlan) int {
	for _, sub := range s.app.Plan().Subtopologies {
		if slices.Contains(sub.Stores, store) {
			return sub.ID
		}
	}
	return -1
}
