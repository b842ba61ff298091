package admin

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tidemill/tidemill/query"
	"github.com/tidemill/tidemill/status"
)

// Sagas is a list of sagas, as the admin address tells it, those that changed last first.
type Sagas struct {
	Sagas []status.Saga `json:"sagas"`
	// More says that there are more than the limit, or that not all were looked at.
	More bool `json:"more"`
	// Counts are how many sagas there are by status, whichever statuses are asked for.
	Counts        map[string]int        `json:"counts"`
	Orchestrators []status.Orchestrator `json:"orchestrators"`
	// Missing are workers and tasks that did not answer.
	Missing []string `json:"missing,omitempty"`
}

// The bounds of a list of sagas: how many rows of a store a worker looks at, how many at
// a time, and how long all that may take.
const (
	defaultSagas = 100
	maxSagas     = 1000
	mostRows     = 100_000
	rowsAtOnce   = 500
	listPatience = 5 * time.Second
)

// sagaStatuses are those that a list can be filtered by.
func sagaStatuses() []string {
	return []string{"running", "compensating", "parked", "completed", "compensated"}
}

// sagaQuery is what a list of sagas asks for.
type sagaQuery struct {
	filter       status.SagaFilter
	orchestrator string
	from, to     []byte
	limit        int
	local        bool
}

func sagaQueryOf(values url.Values, now time.Time) (q sagaQuery, err error) {
	p := parameters{values: values}
	p.only([]string{"orchestrator", "status", "definition", "prefix", "older", "idle", "limit", "scope"})
	for _, list := range values["status"] {
		for name := range strings.SplitSeq(list, ",") {
			if !slices.Contains(sagaStatuses(), name) {
				p.fault("status is %q: give %s", name, strings.Join(sagaStatuses(), ", "))
			}
			q.filter.Statuses = append(q.filter.Statuses, name)
		}
	}
	q.filter.Definition, q.orchestrator = values.Get("definition"), values.Get("orchestrator")
	q.filter.BegunBefore, q.filter.ChangedBefore = p.ago("older", now), p.ago("idle", now)
	if prefix := values.Get("prefix"); prefix != "" {
		q.from, q.to = []byte(prefix), query.PrefixEnd([]byte(prefix))
	}
	q.limit = int(p.number("limit", 1, maxSagas, defaultSagas))
	scope := values.Get("scope")
	if q.local = scope == "local"; !q.local && scope != "" && scope != "all" {
		p.fault("scope is %q: give local or all", scope)
	}
	return q, errors.Join(p.faults...)
}

// ago reads how long ago something was, as a time; zero if it is not given.
func (p *parameters) ago(name string, now time.Time) (t time.Time) {
	text := p.values.Get(name)
	if text == "" {
		return t
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		p.fault("%s is %q: give how long ago, such as 30m or 24h", name, text)
	}
	return now.Add(-d)
}

func (s *Server) sagas(w http.ResponseWriter, r *http.Request) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	var q sagaQuery
	if err == nil {
		q, err = sagaQueryOf(values, time.Now())
	}
	if err != nil {
		refuse(w, badRequest{err})
		return
	}
	boards := s.boards()
	if q.orchestrator != "" {
		b, err := s.board(q.orchestrator)
		if err != nil {
			refuse(w, err)
			return
		}
		boards = []Board{b}
	}
	answer(w, http.StatusOK, s.listSagas(r.Context(), boards, q, values))
}

func (s *Server) listSagas(ctx context.Context, boards []Board, q sagaQuery, values url.Values) Sagas {
	ctx, cancel := context.WithTimeout(ctx, listPatience)
	defer cancel()
	l := newSagaList(q.limit)
	if len(boards) > 0 {
		own := s.app.Status()
		for _, b := range boards {
			s.scanSagas(ctx, b, own.Tasks, q, l)
		}
		if !q.local {
			s.gatherSagas(ctx, values, l)
		}
	}
	for _, b := range s.boards() {
		l.out.Orchestrators = append(l.out.Orchestrators, b.Board())
	}
	return l.done()
}

// scanSagas adds the sagas of the worker's own tasks.
func (s *Server) scanSagas(ctx context.Context, b Board, tasks []status.Task, q sagaQuery, l *sagaList) {
	store := b.Board().Store
	sub := s.subtopology(s.store(store))
	rows := 0
	for _, t := range tasks {
		if t.Subtopology != sub {
			continue
		}
		r := query.Request{Store: store, From: q.from, To: q.to, Until: math.MaxInt64, Partition: t.Partition, Limit: rowsAtOnce}
		if err := s.scanTask(ctx, b, r, q.filter, &rows, l); err != nil {
			l.lacks("task " + t.ID + ": " + timedOut(ctx, err).Error())
		}
	}
}

// scanTask adds the sagas of one task, some rows at a time so that it is not held up.
func (s *Server) scanTask(ctx context.Context, b Board, r query.Request, f status.SagaFilter, rows *int, l *sagaList) error {
	for {
		found, err := s.app.Query(ctx, r)
		if err != nil {
			return err
		}
		for _, row := range found.Rows {
			if *rows++; *rows > mostRows {
				l.out.More = true
				return nil
			}
			if err := l.look(b, row.Value, f); err != nil {
				return err
			}
		}
		if !found.Truncated || len(found.Rows) == 0 {
			return nil
		}
		r.From = append(slices.Clone(found.Rows[len(found.Rows)-1].Key), 0)
	}
}

// gatherSagas adds the sagas of all other workers.
func (s *Server) gatherSagas(ctx context.Context, values url.Values, l *sagaList) {
	members, err := s.app.Members(ctx)
	if err != nil {
		l.lacks(err.Error())
		return
	}
	values = maps.Clone(values)
	values.Set("scope", "local")
	var mu sync.Mutex
	var asked sync.WaitGroup
	var silent []string
	for _, m := range members {
		if m.Self || m.Address == s.address || len(m.Tasks) == 0 {
			continue
		}
		if m.Address == "" {
			silent = append(silent, m.ID+" advertises no admin address")
			continue
		}
		asked.Go(func() {
			var theirs Sagas
			err := s.fetch(ctx, url.URL{Host: m.Address, Path: "/api/sagas", RawQuery: values.Encode()}, &theirs)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				l.lacks(err.Error())
				return
			}
			l.add(theirs)
		})
	}
	asked.Wait()
	l.lacks(silent...)
}

// sagaList is a list that is being made. Only the sagas that changed last are kept.
type sagaList struct {
	limit int
	out   Sagas
}

func newSagaList(limit int) *sagaList {
	return &sagaList{limit: limit, out: Sagas{Sagas: []status.Saga{}, Counts: map[string]int{}, Orchestrators: []status.Orchestrator{}}}
}

func (l *sagaList) lacks(what ...string) { l.out.Missing = append(l.out.Missing, what...) }

// look counts a saga, and keeps it if its status is asked for.
func (l *sagaList) look(b Board, row []byte, f status.SagaFilter) error {
	statuses := f.Statuses
	f.Statuses = nil
	saga, chosen, err := b.List(row, f)
	if err != nil || !chosen {
		return err
	}
	l.out.Counts[saga.Status]++
	if len(statuses) == 0 || slices.Contains(statuses, saga.Status) {
		l.keep(saga)
	}
	return nil
}

func (l *sagaList) keep(sagas ...status.Saga) {
	if l.out.Sagas = append(l.out.Sagas, sagas...); len(l.out.Sagas) > 2*l.limit {
		l.cut()
	}
}

// add adds the list of another worker.
func (l *sagaList) add(theirs Sagas) {
	for status, n := range theirs.Counts {
		l.out.Counts[status] += n
	}
	l.out.More = l.out.More || theirs.More
	l.out.Missing = append(l.out.Missing, theirs.Missing...)
	l.keep(theirs.Sagas...)
}

func (l *sagaList) cut() {
	slices.SortFunc(l.out.Sagas, func(a, b status.Saga) int {
		return cmp.Or(b.Changed.Compare(a.Changed), cmp.Compare(a.ID, b.ID), cmp.Compare(a.Orchestrator, b.Orchestrator))
	})
	if len(l.out.Sagas) > l.limit {
		l.out.Sagas, l.out.More = l.out.Sagas[:l.limit:l.limit], true
	}
}

func (l *sagaList) done() Sagas {
	l.cut()
	return l.out
}
