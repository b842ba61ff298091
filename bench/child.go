package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// patience bounds each wait for a worker.
const patience = 5 * time.Minute

// child is a worker process, seen from outside.
type child struct {
	command *exec.Cmd
	stdin   io.WriteCloser
	stderr  *bytes.Buffer
	born    time.Time
	reports chan report
	ended   chan struct{}
	err     error // valid when ended is closed
}

// startChild starts this program again as a worker.
func startChild(ctx context.Context, j job) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	line, err := json.Marshal(j)
	if err != nil {
		return nil, err
	}
	c := &child{command: exec.CommandContext(ctx, self, workerCommand), stderr: &bytes.Buffer{}, reports: make(chan report, 64), ended: make(chan struct{})}
	c.command.Stderr = c.stderr
	c.command.Env = append(os.Environ(), workerVariable+"=1")
	if c.stdin, err = c.command.StdinPipe(); err != nil {
		return nil, err
	}
	stdout, err := c.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	c.born = time.Now()
	if err := c.command.Start(); err != nil {
		return nil, err
	}
	go c.follow(stdout)
	if _, err := c.stdin.Write(append(line, '\n')); err != nil {
		return nil, errors.Join(err, c.kill())
	}
	return c, nil
}

// workerVariable is set for workers, so that a test binary can be one too.
const workerVariable = "TIDEMILL_BENCH_WORKER"

// follow reads the reports and waits for the end.
func (c *child) follow(stdout io.Reader) {
	defer close(c.ended)
	defer close(c.reports)
	lines := bufio.NewScanner(stdout)
	var fault error
	for lines.Scan() {
		var r report
		if fault = json.Unmarshal(lines.Bytes(), &r); fault != nil {
			fault = fmt.Errorf("read report %q: %w", lines.Text(), fault)
			break
		}
		c.reports <- r
	}
	_, drained := io.Copy(io.Discard, stdout)
	c.err = errors.Join(fault, lines.Err(), drained, c.command.Wait())
}

// await returns the next report of a kind. Others are given to each, if it is set.
func (c *child) await(ctx context.Context, kind string, each func(report)) (report, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		select {
		case r, ok := <-c.reports:
			if !ok {
				<-c.ended
				return report{}, c.failure(errEarly)
			}
			if r.Kind == kind {
				return r, nil
			}
			if each != nil {
				each(r)
			}
		case <-ctx.Done():
			return report{}, c.failure(fmt.Errorf("no report %q of the worker: %w", kind, ctx.Err()))
		}
	}
}

// during is a context that ends when the worker does.
func (c *child) during(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		<-c.ended
		cancel(errEarly)
	}()
	return ctx, func() { cancel(context.Canceled) }
}

var errEarly = errors.New("the worker ended early")

// finish asks the worker what it has used. Reports before that are given to each,
// if it is set.
func (c *child) finish(ctx context.Context, each func(report)) (report, error) {
	if _, err := io.WriteString(c.stdin, "finish\n"); err != nil {
		return report{}, c.failure(err)
	}
	return c.await(ctx, finishedReport, each)
}

// wait waits until the worker has ended and returns all the CPU time that it has
// used from its birth to its end.
func (c *child) wait(ctx context.Context) (time.Duration, error) {
	select {
	case <-c.ended:
	case <-time.After(patience):
		return 0, errors.Join(errors.New("the worker does not end"), c.kill())
	case <-ctx.Done():
		return 0, errors.Join(ctx.Err(), c.kill())
	}
	if c.err != nil {
		return 0, c.failure(c.err)
	}
	state := c.command.ProcessState
	return state.UserTime() + state.SystemTime(), nil
}

// kill ends the worker at once.
func (c *child) kill() error {
	err := c.command.Process.Kill()
	if errors.Is(err, os.ErrProcessDone) {
		err = nil
	}
	return err
}

// failure adds what the worker said.
func (c *child) failure(err error) error {
	killed := c.kill()
	<-c.ended
	const most = 4096
	said := c.stderr.Bytes()
	return fmt.Errorf("%w\n%s", errors.Join(err, killed), said[max(0, len(said)-most):])
}
