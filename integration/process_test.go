//go:build integration

package integration

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// process is a worker in a process of its own.
type process struct {
	name  string
	job   job
	cmd   *exec.Cmd
	stdin io.Closer
	log   string
	ended chan struct{}
	err   error // valid when ended is closed

	mu      sync.Mutex
	reports []report
}

var processes atomic.Int64

// startWorker starts a worker process, which is killed at the end of the test if
// it still runs then. Its log is shown if the test has failed.
func startWorker(t *testing.T, name string, j job) *process {
	t.Helper()
	given, err := json.Marshal(j)
	if err != nil {
		t.Fatal(err)
	}
	p := &process{name: name, job: j, ended: make(chan struct{})}
	p.log = filepath.Join(logDir(t), fmt.Sprintf("%s-%d.log", name, processes.Add(1)))
	log, err := os.Create(p.log)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	p.cmd = exec.Command(os.Args[0])
	p.cmd.Env = append(os.Environ(), childVariable+"="+string(given))
	p.cmd.Stderr = log
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go p.follow(out)
	t.Cleanup(p.kill)
	return p
}

// logDir keeps the logs of failed tests, whose folder TIDEMILL_INTEGRATION_LOGS
// may name.
func logDir(t *testing.T) string {
	root := os.Getenv("TIDEMILL_INTEGRATION_LOGS")
	if root == "" {
		return t.TempDir()
	}
	dir := filepath.Join(root, filepath.FromSlash(t.Name()))
	if err := os.MkdirAll(dir, 0o750); err != nil {
		t.Fatal(err)
	}
	return dir
}

// follow collects what the worker reports until it ends.
func (p *process) follow(out io.Reader) {
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		var r report
		if json.Unmarshal(lines.Bytes(), &r) == nil {
			p.mu.Lock()
			p.reports = append(p.reports, r)
			p.mu.Unlock()
		}
	}
	p.err = p.cmd.Wait()
	close(p.ended)
}

// kill ends the worker at once, as kill -9 does, and waits until it is gone.
func (p *process) kill() {
	p.signal(syscall.SIGKILL)
	<-p.ended
}

// stop tells the worker to end in good order, which it must do with success.
func (p *process) stop(t *testing.T) {
	t.Helper()
	p.signal(syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(time.Minute):
		t.Fatalf("worker %s does not end\n%s", p.name, p.logTail())
	}
	if p.err != nil {
		t.Errorf("worker %s: %v\n%s", p.name, p.err, p.logTail())
	}
}

func (p *process) signal(s syscall.Signal) {
	select {
	case <-p.ended:
	default:
		_ = p.cmd.Process.Signal(s)
	}
}

// freeze stops the worker's process without ending it; thaw lets it go on.
func (p *process) freeze() { p.signal(syscall.SIGSTOP) }
func (p *process) thaw()   { p.signal(syscall.SIGCONT) }

// seen returns the reports of a kind so far.
func (p *process) seen(kind string) []report {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []report
	for _, r := range p.reports {
		if r.Kind == kind {
			out = append(out, r)
		}
	}
	return out
}

// logTail is the end of what the worker has logged.
func (p *process) logTail() string {
	const most = 6000
	text, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-most):])
}
