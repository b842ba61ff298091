//go:build integration

package integration

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// arrivals are when a reader of committed records got the outputs of each task,
// and when the broker did.
type arrivals struct {
	mu             sync.Mutex
	read, appended map[string][]time.Time
}

// watch notes the outputs to a topic until the test ends. Task 0_n writes to
// partition n.
func (f *fixture) watch(topic string) *arrivals {
	f.t.Helper()
	a := &arrivals{read: map[string][]time.Time{}, appended: map[string][]time.Time{}}
	cl := f.newClient(kgo.ConsumeTopics(topic), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.FetchMaxWait(100*time.Millisecond))
	go func() {
		for {
			fetches := cl.PollFetches(context.Background())
			if fetches.IsClientClosed() {
				return
			}
			a.mu.Lock()
			now := time.Now()
			fetches.EachRecord(func(r *kgo.Record) {
				task := taskName(r.Partition)
				a.read[task] = append(a.read[task], now)
				a.appended[task] = append(a.appended[task], r.Timestamp)
			})
			a.mu.Unlock()
		}
	}()
	return a
}

func taskName(partition int32) string { return fmt.Sprintf("0_%d", partition) }

// gaps are the longest times without an output of tasks between two moments: for
// who reads, and for the broker.
func (a *arrivals) gaps(tasks []string, from, to time.Time) (read, appended time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, task := range tasks {
		read = max(read, longestGap(a.read[task], from, to))
		appended = max(appended, longestGap(a.appended[task], from, to))
	}
	return read, appended
}

func longestGap(times []time.Time, from, to time.Time) (longest time.Duration) {
	last := from
	for _, at := range append(slices.Clone(times), to) {
		if at.Before(from) || at.After(to) {
			continue
		}
		longest = max(longest, at.Sub(last))
		last = at
	}
	return longest
}

// holds returns the tasks that a worker has.
func (p *process) holds() []string {
	has := map[string]int{}
	for _, r := range p.seen(started) {
		has[r.Task]++
	}
	for _, r := range p.seen(stopped) {
		has[r.Task]--
	}
	var out []string
	for task, n := range has {
		if n > 0 {
			out = append(out, task)
		}
	}
	slices.Sort(out)
	return out
}

// steady writes a record to each partition every few milliseconds until the test
// ends. Keys are those that the outputs of a partition go back to it with.
func (f *fixture) steady(topic string, partitions int) {
	hash := kgo.StickyKeyPartitioner(nil).ForTopic(topic)
	keys := map[int][]byte{}
	for n := 0; len(keys) < partitions; n++ {
		key := []byte("k" + strconv.Itoa(n))
		keys[hash.Partition(&kgo.Record{Key: key}, partitions)] = key
	}
	var feeding sync.WaitGroup
	ctx, cancel := context.WithCancel(context.Background())
	feeding.Go(func() {
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for ctx.Err() == nil {
			<-tick.C
			for p := range partitions {
				f.client.Produce(ctx, in(p, &kgo.Record{Topic: topic, Key: keys[p], Value: []byte("x")}), nil)
			}
		}
	})
	f.t.Cleanup(func() {
		cancel()
		feeding.Wait()
	})
}

// counting is the job of a worker that counts, with a log of outputs that has the
// broker's time.
func (f *fixture) counting(partitions int32, exactlyOnce bool) job {
	f.t.Helper()
	forever, brokerTime := "-1", "LogAppendTime"
	out := f.app + ".out"
	f.create(out, partitions, map[string]*string{"retention.ms": &forever, "message.timestamp.type": &brokerTime})
	return job{
		Application: f.app, Topology: "count", Brokers: f.brokers, ExactlyOnce: exactlyOnce,
		Topics:         map[string]string{"in": f.topic("in", partitions), "out": out},
		SessionTimeout: 6 * time.Second,
	}
}

// begin starts a worker with a state folder of its own.
func (f *fixture) begin(name string, j job) *process {
	j.StateDir = filepath.Join(f.t.TempDir(), name)
	return startWorker(f.t, name, j)
}

func TestTasksThatStayGoOnWhenAWorkerJoins(t *testing.T) {
	for _, g := range guarantees {
		t.Run(g.name, func(t *testing.T) {
			const partitions = 12
			f := newFixture(t)
			j := f.counting(partitions, g.name == "exactly once")
			first, second := f.pair(partitions, j, j)
			seen := f.watch(j.Topics["out"])
			f.steady(j.Topics["in"], partitions)
			await(t, "all tasks have outputs", func() bool {
				seen.mu.Lock()
				defer seen.mu.Unlock()
				return len(seen.read) == partitions
			})
			calm := time.Now()
			pass(t, 2*time.Second)

			joined := time.Now()
			before := slices.Concat(first.holds(), second.holds())
			starts := [...]int{len(first.seen(started)), len(second.seen(started))}
			third := f.begin("third", j)
			await(t, "the third worker has its share", func() bool {
				return len(third.holds()) == partitions/3
			})
			settled := time.Now()
			pass(t, 2*time.Second)
			after := time.Now()

			kept := slices.Concat(first.holds(), second.holds())
			if len(kept) != partitions*2/3 {
				t.Errorf("the first two workers have the tasks %v, want two thirds of %d", kept, partitions)
			}
			for i, p := range []*process{first, second} {
				if n := len(p.seen(started)) - starts[i]; n > 0 || len(p.seen(aborted)) > 0 {
					t.Errorf("worker %s has started %d tasks again, and gone back %d times", p.name, n, len(p.seen(aborted)))
				}
			}
			moved := slices.DeleteFunc(slices.Clone(before), func(task string) bool { return slices.Contains(kept, task) })
			baseRead, baseAppended := seen.gaps(before, calm, joined)
			keptRead, keptAppended := seen.gaps(kept, joined, after)
			movedRead, movedAppended := seen.gaps(moved, joined, after)
			t.Logf("settled after %v; longest time without an output (committed and read / written): before %v / %v, tasks that stay %v / %v, tasks that move %v / %v",
				round(settled.Sub(joined)), round(baseRead), round(baseAppended), round(keptRead), round(keptAppended), round(movedRead), round(movedAppended))
			if keptRead > 2*time.Second+4*baseRead { // a machine may be slow, then before as well
				t.Errorf("a task that stays was silent for %v", keptRead)
			}
		})
	}
}

func round(d time.Duration) time.Duration { return d.Round(time.Millisecond) }

// pass lets time pass.
func pass(t *testing.T, d time.Duration) {
	t.Helper()
	select {
	case <-time.After(d):
	case <-t.Context().Done():
		t.Fatal("the test has ended")
	}
}
