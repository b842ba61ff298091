package runtime

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidemill/tidemill/internal/task"
	"github.com/tidemill/tidemill/topology"
)

func TestCallsOfATaskThatIsGivenUpAreCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLaneTest(t)
		var ended []error
		h := l.host(2, func(s *topology.Stream[string, string]) {
			s.Async(func(ctx context.Context, _, _ string) (string, error) {
				<-ctx.Done()
				ended = append(ended, context.Cause(ctx))
				return "", nil
			}, topology.Concurrency(1), topology.CallTimeout(0))
		})
		l.turns()
		h.calls.cancel(errGivenUp)
		l.worker.calling.Wait()
		if len(ended) != 1 || !errors.Is(ended[0], errGivenUp) {
			t.Errorf("the calls ended with %v, want one that is given up", ended)
		}
	})
}

func TestACallThatIsCancelledByAStopIsNotLeftBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLaneTest(t)
		stop := errors.New("stop")
		var cancel context.CancelCauseFunc
		l.worker.hard, cancel = context.WithCancelCause(l.worker.hard)
		l.host(1, func(s *topology.Stream[string, string]) {
			s.Async(func(ctx context.Context, _, _ string) (string, error) {
				<-ctx.Done()
				return "", errors.New("an error of the client's own")
			})
		})
		l.turns()
		cancel(stop)
		l.turns()
		if len(l.errs) != 1 || !errors.Is(l.errs[0], stop) {
			t.Errorf("got %v, want the task to end because of the stop", l.errs)
		}
	})
}

func TestAwaitCallsDoesNotWaitForever(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &Worker{}
		if err := w.awaitCalls(); err != nil {
			t.Errorf("no call is under way: %v", err)
		}
		w.calling.Add(1)
		if err := w.awaitCalls(); err == nil || !strings.Contains(err.Error(), "still run 5s after their context has ended") {
			t.Errorf("got %v", err)
		}
		w.calling.Done()
	})
}

func TestCallsHaveToEndBeforeTheTransactionDoes(t *testing.T) {
	call := func(_ context.Context, _, v string) (string, error) { return v, nil }
	for _, c := range []struct {
		name   string
		build  func(*topology.Stream[string, string])
		change func(*Config)
		want   string
	}{
		{"no calls", func(*topology.Stream[string, string]) {}, func(*Config) {}, ""},
		{"the defaults", func(s *topology.Stream[string, string]) { s.Async(call) }, func(*Config) {}, ""},
		{
			"one operator behind another",
			func(s *topology.Stream[string, string]) {
				s.Async(call, topology.Named("a"), topology.CallTimeout(5*time.Second)).Filter(func(string, string) bool { return true }).
					Async(call, topology.Named("b"), topology.CallTimeout(5*time.Second))
			},
			func(*Config) {}, "the calls of a and b may take 10s",
		},
		{
			"one operator beside another",
			func(s *topology.Stream[string, string]) {
				s.Async(call, topology.CallTimeout(5*time.Second))
				s.Async(call, topology.CallTimeout(5*time.Second))
			},
			func(*Config) {}, "",
		},
		{
			"a longer transaction",
			func(s *topology.Stream[string, string]) { s.Async(call, topology.CallTimeout(time.Minute)) },
			func(c *Config) { c.TransactionTimeout = 2 * time.Minute }, "",
		},
		{
			"no transaction",
			func(s *topology.Stream[string, string]) { s.Async(call, topology.CallTimeout(0)) },
			func(c *Config) { c.ExactlyOnce = false }, "",
		},
		{
			"calls without end behind others",
			func(s *topology.Stream[string, string]) {
				s.Async(call, topology.Named("a")).Async(call, topology.Named("b"), topology.CallTimeout(0))
			},
			func(*Config) {}, "the calls of a and b have no end",
		},
		{
			"retries of the policy for results",
			func(s *topology.Stream[string, string]) { s.Async(call, topology.Named("a")) },
			func(c *Config) { c.Policies.Produce = task.Retry(10, time.Minute, task.Skip()) }, "the calls of a may take 10m3s",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := topology.New("app")
			c.build(b.Stream[string, string]("in"))
			plan, err := b.Build()
			if err != nil {
				t.Fatal(err)
			}
			config := Default()
			config.ExactlyOnce, config.CommitInterval = true, ExactlyOnceInterval
			c.change(&config)
			switch err := checkCalls(plan, config); {
			case c.want == "" && err != nil:
				t.Errorf("got %v", err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}
