package tidemill_test

import (
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tidemill/tidemill"
	"github.com/tidemill/tidemill/query"
	"github.com/tidemill/tidemill/status"
	"github.com/tidemill/tidemill/topology"
	"github.com/tidemill/tidemill/window"
)

const changelogByKey = "keyed-by-key-changelog"

// A standby whose changelog has lost what comes next, or is gone, is built up anew. The
// worker goes on.
func TestAStandbyThatCannotFollowIsBuiltUpAnew(t *testing.T) {
	f := newFollowers(t, 2, 1, byKey)
	f.count(5)
	f.caughtUp(1, f.apps...)
	f.holds(f.apps[0])
	admin := kadm.NewClient(f.client)
	ends, err := admin.ListEndOffsets(f.ctx, changelogByKey)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := admin.DeleteTopics(f.ctx, changelogByKey); err != nil {
		t.Fatal(err)
	}
	policy := "compact"
	if _, err := admin.CreateTopic(f.ctx, followerTasks, 1, map[string]*string{"cleanup.policy": &policy}, changelogByKey); err != nil {
		t.Fatal(err)
	}
	f.eventually("standbys of the new changelog", func() bool {
		for _, app := range f.apps {
			for _, s := range app.Status().Standbys {
				before, _ := ends.Lookup(changelogByKey, s.Partition)
				if s.State != status.Running || s.Lag() > 0 || before.Offset > 0 && s.Stores[0].Position != 0 {
					return false
				}
			}
		}
		return true
	})
	counts, err := query.OpenTable[string, int64](f.apps[0], "by-key")
	if err != nil {
		t.Fatal(err)
	}
	rows, err := counts.All(f.ctx, query.Stale())
	if err != nil {
		t.Fatal(err)
	}
	own := 0
	for key := range f.want {
		if _, ok, err := counts.Get(f.ctx, key); ok && err == nil {
			own++
		}
	}
	if len(rows) != own || own == 0 {
		t.Errorf("the worker has %d rows, and %d keys of its own tasks: the copies are of a changelog that is gone", len(rows), own)
	}
}

// A worker whose disk is empty begins its standbys anew, and one whose disk is not goes on
// with them.
func TestAWorkerThatComesBackGoesOnWithItsStandbys(t *testing.T) {
	f := newFollowers(t, 1, 1, byKey)
	dir := t.TempDir()
	f.add(1, byKey, tidemill.StateDir(dir))
	f.count(50)
	f.caughtUp(1, f.apps...)
	f.holds(f.apps[0])
	f.holds(f.apps[1])
	applied := func(app *tidemill.App) (n int64) {
		for _, s := range app.Status().Standbys {
			n += s.Stores[0].Applied
		}
		return n
	}
	f.stops[1]()
	f.add(1, byKey, tidemill.StateDir(dir))
	f.caughtUp(1, f.apps[0], f.apps[2])
	f.holds(f.apps[2])
	if n := applied(f.apps[2]) + f.restored[2].Load(); n > 0 {
		t.Errorf("%d records were applied or restored though nothing was missing", n)
	}
	f.stops[2]()
	f.add(1, byKey)
	f.caughtUp(1, f.apps[0], f.apps[3])
	f.holds(f.apps[3])
	if n := applied(f.apps[3]) + f.restored[3].Load(); n == 0 {
		t.Error("nothing was applied to an empty disk")
	}
}

// Two standbys of each task of three workers are all there is.
func TestEveryWorkerHasEverythingIfThereAreEnoughStandbys(t *testing.T) {
	f := newFollowers(t, 3, 7, byKey, tidemill.ExactlyOnce(), tidemill.CommitInterval(20*time.Millisecond))
	f.count(5)
	f.caughtUp(2, f.apps...)
	for _, app := range f.apps {
		f.holds(app)
		all := slices.Concat(tasksOf(app), standbysOf(app))
		slices.Sort(all)
		if len(slices.Compact(all)) != followerTasks {
			t.Errorf("a worker has %v", all)
		}
	}
	f.stops[1]()
	f.stops[2]()
	f.caughtUp(0, f.apps[0])
	f.count(1)
	f.holds(f.apps[0])
}

// Stores of every kind are followed, and windows, sessions and versions read from copies.
func TestStandbysOfEveryKindOfStore(t *testing.T) {
	build := func() *topology.Builder {
		b := topology.New("kinds")
		in := b.Stream[string, string]("in")
		grouped := in.GroupByKey()
		grouped.WindowedBy(window.Tumbling(time.Minute).Grace(time.Hour)).Count(topology.StoreName("windows"))
		grouped.WindowedBySession(window.Session(30 * time.Second).Grace(time.Hour)).Count(topology.StoreName("sessions"))
		in.ToTable(topology.StoreName("versions"), topology.History(time.Hour))
		in.JoinStream(b.Stream[string, string]("other"), window.Within(time.Minute), func(a, b string) string { return a + b }).To("out")
		grouped.WindowedBy(window.Tumbling(time.Minute)).Count(topology.StoreName("final")).
			Suppress(topology.UntilWindowCloses(topology.Unbounded())).ToStream().ForEach(func(window.Key[string], int64) {})
		return b
	}
	b := newBench(t, 1, "in", "other", "out")
	first, stop := b.app(build(), tidemill.Standbys(1))
	b.eventually("the first worker has the task", func() bool { return len(first.Status().Tasks) == 1 })
	second, _ := b.app(build(), tidemill.Standbys(1))
	at := func(s int) time.Time { return time.Unix(int64(1_700_000_000-1_700_000_000%60+s), 0) }
	for i, s := range []int{0, 10, 70, 80} {
		b.produce(
			&kgo.Record{Topic: "in", Key: []byte("a"), Value: []byte{'v', byte('0' + i)}, Timestamp: at(s)},
			&kgo.Record{Topic: "other", Key: []byte("a"), Value: []byte("o"), Timestamp: at(s)},
		)
	}
	check := func(app *tidemill.App) bool {
		windows, err := query.OpenWindows[string, int64](app, "windows")
		if err != nil {
			t.Fatal(err)
		}
		sessions, err := query.OpenWindows[string, int64](app, "sessions")
		if err != nil {
			t.Fatal(err)
		}
		versions, err := query.OpenVersions[string, string](app, "versions")
		if err != nil {
			t.Fatal(err)
		}
		w, err := windows.Fetch(b.ctx, "a", at(0), at(120), query.Stale())
		if err != nil || len(w) != 2 || w[0].Value != 2 || w[1].Value != 2 {
			return false
		}
		s, err := sessions.Fetch(b.ctx, "a", at(0), at(120), query.Stale())
		if err != nil || len(s) != 2 || !s[1].Start.Equal(at(70)) || s[1].Value != 2 {
			return false
		}
		newest, ok, err := versions.Get(b.ctx, "a", query.Stale())
		old, before, err2 := versions.AsOf(b.ctx, "a", at(69), query.Stale())
		return err == nil && err2 == nil && ok && before && newest.Value == "v3" && old.Value == "v1"
	}
	b.eventually("equal contents of both", func() bool { return check(first) && check(second) })
	copies := len(first.Status().Standbys) + len(second.Status().Standbys)
	if copies != 1 {
		t.Errorf("there are %d standbys, want one", copies)
	}
	stop()
	b.eventually("the other worker is the owner", func() bool { return second.Health().Ready && len(second.Status().Tasks) == 1 })
	if !check(second) {
		t.Error("the standby that took over has other rows")
	}
}
