package topologytest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/tidemill/tidemill"
	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/topology"
)

// engineVariable holds the engineJob of a test binary that is to be a worker.
const engineVariable = "TIDEMILL_GOLDEN_WORKER"

// engineJob is a worker process that runs scenarios side by side, each an application
// of its own on a broker of its own.
type engineJob struct {
	Dir     string
	Brokers map[string][]string
}

type engineProcess struct {
	cmd  *exec.Cmd
	logs string
	done chan struct{}
}

func (w engineJob) start(t *testing.T) *engineProcess {
	given, err := json.Marshal(w)
	if err != nil {
		t.Fatal(err)
	}
	p := &engineProcess{cmd: exec.Command(os.Args[0]), logs: filepath.Join(w.Dir, "log"), done: make(chan struct{})}
	out, err := os.Create(p.logs)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	p.cmd.Env, p.cmd.Stderr = append(os.Environ(), engineVariable+"="+string(given)), out
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait() // it is killed
		close(p.done)
	}()
	t.Cleanup(p.kill)
	return p
}

// kill ends the worker as kill -9 does.
func (p *engineProcess) kill() {
	_ = p.cmd.Process.Kill() // it may have ended
	<-p.done
}

func (p *engineProcess) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

func (p *engineProcess) log() string {
	text, _ := os.ReadFile(p.logs)
	return string(text)
}

// work runs the job of the environment, if there is one, until it is killed.
func work() {
	given := os.Getenv(engineVariable)
	if given == "" {
		return
	}
	var w engineJob
	if err := json.Unmarshal([]byte(given), &w); err != nil {
		fail(err)
	}
	var running sync.WaitGroup
	for name, brokers := range w.Brokers {
		b := topology.New("golden-" + name)
		b.Around(slowly)
		g, err := loadGolden(filepath.Join("testdata", "golden", name+".json"))
		if err != nil {
			fail(err)
		}
		topologyOf(name)(b, g)
		running.Go(func() {
			fail(tidemill.Run(context.Background(), b, tidemill.Brokers(brokers...), tidemill.ExactlyOnce(), tidemill.CacheBytes(0),
				tidemill.CommitInterval(20*time.Millisecond), tidemill.CheckpointInterval(200*time.Millisecond), tidemill.InstanceID("worker"),
				tidemill.StateDir(filepath.Join(w.Dir, name)), tidemill.Logger(slog.New(slog.NewTextHandler(io.Discard, nil)))))
		})
	}
	running.Wait()
}

// slowly gives kills the time to come before the end.
func slowly(string, *processors.Task) processors.Around {
	return func(next func() error) error {
		<-time.After(20 * time.Microsecond)
		return next()
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
