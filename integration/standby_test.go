//go:build integration

package integration

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/tidemill/tidemill/status"
)

const standbyTasks = 6

// flock is workers that count, with a standby of each task, in processes of their
// own, each with an admin address.
type flock struct {
	*fixture
	job     job
	workers []*process
	fed     int64
}

func newFlock(t *testing.T, exactlyOnce bool, workers int) *flock {
	f := newFixture(t)
	k := &flock{fixture: f, job: job{
		Application: f.app, Topology: "count", Brokers: f.brokers, ExactlyOnce: exactlyOnce, Standbys: 1,
		Topics:             map[string]string{"in": f.topic("in", standbyTasks), "out": f.topic("out", standbyTasks)},
		CheckpointInterval: time.Second, SessionTimeout: 6 * time.Second, CommitInterval: 100 * time.Millisecond,
	}}
	for range workers {
		k.join()
	}
	return k
}

// join starts one more worker, with an empty disk.
func (k *flock) join() *process {
	j := k.job
	j.StateDir, j.Admin = k.t.TempDir(), freeAddr(k.t)
	k.workers = append(k.workers, startWorker(k.t, fmt.Sprintf("worker-%d", len(k.workers)), j))
	return k.workers[len(k.workers)-1]
}

// feed counts each of ten keys n more times.
func (k *flock) feed(n int64) {
	k.t.Helper()
	k.fed += n
	k.produce(keyed(k.job.Topics["in"], "k", int(10*n))...)
}

// fill is feed that waits until all is counted, and all standbys have it.
func (k *flock) fill(n int64) {
	k.t.Helper()
	k.feed(n)
	k.awaitCounts(k.job.Topics["out"], counted("k", k.fed))
	k.standing(standbyTasks, k.workers...)
}

// get asks a worker's admin address and returns the status code, or 0.
func (k *flock) get(p *process, path string, into any) int {
	response, err := http.Get("http://" + p.job.Admin + path)
	if err != nil {
		return 0
	}
	defer response.Body.Close()
	if err := json.NewDecoder(response.Body).Decode(into); err != nil {
		k.t.Fatalf("%s of %s: %v", path, p.name, err)
	}
	return response.StatusCode
}

// standing waits until these workers have divided all tasks, and have n standbys, which
// have applied everything that is in the changelog now.
func (k *flock) standing(n int, workers ...*process) {
	k.t.Helper()
	ends, err := k.admin.ListEndOffsets(k.t.Context(), k.app+"-counts-changelog")
	if err != nil {
		k.t.Fatal(err)
	}
	await(k.t, "all tasks have standbys that lack nothing", func() bool {
		tasks, standbys := 0, 0
		for _, p := range workers {
			var w status.Worker
			if k.get(p, "/api/status", &w) != http.StatusOK || w.State != status.Running || len(w.Tasks) < standbyTasks/len(workers) {
				return false
			}
			tasks += len(w.Tasks)
			for _, s := range w.Standbys {
				end, _ := ends.Lookup(s.Stores[0].Changelog, s.Partition)
				if s.State == status.Running && s.Stores[0].Position >= end.Offset {
					standbys++
				}
			}
		}
		return tasks == standbyTasks && standbys == n
	})
}

// settled waits until everything that was fed is counted, once if it is to be exact.
func (k *flock) settled(exact bool) {
	k.t.Helper()
	if exact {
		k.awaitCounts(k.job.Topics["out"], counted("k", k.fed))
		return
	}
	await(k.t, "nothing is lost", func() bool {
		for key, n := range counted("k", k.fed) {
			if k.newest(k.job.Topics["out"])[key] < n {
				return false
			}
		}
		return true
	})
}

func TestAStandbyTakesOverFromAKilledOwner(t *testing.T) {
	for _, g := range guarantees {
		t.Run(g.name, func(t *testing.T) {
			k := newFlock(t, g.name == "exactly once", 3)
			k.fill(3000)
			total := len(k.read(k.app + "-counts-changelog"))
			lost := k.workers[0].holds()
			k.feed(10) // some of it may be in the midst of a transaction
			k.workers[0].kill()
			before := [2]int{len(k.workers[1].seen(restored)), len(k.workers[2].seen(restored))}
			k.feed(10)
			await(t, "the others have all tasks", func() bool {
				return len(k.workers[1].holds())+len(k.workers[2].holds()) == standbyTasks
			})
			replayed, taken := int64(0), 0
			for i, p := range k.workers[1:] {
				for _, r := range p.seen(restored)[before[i]:] {
					replayed, taken = replayed+r.Records, taken+1
				}
			}
			t.Logf("%d tasks %v were taken over, %d of about %d changelog records replayed", taken, lost, replayed, total)
			if len(lost) == 0 || taken < len(lost) || replayed > 250 {
				t.Errorf("%d of %d tasks were taken over with %d records, want all of them with what came last only", taken, len(lost), replayed)
			}
			k.settled(g.name == "exactly once")
			k.standing(standbyTasks, k.workers[1:]...)
			for _, p := range k.workers[1:] {
				if n := len(p.seen(aborted)); n > 0 {
					t.Errorf("%s went back %d times", p.name, n)
				}
			}
		})
	}
}

// A worker that joins gets tasks when it has copies of their stores, which the others work
// on meanwhile. One that is killed on the way there takes nothing with it.
func TestAWorkerThatJoinsIsWarmedUp(t *testing.T) {
	for _, g := range guarantees {
		t.Run(g.name, func(t *testing.T) {
			k := newFlock(t, g.name == "exactly once", 2)
			k.fill(3000)
			joined := k.join()
			k.feed(10)
			k.standing(standbyTasks, k.workers...)
			replayed := int64(0)
			for _, r := range joined.seen(restored) {
				replayed += r.Records
			}
			t.Logf("the new worker has %v, with %d records replayed", joined.holds(), replayed)
			if replayed > 250 {
				t.Errorf("the new worker has replayed %d records for its tasks %v, want what came last only", replayed, joined.holds())
			}
			k.awaitCounts(k.job.Topics["out"], counted("k", k.fed))
			for _, p := range k.workers {
				if n := len(p.seen(aborted)); n > 0 {
					t.Errorf("%s went back %d times", p.name, n)
				}
			}

			stay := k.workers
			killed := k.join()
			await(t, "the next worker keeps copies", func() bool {
				var w status.Worker
				return k.get(killed, "/api/status", &w) == http.StatusOK && len(w.Standbys) > 0
			})
			k.feed(10)
			killed.kill()
			k.feed(10)
			k.settled(g.name == "exactly once")
			k.standing(standbyTasks, stay...)
		})
	}
}

// rows is what the admin address answers a query with.
type rowsAnswer struct {
	Rows []struct {
		Key   string
		Value int64
	}
	Copies  []struct{ Lag int64 }
	Missing []string
	Error   string
}

func TestQueriesFindTheirWayWhenAWorkerIsKilled(t *testing.T) {
	k := newFlock(t, true, 3)
	k.fill(500)
	want := counted("k", k.fed)
	owned := map[string]bool{} // keys that a stale query is to find a copy of
	for _, p := range k.workers {
		for key, n := range want {
			var a rowsAnswer
			if code := k.get(p, "/api/stores/counts?key="+key, &a); code != http.StatusOK || len(a.Rows) != 1 || a.Rows[0].Value != n || len(a.Copies) > 0 {
				t.Fatalf("%s of %s: %d %+v, want %d", key, p.name, code, a, n)
			}
		}
		var known struct{ Members []status.Member }
		if code := k.get(p, "/api/members", &known); code != http.StatusOK || len(known.Members) != 3 || slices.ContainsFunc(known.Members, func(m status.Member) bool { return len(m.Standbys) == 0 }) {
			t.Fatalf("the members of %s: %d %+v", p.name, code, known)
		}
	}
	for key := range want {
		var a rowsAnswer
		if k.get(k.workers[0], "/api/stores/counts?scope=local&key="+key, &a) == http.StatusOK {
			owned[key] = true
		}
	}
	if len(owned) == 0 {
		t.Fatal("the first worker has none of the keys")
	}

	k.workers[0].kill()
	survivors := k.workers[1:]
	copies := 0
	for _, p := range survivors { // long before the group notices
		for key := range owned {
			var a rowsAnswer
			code := k.get(p, "/api/stores/counts?stale=1&wait=5s&key="+key, &a)
			if code != http.StatusOK || len(a.Rows) != 1 || a.Rows[0].Value != want[key] {
				t.Errorf("a stale %s of %s: %d %+v, want %d", key, p.name, code, a, want[key])
			}
			copies += len(a.Copies)
		}
		var all rowsAnswer
		if code := k.get(p, "/api/stores/counts?"+url.Values{"stale": {"1"}, "wait": {"5s"}}.Encode(), &all); code != http.StatusOK || len(all.Rows) != len(want) || len(all.Missing) > 0 {
			t.Errorf("all stale rows of %s: %d %+v", p.name, code, all)
		}
	}
	if copies == 0 {
		t.Error("no standby has answered")
	}
	retries := map[int]int{}
	for _, p := range survivors {
		for key, n := range want {
			await(t, "an answer for "+key, func() bool {
				var a rowsAnswer
				code := k.get(p, "/api/stores/counts?key="+key, &a)
				if code == http.StatusOK {
					if len(a.Rows) != 1 || a.Rows[0].Value != n || len(a.Copies) > 0 {
						t.Fatalf("%s of %s: %+v, want %d", key, p.name, a, n)
					}
					return true
				}
				if code != http.StatusServiceUnavailable {
					t.Fatalf("%s of %s: %d %+v, want an answer, or to be asked again", key, p.name, code, a)
				}
				retries[code]++
				return false
			})
		}
	}
	t.Logf("%d stale answers by standbys; asked again %v", copies, retries)
	for _, p := range survivors {
		p.stop(t)
	}
}
