package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"time"
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

// gather adds the rows of all other workers.
func (s *Server) gather(ctx context.Context, store string, values url.Values, out *Rows, limit int) {
	members, err := s.app.Members(ctx)
	if err != nil {
		out.Missing = append(out.Missing, err.Error())
		return
	}
	for _, m := range members {
		if m.Self || m.Address == s.address || len(m.Tasks) == 0 {
			continue
		}
		if len(out.Rows) >= limit {
			out.Truncated = true
			return
		}
		if m.Address == "" {
			out.Missing = append(out.Missing, m.ID+" advertises no admin address")
			continue
		}
		more, err := s.pass(ctx, m.Address, store, values)
		if err != nil {
			out.Missing = append(out.Missing, err.Error())
			continue
		}
		out.Truncated = out.Truncated || more.Truncated || len(out.Rows)+len(more.Rows) > limit
		out.Rows = append(out.Rows, more.Rows[:min(len(more.Rows), limit-len(out.Rows))]...)
		out.At = append(out.At, more.At...)
	}
}
