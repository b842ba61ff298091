//go:build integration

package integration

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/tidemill/tidemill"
	"github.com/tidemill/tidemill/topology"
)

// childVariable holds the job of a test binary that is to be a worker.
const childVariable = "TIDEMILL_INTEGRATION_WORKER"

// job is what a worker is to run. Zero fields leave the option's default.
type job struct {
	Application string
	// Topology is a key of topologies. Topics names the topics that it uses.
	Topology    string
	Topics      map[string]string
	Brokers     []string
	StateDir    string
	ExactlyOnce bool
	InstanceID  string
	// DeadLetters is the topic for them, if there is one.
	DeadLetters string

	CacheBytes, BufferedBytes int
	// Standbys are kept of each task, and Admin is the admin address, if there is one.
	Standbys int
	Admin    string

	CommitInterval     time.Duration
	CheckpointInterval time.Duration
	SessionTimeout     time.Duration
	TransactionTimeout time.Duration
}

// topologies are what workers can run.
var topologies = map[string]func(j job) *topology.Builder{
	"async":          asyncTopology,
	"board":          boardTopology,
	"cep":            cepTopology,
	"chaos":          chaosTopology,
	"count":          countTopology,
	"intelligence":   intelligenceTopology,
	"investigations": investigationsTopology,
	"large":          largeTopology,
	"lookups":        lookupsTopology,
	"participants":   participantsTopology,
	"redis":          redisTopology,
	"rows":           rowsTopology,
	"sagas":          orchestratorTopology(investigationSaga),
	"table":          tableTopology,
	"waiting":        orchestratorTopology(waitingSaga),
}

// options are the options of Run that a job stands for.
func (j job) options() []tidemill.Option {
	options := []tidemill.Option{tidemill.Brokers(j.Brokers...), tidemill.StateDir(j.StateDir)}
	if j.ExactlyOnce {
		options = append(options, tidemill.ExactlyOnce())
	}
	if j.InstanceID != "" {
		options = append(options, tidemill.InstanceID(j.InstanceID))
	}
	if j.DeadLetters != "" {
		options = append(options, tidemill.OnError(tidemill.DeadLetter(j.DeadLetters)))
	}
	if j.Standbys > 0 {
		options = append(options, tidemill.Standbys(j.Standbys))
	}
	if j.Admin != "" {
		options = append(options, tidemill.Admin(j.Admin))
	}
	if j.CacheBytes > 0 {
		options = append(options, tidemill.CacheBytes(j.CacheBytes), tidemill.BufferedBytes(j.BufferedBytes))
	}
	for _, one := range []struct {
		d      time.Duration
		option func(time.Duration) tidemill.Option
	}{
		{j.CommitInterval, tidemill.CommitInterval},
		{j.CheckpointInterval, tidemill.CheckpointInterval},
		{j.SessionTimeout, tidemill.SessionTimeout},
		{j.TransactionTimeout, tidemill.TransactionTimeout},
	} {
		if one.d > 0 {
			options = append(options, one.option(one.d))
		}
	}
	return options
}

// The kinds of reports.
const (
	started   = string(tidemill.TaskStarted)
	stopped   = string(tidemill.TaskStopped)
	restored  = string(tidemill.TaskRestored)
	committed = string(tidemill.Committed)
	aborted   = string(tidemill.Aborted)
)

// report is an event of a worker on its standard output.
type report struct {
	Kind    string
	Task    string        `json:",omitempty"`
	Records int64         `json:",omitempty"`
	Took    time.Duration `json:",omitempty"`
	Err     string        `json:",omitempty"`
	At      time.Time
}

// childMain is the main function of a worker. It ends with the process that
// started it, when told to terminate, or with an error.
func childMain(given string) int {
	var j job
	if err := json.Unmarshal([]byte(given), &j); err != nil {
		fmt.Fprintln(os.Stderr, "the job:", err)
		return 2
	}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(3)
	}()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	var writing sync.Mutex
	out := json.NewEncoder(os.Stdout)
	options := append(j.options(),
		tidemill.Logger(slog.New(slog.NewTextHandler(os.Stderr, nil))),
		tidemill.Observe(func(e tidemill.Event) {
			r := report{Kind: string(e.Kind), Task: e.Task, Records: e.Records, Took: e.Took, At: time.Now()}
			if e.Err != nil {
				r.Err = e.Err.Error()
			}
			writing.Lock()
			defer writing.Unlock()
			_ = out.Encode(r)
		}))
	if err := tidemill.Run(ctx, topologies[j.Topology](j), options...); err != nil {
		fmt.Fprintln(os.Stderr, "worker ended:", err)
		return 1
	}
	return 0
}
