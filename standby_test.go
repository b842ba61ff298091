package tidemill_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tidemill/tidemill"
	"github.com/tidemill/tidemill/query"
	"github.com/tidemill/tidemill/status"
	"github.com/tidemill/tidemill/topology"
)

// followers are workers that count by key, each with n standbys.
type followers struct {
	*bench
	apps  []*tidemill.App
	stops []func()
	// restored counts the records that each worker has restored.
	restored []*atomic.Int64
	want     map[string]int64
}

func newFollowers(t *testing.T, workers, standbys int, build func() *topology.Builder, options ...tidemill.Option) *followers {
	t.Helper()
	f := &followers{bench: newBench(t, followerTasks, "in", "out"), want: map[string]int64{}}
	for range workers {
		f.add(standbys, build, options...)
	}
	return f
}

const followerTasks = 6

// add starts one more worker.
func (f *followers) add(standbys int, build func() *topology.Builder, options ...tidemill.Option) {
	f.t.Helper()
	n := &atomic.Int64{}
	all := append([]tidemill.Option{tidemill.Standbys(standbys), tidemill.Observe(func(e tidemill.Event) {
		if e.Kind == tidemill.TaskRestored {
			n.Add(e.Records)
		}
	})}, options...)
	app, stop := f.app(build(), all...)
	f.apps, f.stops, f.restored = append(f.apps, app), append(f.stops, stop), append(f.restored, n)
}

// count produces n records of each of 60 keys, and waits until they are counted.
func (f *followers) count(n int) {
	f.t.Helper()
	var records []*kgo.Record
	for i := range 60 * n {
		key := fmt.Sprint("key", i%60)
		f.want[key]++
		records = append(records, &kgo.Record{Topic: "in", Key: []byte(key), Value: []byte("x")})
	}
	f.produce(records...)
	f.counted(f.want)
}

// caughtUp waits until the tasks are divided, run and have n standbys, which lack nothing.
func (f *followers) caughtUp(n int, apps ...*tidemill.App) {
	f.t.Helper()
	defer func() {
		if f.t.Failed() {
			for i, app := range apps {
				f.t.Logf("worker %d has tasks %v and standbys %+v", i, tasksOf(app), app.Status().Standbys)
			}
		}
	}()
	f.eventually("standbys that lack nothing", func() bool {
		tasks, standbys := 0, 0
		for _, app := range apps {
			s := app.Status()
			if s.State != status.Running || len(s.Tasks) < followerTasks/len(apps) {
				return false
			}
			tasks, standbys = tasks+len(s.Tasks), standbys+len(s.Standbys)
			for _, one := range s.Standbys {
				if one.State != status.Running || one.Lag() > 0 || slices.ContainsFunc(s.Tasks, func(t status.Task) bool { return t.ID == one.ID }) {
					return false
				}
			}
		}
		return tasks == followerTasks && standbys == n*followerTasks
	})
}

func tasksOf(app *tidemill.App) (ids []string) {
	for _, t := range app.Status().Tasks {
		ids = append(ids, t.ID)
	}
	return ids
}

func standbysOf(app *tidemill.App) (ids []string) {
	for _, s := range app.Status().Standbys {
		ids = append(ids, s.ID)
	}
	return ids
}

// takenOver stops the first of two workers, and waits until the other has counted on with
// all that its standbys had: it must not restore anything.
func (f *followers) takenOver() {
	f.t.Helper()
	f.holds(f.apps[1])
	before := f.restored[1].Load()
	f.stops[0]()
	f.caughtUp(0, f.apps[1])
	f.count(1)
	f.holds(f.apps[1])
	if n := f.restored[1].Load() - before; n > 0 {
		f.t.Errorf("%d records were restored though the standbys lacked nothing", n)
	}
}

// holds waits until what a worker reads, of its own tasks and of its standbys, is what was
// counted, for all keys of all partitions.
func (f *followers) holds(app *tidemill.App) {
	f.t.Helper()
	counts, err := query.OpenTable[string, int64](app, "by-key")
	if err != nil {
		f.t.Fatal(err)
	}
	have := map[string]int64{}
	defer func() {
		if f.t.Failed() {
			f.t.Logf("the worker holds %v, want %v", have, f.want)
		}
	}()
	f.eventually("equal contents", func() bool {
		rows, err := counts.All(f.ctx, query.Stale())
		if err != nil {
			return false
		}
		clear(have)
		for _, row := range rows {
			have[row.Key] = row.Value
			if row.Value > f.want[row.Key] {
				f.t.Fatalf("%s is %d, want %d", row.Key, row.Value, f.want[row.Key])
			}
		}
		return maps.Equal(have, f.want)
	})
}

var bothGuarantees = map[string][]tidemill.Option{"exactly once": {tidemill.ExactlyOnce(), tidemill.CommitInterval(20 * time.Millisecond)}, "at least once": nil}

func TestAStandbyTakesOverWithTheTailOfTheChangelogOnly(t *testing.T) {
	for name, options := range bothGuarantees {
		t.Run(name, func(t *testing.T) {
			f := newFollowers(t, 2, 1, byKey, options...)
			f.count(50)
			f.caughtUp(1, f.apps...)
			f.holds(f.apps[0])
			f.takenOver()
		})
	}
}

func TestStandbysInMemoryTakeOverToo(t *testing.T) {
	f := newFollowers(t, 2, 1, byKey, tidemill.InMemory())
	f.count(10)
	f.caughtUp(1, f.apps...)
	f.takenOver()
}

func TestStandbysComeAndGoWithWorkers(t *testing.T) {
	f := newFollowers(t, 1, 1, byKey, tidemill.ExactlyOnce(), tidemill.CommitInterval(20*time.Millisecond))
	f.count(5)
	f.caughtUp(0, f.apps...)
	f.add(1, byKey, tidemill.ExactlyOnce(), tidemill.CommitInterval(20*time.Millisecond))
	f.count(5)
	f.caughtUp(1, f.apps...)
	f.add(1, byKey, tidemill.ExactlyOnce(), tidemill.CommitInterval(20*time.Millisecond))
	f.count(5)
	f.caughtUp(1, f.apps...)
	kept := map[string]bool{}
	for _, app := range f.apps[:2] {
		for _, id := range standbysOf(app) {
			kept[id] = true
		}
	}
	f.stops[2]()
	f.caughtUp(1, f.apps[:2]...)
	now := slices.Concat(standbysOf(f.apps[0]), standbysOf(f.apps[1]))
	for id := range kept {
		if !slices.Contains(now, id) {
			t.Errorf("the standby of task %s is gone", id)
		}
	}
	f.count(5)
	f.caughtUp(1, f.apps[:2]...)
	f.holds(f.apps[0])
	f.holds(f.apps[1])
}

// The tasks of a worker that joins stay where they are until it has what they need.
func TestAWorkerThatJoinsGetsTasksWhoseStoresItHas(t *testing.T) {
	for name, options := range bothGuarantees {
		t.Run(name, func(t *testing.T) {
			f := newFollowers(t, 1, 1, byKey, options...)
			f.count(50)
			f.add(1, byKey, options...)
			f.caughtUp(1, f.apps...)
			f.add(1, byKey, options...)
			f.caughtUp(1, f.apps...)
			for i, app := range f.apps {
				if n := f.restored[i].Load(); n > 0 {
					t.Errorf("worker %d has restored %d records for its tasks %v", i, n, tasksOf(app))
				}
			}
			f.count(1)
		})
	}
}

func TestOnlyAStaleQueryIsAnsweredByAStandby(t *testing.T) {
	f := newFollowers(t, 2, 1, byKey)
	f.count(3)
	f.caughtUp(1, f.apps...)
	f.holds(f.apps[0])
	var far []query.Option
	for p := range int32(followerTasks) {
		far = append(far, query.After("in", p, 1<<40))
	}
	counts, err := query.OpenTable[string, int64](f.apps[0], "by-key")
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := 0
	for key, n := range f.want {
		var e *query.ElsewhereError
		if _, _, err := counts.Get(f.ctx, key); errors.As(err, &e) {
			elsewhere++
		} else if err != nil {
			t.Fatal(err)
		}
		if have, ok, err := counts.Get(f.ctx, key, query.Stale()); err != nil || !ok || have != n {
			t.Errorf("%s is %d, %v, %v, want %d", key, have, ok, err, n)
		}
		short, cancel := context.WithTimeout(f.ctx, time.Millisecond)
		if _, _, err := counts.Get(short, key, append(far, query.Stale())...); err == nil {
			t.Errorf("%s is answered after a position that is far away", key)
		}
		cancel()
	}
	if elsewhere == 0 || elsewhere == len(f.want) {
		t.Errorf("%d of %d keys are the other worker's", elsewhere, len(f.want))
	}
	answer, err := f.apps[0].Query(f.ctx, query.Request{Store: "by-key", Partition: -1, Stale: true})
	if err != nil || len(answer.Copies) != followerTasks/2 || len(answer.Rows) != len(f.want) || len(answer.At) != followerTasks/2 {
		t.Errorf("all rows: %d rows, copies %+v, at %v, %v", len(answer.Rows), answer.Copies, answer.At, err)
	}
	for _, c := range answer.Copies {
		if c.Lag != 0 || time.Since(c.Seen) > time.Minute {
			t.Errorf("the copy of partition %d is %d behind at %v", c.Partition, c.Lag, c.Seen)
		}
	}
	if _, err := tidemill.New(byKey(), tidemill.Brokers("localhost:1"), tidemill.Standbys(-1)); err == nil {
		t.Error("a negative number of standbys is taken")
	}
}
