package registrytest

import (
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/sr"
	"github.com/twmb/franz-go/pkg/sr/srfake"
)

// Registry is a schema registry on a port of this machine. It is safe for concurrent
// use.
type Registry struct {
	fake     *srfake.Registry
	server   *http.Server
	served   chan error
	url      string
	auth     string
	down     atomic.Bool
	requests atomic.Int64

	mu     sync.Mutex // one registration at a time
	within *sr.Client // past the authentication
}

// Option changes a registry.
type Option func(*settings)

type settings struct {
	auth  string
	level sr.CompatibilityLevel
}

// Authorization makes the registry refuse requests whose header of that name is not
// this, such as "Bearer token".
func Authorization(value string) Option { return func(s *settings) { s.auth = value } }

// Compatibility is the mode of subjects that have none of their own, BACKWARD by
// default as in Confluent's registry.
func Compatibility(level sr.CompatibilityLevel) Option {
	return func(s *settings) { s.level = level }
}

// Start starts a registry without schemas. The caller closes it.
func Start(options ...Option) (*Registry, error) {
	set := settings{level: sr.CompatBackward}
	for _, o := range options {
		o(&set)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &Registry{
		fake: srfake.NewRegistry(srfake.WithGlobalCompat(set.level)),
		auth: set.auth, served: make(chan error, 1), url: "http://" + listener.Addr().String(),
	}
	if r.within, err = r.Client(sr.PreReq(r.authorize)); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	r.server = &http.Server{Handler: http.HandlerFunc(r.serve), ReadHeaderTimeout: time.Minute}
	go func() { r.served <- r.server.Serve(listener) }()
	return r, nil
}

// URL is where the registry is.
func (r *Registry) URL() string { return r.url }

// Client returns a client of this registry.
func (r *Registry) Client(options ...sr.ClientOpt) (*sr.Client, error) {
	return sr.NewClient(append([]sr.ClientOpt{sr.URLs(r.url)}, options...)...)
}

// SetDown makes the registry answer every request with 503, or work again.
func (r *Registry) SetDown(down bool) { r.down.Store(down) }

// Requests is how many requests there were so far.
func (r *Registry) Requests() int64 { return r.requests.Load() }

// SetCompatibility sets the mode of a subject that exists.
func (r *Registry) SetCompatibility(subject string, level sr.CompatibilityLevel) error {
	return r.fake.SetCompat(subject, level)
}

// Close stops the registry, and returns when it has ended.
func (r *Registry) Close() error {
	err := r.server.Close()
	if served := <-r.served; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

// inner marks the registry's own requests, which are not counted.
const inner = "Tidemill-Inner"

func (r *Registry) authorize(request *http.Request) error {
	request.Header.Set("Authorization", r.auth)
	request.Header.Set(inner, "true")
	return nil
}

func (r *Registry) serve(w http.ResponseWriter, request *http.Request) {
	if request.Header.Get(inner) == "" {
		r.requests.Add(1)
		if r.down.Load() {
			answer(w, http.StatusServiceUnavailable, fault{sr.ErrStoreError.Code, "the registry is down"})
			return
		}
	}
	if r.auth != "" && request.Header.Get("Authorization") != r.auth {
		answer(w, http.StatusUnauthorized, fault{http.StatusUnauthorized, "wrong credentials"})
		return
	}
	if request.Method == http.MethodPost {
		r.post(w, request)
		return
	}
	r.fake.Handler().ServeHTTP(w, request)
}

// fault is how a registry reports errors.
type fault struct {
	Code    int    `json:"error_code"`
	Message string `json:"message"`
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/vnd.schemaregistry.v1+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client has gone away
}
