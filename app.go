package tidemill

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/tidemill/tidemill/admin"
	"github.com/tidemill/tidemill/health"
	"github.com/tidemill/tidemill/internal/runtime"
	"github.com/tidemill/tidemill/query"
	"github.com/tidemill/tidemill/status"
	"github.com/tidemill/tidemill/topology"
)

// App is an application that can be looked into while it runs. Its methods are safe for
// concurrent use, before, during and after Run.
type App struct {
	plan     *topology.Plan
	settings settings
	worker   *runtime.Worker
	ran      atomic.Bool
}

// New builds the topology and checks the options. It starts nothing.
func New(b *topology.Builder, options ...Option) (*App, error) {
	s := settings{config: runtime.Default(), checks: health.Defaults()}
	for _, o := range options {
		o.apply(&s)
	}
	plan, err := b.Build()
	if err != nil {
		return nil, err
	}
	if err := errors.Join(runtime.Validate(s.config), s.admin.Validate()); err != nil {
		return nil, fmt.Errorf("tidemill: %w", err)
	}
	return &App{plan: plan, settings: s, worker: runtime.New(plan, s.config)}, nil
}

// Run runs the topology as one worker of the application's consumer group. It blocks
// until ctx ends, and then finishes what it has begun, commits, leaves the group and
// returns nil; or until something fails for good. All that it started has ended when it
// returns. An App runs once.
func (a *App) Run(ctx context.Context) error {
	if a.ran.Swap(true) {
		return errors.New("tidemill: the App has been run already: make another one with New")
	}
	server, err := admin.Open(a.settings.admin, served{a.worker, a})
	if err == nil {
		a.worker.Advertise(server.Advertised())
		err = errors.Join(a.worker.Run(ctx), server.Close())
	}
	if err != nil {
		return fmt.Errorf("tidemill: %s: %w", a.plan.Application, err)
	}
	return nil
}

// served is the App as its admin address serves it.
type served struct {
	*runtime.Worker
	app *App
}

func (s served) Plan() *topology.Plan  { return s.app.plan }
func (s served) Health() health.Report { return s.app.Health() }

// Status is what the worker is doing.
func (a *App) Status() status.Worker { return a.worker.Status() }

// Health judges that by the checks.
func (a *App) Health() health.Report { return health.Judge(a.Status(), a.settings.checks) }

// Query implements query.Source.
func (a *App) Query(ctx context.Context, r query.Request) (query.Answer, error) {
	return a.worker.Query(ctx, r)
}

// Serdes implements query.Source.
func (a *App) Serdes(store string) (key, value any, err error) { return a.worker.Serdes(store) }
