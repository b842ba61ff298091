package runtime

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidemill/tidemill/internal/task"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/topology"
)

// laneTest is a lane that a test turns by itself, and its tasks. They write nothing.
type laneTest struct {
	*lane
	t      *testing.T
	worker *Worker
	errs   []error
	fulls  int
}

func newLaneTest(t *testing.T) *laneTest {
	hard, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	l := &laneTest{t: t, worker: &Worker{hard: hard}}
	l.lane = newLane(nil, func(err error) { l.errs = append(l.errs, err) }, func() { l.fulls++ }, newPinned(1<<20))
	return l
}

// host adds a task that reads in and has this many records.
func (l *laneTest) host(records int, build func(*topology.Stream[string, string])) *hosted {
	l.t.Helper()
	b := topology.New("app")
	build(b.Stream[string, string]("in"))
	plan, err := b.Build()
	if err != nil {
		l.t.Fatal(err)
	}
	h := &hosted{lane: l.lane, fetch: newFetcher(nil, 1<<20, l.failed)}
	h.calls = newCalls(l.worker.hard, &l.worker.calling, h.lane.wakeUp)
	h.task, err = task.New(task.ID{}, plan.Subtopologies[0], task.Config{})
	if err == nil {
		err = h.task.Start(l.worker.hard, []task.Input{{Topic: "in", Committed: -1, End: -1, Time: -1}}, 0)
	}
	if err != nil {
		l.t.Fatal(err)
	}
	l.tasks = append(l.tasks, h)
	l.feed(h, records)
	return h
}

func (l *laneTest) feed(h *hosted, n int) {
	var records []record.Raw
	for i := range n {
		records = append(records, record.Raw{Key: []byte(strconv.Itoa(i)), Value: []byte("v"), Offset: int64(i)})
	}
	h.task.Enqueue(0, records, int64(n), int64(n))
}

// turns turns the lane until there is nothing to do and nobody has woken it.
func (l *laneTest) turns() {
	for again := true; again; {
		again = l.turn()
		synctest.Wait()
		select {
		case <-l.wake:
			again = true
		default:
		}
	}
}

func TestALaneThatHasFailedTakesPartInNoCommit(t *testing.T) {
	l := newLaneTest(t)
	l.host(1, func(s *topology.Stream[string, string]) { s.Peek(func(string, string) { panic("no") }) })
	if l.turn() || len(l.errs) != 1 {
		t.Fatalf("failed with %v", l.errs)
	}
	if err := l.flush(); !errors.Is(err, l.errs[0]) {
		t.Errorf("a commit that follows gets %v, want the failure", err)
	}
}

func TestALaneIsDrainedWhenItsCallsAreOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLaneTest(t)
		answer := make(chan struct{})
		calling := l.host(10, func(s *topology.Stream[string, string]) {
			s.Async(func(context.Context, string, string) (string, error) { <-answer; return "", nil }, topology.Concurrency(2))
		})
		other := l.host(0, func(s *topology.Stream[string, string]) { s.Peek(func(string, string) {}) })
		l.turns()
		drained := make(chan struct{}, 1)
		l.drained = drained
		l.turns()
		l.feed(other, 5)
		l.turns()
		if n := other.task.Processed(); n != 5 || len(drained) != 0 {
			t.Errorf("another task has taken %d records, want 5; drained: %d", n, len(drained))
		}
		answer <- struct{}{}
		l.turns()
		if len(drained) != 0 {
			t.Error("a call is under way, but the lane is drained")
		}
		answer <- struct{}{}
		l.turns()
		if n := calling.task.Processed(); n != 2 || len(drained) != 1 {
			t.Errorf("the task has taken %d records, want 2; drained: %d", n, len(drained))
		}
		l.turns()
		if len(drained) != 1 {
			t.Errorf("the lane said %d times that it is drained", len(drained))
		}
		close(answer)
		l.drained = nil
		l.turns()
		if n := calling.task.Processed(); n != 10 {
			t.Errorf("the task has taken %d records, want all 10", n)
		}
	})
}

func TestADrainWaitsForRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLaneTest(t)
		attempts := 0
		l.host(1, func(s *topology.Stream[string, string]) {
			s.Async(func(context.Context, string, string) (string, error) {
				if attempts++; attempts < 3 {
					return "", errors.New("busy")
				}
				return "", nil
			}, topology.CallRetries(2, 100*time.Millisecond))
		})
		l.turns()
		drained := make(chan struct{}, 1)
		l.drained = drained
		began := time.Now()
		for l.turns(); len(drained) == 0; l.turns() {
			<-l.timer.C
		}
		if took := time.Since(began); attempts != 3 || took != 300*time.Millisecond {
			t.Errorf("drained after %d attempts and %v, want 3 and 300ms", attempts, took)
		}
	})
}
