//go:build integration

package integration

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tidemill/tidemill"
)

// pair starts two workers that share tasks, of which each has half.
func (f *fixture) pair(tasks int, first, second job) (a, b *process) {
	f.t.Helper()
	a, b = f.begin("first", first), f.begin("second", second)
	await(f.t, "two workers share the tasks", func() bool {
		a.alive(f.t)
		b.alive(f.t)
		return len(a.holds()) == tasks/2 && len(b.holds()) == tasks/2
	})
	return a, b
}

// The session timeout is long in these tests, so that nothing moves because of it.
const longSession = 40 * time.Second

func TestAStaticWorkerThatRestartsHasItsTasksAgain(t *testing.T) {
	const partitions = 6
	f := newFixture(t)
	base := f.counting(partitions, true)
	base.SessionTimeout, base.CheckpointInterval = longSession, time.Second
	jobs := [2]job{base, base}
	jobs[0].InstanceID, jobs[1].InstanceID = "one", "two"
	var workers [2]*process
	workers[0], workers[1] = f.pair(partitions, jobs[0], jobs[1])
	total := int64(0)
	count := func() {
		f.produce(keyed(base.Topics["in"], "k", 1000)...)
		total += 100
		f.awaitCounts(base.Topics["out"], counted("k", total))
	}
	count()
	// The first is the leader of the group, whose return is the harder case.
	for i, end := range []func(*process){(*process).kill, (*process).kill, func(p *process) { p.stop(t) }} {
		i %= 2
		other := workers[1-i]
		had, moves := workers[i].holds(), len(other.seen(started))+len(other.seen(stopped))
		end(workers[i])
		pass(t, time.Second)
		began := time.Now()
		workers[i] = startWorker(t, "again", workers[i].job)
		await(t, "the worker has its tasks again", func() bool { return slices.Equal(workers[i].holds(), had) })
		t.Logf("worker %d has its tasks again %v after its start", i, round(time.Since(began)))
		count()
		if n := len(other.seen(started)) + len(other.seen(stopped)); n != moves {
			t.Errorf("the other worker's tasks were started or stopped %d times", n-moves)
		}
	}
	workers[0].stop(t)
	workers[1].stop(t)
}

func TestTheSecondWorkerOfAnInstanceIDEndsTheFirst(t *testing.T) {
	f := newFixture(t)
	j := f.counting(2, false)
	option := []tidemill.Option{tidemill.InstanceID("one"), tidemill.SessionTimeout(6 * time.Second)}
	first := f.work(countTopology(j), option...)
	first.ready(2)
	second := f.work(countTopology(j), option...)
	select {
	case <-first.ended:
	case <-time.After(30 * time.Second):
		t.Fatal("the first worker goes on")
	}
	if want := "another worker has the same InstanceID: give each its own"; first.err == nil || !strings.Contains(first.err.Error(), want) {
		t.Errorf("the first worker ended with %v, want %q", first.err, want)
	}
	second.ready(2)
	f.produce(keyed(j.Topics["in"], "k", 10)...)
	f.awaitCounts(j.Topics["out"], counted("k", 1))
	second.stop()
}

func TestAWorkerThatStopsLeavesItsTasksAtOnce(t *testing.T) {
	for _, g := range guarantees {
		t.Run(g.name, func(t *testing.T) {
			const partitions = 6
			f := newFixture(t)
			j := f.counting(partitions, g.name == "exactly once")
			j.SessionTimeout = longSession
			first, second := f.pair(partitions, j, j)
			f.produce(keyed(j.Topics["in"], "k", 1000)...)
			f.awaitCounts(j.Topics["out"], counted("k", 100))
			began := time.Now()
			first.stop(t)
			ended := time.Now()
			await(t, "the other worker has all tasks", func() bool { return len(second.holds()) == partitions })
			t.Logf("it ended within %v, and %v later the other worker had all tasks", round(ended.Sub(began)), round(time.Since(ended)))
			if took := time.Since(began); took > longSession/2 {
				t.Errorf("the tasks moved within %v, want a few seconds", took)
			}
			f.produce(keyed(j.Topics["in"], "k", 1000)...)
			f.awaitCounts(j.Topics["out"], counted("k", 200))
			if n := len(second.seen(aborted)); n > 0 {
				t.Errorf("the other worker has gone back %d times", n)
			}
			second.stop(t)
		})
	}
}
