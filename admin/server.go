package admin

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/tidemill/tidemill/health"
	"github.com/tidemill/tidemill/query"
	"github.com/tidemill/tidemill/status"
	"github.com/tidemill/tidemill/topology"
)

// App is what is served.
type App interface {
	Status() status.Worker
	Health() health.Report
	Plan() *topology.Plan
	Query(ctx context.Context, r query.Request) (query.Answer, error)
	Members(ctx context.Context) ([]status.Member, error)
	Letters(ctx context.Context, topic string, limit int) ([]status.Letter, error)
	Redrive(ctx context.Context, topic string, ids []status.LetterID) error
	Discard(ctx context.Context, topic string, ids []status.LetterID) error
	// Values are those that a topic holds of a key, the newest of them, oldest first, and
	// Send writes one.
	Values(ctx context.Context, topic string, key []byte, since time.Time, limit int) ([][]byte, error)
	Send(ctx context.Context, topic string, key, value []byte) error
}

// Server is an admin address that listens. A nil Server is one that is turned off.
type Server struct {
	config  *Config
	app     App
	address string
	http    *http.Server
	done    chan error
	client  *http.Client
}

// Bounds of a request.
const (
	maxHeader   = 16 << 10
	maxBody     = 64 << 10
	readTimeout = 10 * time.Second
	// writeTimeout leaves time for a profile.
	writeTimeout = 2 * time.Minute
	idleTimeout  = time.Minute
	closePatient = 2 * time.Second
)

// Open begins to serve. It returns nil if c is nil.
func Open(c *Config, app App) (*Server, error) {
	if c == nil {
		return nil, nil
	}
	listener, err := net.Listen("tcp", c.addr)
	if err != nil {
		return nil, fmt.Errorf("admin address: %w: choose another one", err)
	}
	s := &Server{config: c, app: app, address: c.advertised(listener.Addr()), done: make(chan error, 1), client: newClient()}
	s.http = &http.Server{
		Handler: s.handler(), MaxHeaderBytes: maxHeader,
		ReadTimeout: readTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout,
	}
	go func() { s.done <- s.http.Serve(listener) }()
	return s, nil
}

// Advertised is where other workers reach the server.
func (s *Server) Advertised() string {
	if s == nil {
		return ""
	}
	return s.address
}

// Close ends the serving; requests under way have a moment to end.
func (s *Server) Close() error {
	if s == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), closePatient)
	defer cancel()
	if s.http.Shutdown(ctx) != nil {
		_ = s.http.Close()
	}
	s.client.CloseIdleConnections()
	if err := <-s.done; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("admin address: %w", err)
	}
	return nil
}

// handler is everything that is served.
func (s *Server) handler() http.Handler {
	open := http.NewServeMux()
	open.HandleFunc("GET /healthz", s.alive)
	open.HandleFunc("GET /readyz", s.ready)
	open.HandleFunc("GET /health", s.health)
	inner := http.NewServeMux()
	s.api(inner)
	profiles(inner)
	guarded := s.authorized(inner)
	open.Handle("/api/", guarded)
	open.Handle("/debug/", guarded)
	open.Handle("POST /login", http.HandlerFunc(s.login))
	open.HandleFunc("/", s.page)
	return s.guard(open)
}
