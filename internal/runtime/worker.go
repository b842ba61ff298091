package runtime

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tidemill/tidemill/internal/task"
	"github.com/tidemill/tidemill/topology"
)

// Worker runs the tasks of a plan that its consumer group gives it.
type Worker struct {
	config  Config
	plan    *topology.Plan
	clients clients
	log     *slog.Logger

	dir      *stateDir
	producer *kgo.Client
	fetcher  *fetcher
	restorer *restorer
	member   *kgo.Client
	commits  committer
	emitter  *emitter
	limits   *topicLimits
	written  []string // topics that are known to be written to
	globals  globals
	standbys *follower
	lanes    []*lane
	pinned   *pinned

	// events are run by the worker's own goroutine, one after another. All the
	// fields below belong to it.
	events  chan func()
	owned   map[topicPartition]bool
	hosted  map[task.ID]*hosted
	opening *opening
	// purgeable are committed positions of repartition topics.
	purgeable map[string]map[int32]int64
	// retries counts the recoveries since the last commit, the first at troubled.
	retries  int
	troubled time.Time
	closing  bool

	started time.Time
	counts  *counts
	repeats repeats
	// view is what Status and queries see, overview what was last seen of the cluster.
	view     atomic.Pointer[view]
	overview atomic.Pointer[overview]
	// asking guards what the last status of each task was.
	asking sync.Mutex
	// members is what was last heard of the group; who has put something into describing
	// may ask again.
	members    atomic.Pointer[members]
	describing chan struct{}
	// books are the dead letters that wait; booking guards them.
	booking sync.Mutex
	books   map[topicPartition]*letterBook
	// glance asks for a look at the cluster before it is due.
	glance chan struct{}

	observing sync.Mutex
	lost      atomic.Bool
	failures  chan error
	full      chan struct{}
	// hard ends when the worker has to stop at once; ended is closed at its end.
	hard    context.Context
	ended   chan struct{}
	running sync.WaitGroup
	calling sync.WaitGroup // the calls of users' code under way
}

// New makes a worker. It starts nothing.
func New(plan *topology.Plan, config Config) *Worker {
	w := &Worker{
		config: config, plan: plan, log: config.Logger.With("application", plan.Application),
		events: make(chan func(), 64), owned: map[topicPartition]bool{}, hosted: map[task.ID]*hosted{},
		purgeable: map[string]map[int32]int64{}, pinned: newPinned(config.CacheBytes),
		started: time.Now(), counts: newCounts(), glance: make(chan struct{}, 1), describing: make(chan struct{}, 1), books: map[topicPartition]*letterBook{},
		failures: make(chan error, 16), full: make(chan struct{}, 1), ended: make(chan struct{}),
	}
	w.standbys = newFollower(w)
	return w
}

// Run works until ctx ends or something fails for good. When ctx ends it commits
// what has been processed, leaves the group and returns nil.
func (w *Worker) Run(ctx context.Context) (err error) {
	hard, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	w.hard = hard
	defer cancel(context.Canceled)
	defer w.counts.stopped.Store(true)
	defer func() { err = errors.Join(err, w.release()) }()
	if err := w.prepare(ctx); err != nil {
		return err
	}
	if err := w.join(); err != nil {
		return err
	}
	w.publish()
	w.watch()
	limit := time.AfterFunc(math.MaxInt64, func() { cancel(errShutdown) })
	defer limit.Stop()
	// The loop itself may be waiting for calls when ctx ends.
	defer context.AfterFunc(ctx, func() { limit.Reset(w.config.ShutdownTimeout) })()
	if err = w.loop(ctx); err != nil {
		limit.Reset(w.config.ShutdownTimeout)
	}
	return errors.Join(err, w.shutdown(err == nil))
}

var errShutdown = errors.New("the shutdown took too long")

// loop is the worker's own goroutine.
func (w *Worker) loop(ctx context.Context) error {
	commit := time.NewTicker(w.config.CommitInterval)
	defer commit.Stop()
	purge := time.NewTicker(w.config.PurgeInterval)
	defer purge.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return nil
		case err := <-w.failures:
			if err := w.handle(err); err != nil {
				return err
			}
			continue
		case event := <-w.events:
			event()
		case <-w.standbys.changed:
			w.followStandbys()
		case <-commit.C:
			began := time.Now()
			if err = w.commit(); time.Since(began) > w.config.CommitInterval/2 {
				commit.Reset(w.config.CommitInterval) // or the next one would follow at once
			}
		case <-w.full:
			err = w.commit()
			commit.Reset(w.config.CommitInterval)
		case <-purge.C:
			w.purge()
		}
		if err != nil {
			w.fail(err)
		}
	}
}

// handle decides whether a failure can be recovered from, and does so.
func (w *Worker) handle(err error) error {
	if !recoverable(err) {
		return err
	}
	return w.recover(err)
}

// fail hands a failure to the worker's goroutine. Later ones of the same cause
// may be dropped.
func (w *Worker) fail(err error) {
	select {
	case w.failures <- err:
	default:
	}
}

// post has the worker's goroutine do something.
func (w *Worker) post(event func()) {
	select {
	case w.events <- event:
	case <-w.ended:
	}
}

// call is post that waits until it has been done.
func (w *Worker) call(event func()) {
	done := make(chan struct{})
	w.post(func() {
		defer close(done)
		event()
	})
	select {
	case <-done:
	case <-w.ended:
	}
}

// requestCommit asks for a commit before it is due.
func (w *Worker) requestCommit() {
	select {
	case w.full <- struct{}{}:
	default:
	}
}

// prepare checks topics and configuration and makes everything that the worker
// needs, but joins no group yet.
func (w *Worker) prepare(ctx context.Context) (err error) {
	if err := checkCalls(w.plan, w.config); err != nil {
		return err
	}
	w.clients = clients{config: w.config, application: w.plan.Application, instance: "start000"}
	admin, err := openClient(w.clients.base("admin"))
	if err != nil {
		return err
	}
	defer admin.Close()
	if err := w.prepareTopics(ctx, admin); err != nil {
		return err
	}
	if w.dir, err = openStateDir(w.config, w.plan.Application, stateful(w.plan)); err != nil {
		return err
	}
	w.clients.instance = w.dir.instance
	restorer, err := w.clients.restorer()
	if err != nil {
		return err
	}
	w.restorer = newRestorer(restorer, w.config.ExactlyOnce)
	fetcher, err := w.clients.fetcher()
	if err != nil {
		return err
	}
	w.fetcher = newFetcher(fetcher, w.config.BufferedBytes, w.fail)
	w.fetcher.tracer = w.clients.tracer("fetcher")
	w.limits = newTopicLimits(restorer)
	w.limits.learn(ctx, w.written...)
	if err := w.openGlobals(ctx); err != nil {
		return err
	}
	return w.startProducer(ctx)
}

// startProducer makes the producer, and under exactly-once ends the transaction
// that this worker may have left open.
func (w *Worker) startProducer(ctx context.Context) (err error) {
	if w.producer, err = w.clients.producer(w.limits.batchBytes); err != nil {
		return err
	}
	if w.emitter == nil {
		w.emitter = newEmitter(w.hard, w.fail)
	}
	w.emitter.producer = w.producer
	member := func() groupMember { return w.membership() }
	if w.config.ExactlyOnce {
		w.commits = newExactlyOnce(w.producer, w.clients.transactionalID(), member, &w.lost)
	} else {
		w.commits = newAtLeastOnce(w.producer, member, &w.lost)
	}
	if err := w.commits.begin(ctx); err != nil {
		return fmt.Errorf("producer: %w", withHint(err))
	}
	w.emitter.produced.Store(false)
	return nil
}

// membership is in whose name the worker commits.
func (w *Worker) membership() groupMember {
	id, generation := w.member.GroupMetadata()
	m := groupMember{group: w.plan.Application, memberID: id, generation: generation}
	if w.config.InstanceID != "" {
		m.instanceID = &w.config.InstanceID
	}
	return m
}

// join starts the lanes and joins the group.
func (w *Worker) join() (err error) {
	for range w.config.Lanes {
		l := newLane(w.emitter, w.fail, w.requestCommit, w.pinned)
		w.lanes = append(w.lanes, l)
		w.running.Add(1)
		go l.run(&w.running)
	}
	w.fetcher.start()
	w.followGlobals()
	b := newBalancer(topicsOf(w.plan), w.config.Address)
	b.told, b.keep = w.standbys.told, w.standbys.plan
	b.rack, _ = w.restorer.client.OptValue(kgo.Rack).(string)
	w.member, err = w.clients.member(b, w.groupOptions())
	return err
}

func stateful(plan *topology.Plan) bool {
	for _, sub := range plan.Subtopologies {
		if len(sub.Stores) > 0 {
			return true
		}
	}
	return false
}
