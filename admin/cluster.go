package admin

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/tidemill/tidemill/query"
	"github.com/tidemill/tidemill/status"
)

// clusterPatience is how long other workers may take to tell their status.
const clusterPatience = 2 * time.Second

// clusterAnswer is what all workers of the group are doing.
type clusterAnswer struct {
	// Self is the member id of the worker that answers.
	Self    string          `json:"self"`
	Members []status.Member `json:"members"`
	// Workers are the statuses of those that could be asked, this one first.
	Workers     []status.Worker `json:"workers"`
	Missing     []string        `json:"missing,omitempty"`
	Rebalancing bool            `json:"rebalancing"`
}

// cluster asks all workers of the group for their status.
func (s *Server) cluster(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), clusterPatience)
	defer cancel()
	own := s.app.Status()
	out := clusterAnswer{Self: own.MemberID, Members: []status.Member{}, Workers: []status.Worker{own}}
	members, err := s.app.Members(ctx)
	if out.Rebalancing = errors.Is(err, query.ErrRebalancing); err != nil {
		out.Missing = append(out.Missing, err.Error())
	}
	var mu sync.Mutex
	var asked sync.WaitGroup
	for _, m := range members {
		out.Members = append(out.Members, m)
		if m.Self || m.Address == s.address {
			continue
		}
		if m.Address == "" {
			out.Missing = append(out.Missing, m.ID+" advertises no admin address")
			continue
		}
		asked.Go(func() {
			var one status.Worker
			err := s.fetch(ctx, url.URL{Host: m.Address, Path: "/api/status"}, &one)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				out.Missing = append(out.Missing, err.Error())
				return
			}
			out.Workers = append(out.Workers, one)
		})
	}
	asked.Wait()
	answer(w, http.StatusOK, out)
}
