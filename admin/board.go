package admin

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"time"

	"github.com/tidemill/tidemill/query"
	"github.com/tidemill/tidemill/status"
)

// Board shows the sagas of an orchestrator, and checks what is asked of them. It works
// on rows of the orchestrator's store and records of its audit, which it is given. The
// plan has one attached for each orchestrator. It is safe for concurrent use.
type Board interface {
	// Board tells where the sagas are.
	Board() status.Orchestrator
	// List makes a line of a list of a row, if the filter chooses it.
	List(row []byte, f status.SagaFilter) (s status.Saga, chosen bool, err error)
	// Show is a saga as a whole.
	Show(row []byte, audit [][]byte) (status.Saga, error)
	// Ask makes an event for the inbox of what is asked. An error that is no
	// query.ErrRefused is a mistake of whoever asks.
	Ask(row []byte, a status.SagaAsk) (event []byte, err error)
}

// boards are the orchestrators of the application.
func (s *Server) boards() (all []Board) {
	for _, one := range s.app.Plan().Attached() {
		if b, ok := one.(Board); ok {
			all = append(all, b)
		}
	}
	return all
}

func (s *Server) board(name string) (Board, error) {
	names := []string{}
	for _, b := range s.boards() {
		if b.Board().Name == name {
			return b, nil
		}
		names = append(names, b.Board().Name)
	}
	return nil, fmt.Errorf("%w: no orchestrator is called %q, there are %q", query.ErrNoSaga, name, names)
}

// The bounds of one saga's page.
const (
	sagaPatience = 10 * time.Second
	mostHistory  = 1000
)

// sagaAnswer is one saga.
type sagaAnswer struct {
	Saga status.Saga `json:"saga"`
	// NoHistory says why there is no history.
	NoHistory string `json:"noHistory,omitempty"`
}

func (s *Server) saga(w http.ResponseWriter, r *http.Request) {
	out, err := s.showSaga(r)
	if err != nil {
		refuse(w, err)
		return
	}
	answer(w, http.StatusOK, out)
}

func (s *Server) showSaga(r *http.Request) (out sagaAnswer, err error) {
	p := parameters{values: r.URL.Query()}
	p.only([]string{"history"})
	wanted := p.yes("history", true)
	if len(p.faults) > 0 {
		return out, badRequest{errors.Join(p.faults...)}
	}
	ctx, cancel := context.WithTimeout(r.Context(), sagaPatience)
	defer cancel()
	b, row, err := s.sagaRow(ctx, r)
	if err != nil {
		return out, err
	}
	if out.Saga, err = b.Show(row, nil); err != nil {
		return out, err
	}
	if wanted {
		out.NoHistory = s.addHistory(ctx, b, row, &out.Saga)
	}
	return out, nil
}

// addHistory shows a saga with its history, or says why there is none.
func (s *Server) addHistory(ctx context.Context, b Board, row []byte, saga *status.Saga) (why string) {
	topic := b.Board().Audit
	if topic == "" {
		return "the orchestrator has no topic for its audit: give it one with Orchestrator.Audit"
	}
	audit, err := s.app.Values(ctx, topic, []byte(saga.ID), saga.Began, mostHistory)
	var whole status.Saga
	if err == nil {
		whole, err = b.Show(row, audit)
	}
	if err != nil {
		return err.Error()
	}
	*saga = whole
	return ""
}

// sagaRow reads the row of a saga, from the worker that has it.
func (s *Server) sagaRow(ctx context.Context, r *http.Request) (Board, []byte, error) {
	b, err := s.board(r.PathValue("orchestrator"))
	if err != nil {
		return nil, nil, err
	}
	id, store := r.PathValue("id"), b.Board().Store
	values := url.Values{"key": {"base64:" + base64.StdEncoding.EncodeToString([]byte(id))}}
	q := query.Request{Store: store, Key: []byte(id), Until: math.MaxInt64, Partition: -1, Limit: 1}
	found, err := s.find(ctx, s.store(store), q, values, false)
	if err != nil {
		return nil, nil, timedOut(ctx, err)
	}
	if len(found.Rows) == 0 {
		return nil, nil, fmt.Errorf("orchestrator %q: saga %q: %w, or it has been forgotten: /api/sagas lists them", b.Board().Name, id, query.ErrNoSaga)
	}
	var row string
	err = json.Unmarshal(found.Rows[0].Value, &row)
	return b, []byte(row), err
}

// askSaga has something done to a saga.
func (s *Server) askSaga(w http.ResponseWriter, r *http.Request) {
	if err := s.sendAsked(r); err != nil {
		refuse(w, err)
		return
	}
	answer(w, http.StatusAccepted, map[string]any{"asked": r.PathValue("action")})
}

func (s *Server) sendAsked(r *http.Request) error {
	a := status.SagaAsk{Action: r.PathValue("action")}
	if err := readBody(r, &a); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), sagaPatience)
	defer cancel()
	b, row, err := s.sagaRow(ctx, r)
	if err != nil {
		return err
	}
	event, err := b.Ask(row, a)
	if errors.Is(err, query.ErrRefused) {
		return err
	}
	if err != nil {
		return badRequest{err}
	}
	return s.app.Send(ctx, b.Board().Inbox, []byte(r.PathValue("id")), event)
}
