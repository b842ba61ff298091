//go:build integration

package integration

import (
	"math/rand/v2"
	"testing"
	"time"
)

// redisFire is a worker with counters in Redis, both of which are killed.
type redisFire struct {
	t      *testing.T
	f      *fixture
	s      *redisServer
	j      job
	w      *process
	random *rand.Rand
	// workers, servers and saves count what was done.
	workers, servers, saves int
}

// between waits for a random time below a limit.
func (r *redisFire) between(limit time.Duration) {
	select {
	case <-time.After(time.Duration(r.random.Int64N(int64(limit)))):
	case <-r.t.Context().Done():
	}
}

func (r *redisFire) killWorker() {
	r.w.kill()
	r.workers++
	r.between(300 * time.Millisecond)
	r.w = startWorker(r.t, "worker", r.j)
}

func (r *redisFire) killServer() {
	r.s.kill()
	r.servers++
	r.between(1500 * time.Millisecond)
	r.s.start()
}

// run kills at random, until there were so many kills.
func (r *redisFire) run(kills int, snapshots bool) {
	for r.workers+r.servers < kills {
		r.between(2500 * time.Millisecond)
		if snapshots && r.random.IntN(2) == 0 {
			if err := r.s.Save(r.t.Context()).Err(); err != nil {
				r.t.Fatal(err)
			}
			r.saves++
			r.between(time.Second)
		}
		switch {
		case r.servers*2 < r.workers:
			r.killServer()
		case r.workers*2 < r.servers || r.random.IntN(2) == 0:
			r.killWorker()
		default:
			r.killServer()
		}
	}
}

// feed writes numbered records until it is told to stop, and says how many.
func (f *fixture) feed(topic string, stop <-chan struct{}) (sent <-chan int) {
	out := make(chan int, 1)
	go func() {
		n := 0
		defer func() { out <- n }()
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
			case <-stop:
				return
			}
			if err := f.client.ProduceSync(f.t.Context(), numbered(topic, n, 40)...).FirstErr(); err != nil {
				f.t.Errorf("feeding: %v", err)
				return
			}
			n += 40
		}
	}()
	return out
}

func TestCountersInRedisAreExactUnderFire(t *testing.T) {
	const kills = 20
	for _, test := range []struct {
		name        string
		exactlyOnce bool
		// snapshots says that Redis keeps nothing but snapshots, so that a kill loses
		// what came after the last one; it is rebuilt then.
		snapshots bool
	}{
		{"at least once", false, false},
		{"exactly once", true, false},
		{"a redis that forgets", false, true},
		{"a redis that forgets, exactly once", true, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := newFixture(t)
			args, loss := []string{"--appendonly", "yes", "--appendfsync", "always"}, ""
			if test.snapshots {
				args, loss = []string{"--save", ""}, "rebuild"
			}
			s := startRedis(t, args...)
			topic := f.topic("in", 3)
			j := job{
				Application: f.app, Topology: "redis", Brokers: f.brokers, ExactlyOnce: test.exactlyOnce, StateDir: t.TempDir(),
				Topics:         map[string]string{"in": topic, "redis": s.addr, "loss": loss},
				CommitInterval: 100 * time.Millisecond, SessionTimeout: 6 * time.Second, TransactionTimeout: 6 * time.Second,
				InstanceID: "one", // is back at once
			}
			seed := uint64(time.Now().UnixNano())
			t.Logf("seed %d", seed)
			r := &redisFire{t: t, f: f, s: s, j: j, random: rand.New(rand.NewPCG(seed, 1)), w: startWorker(t, "worker", j)}
			calm := make(chan struct{})
			sent := f.feed(topic, calm)
			r.run(kills, test.snapshots)
			close(calm)
			want := <-sent
			await(t, "all is counted\n"+r.w.logTail(), func() bool { return s.total() >= want && f.lag(topic) == 0 })
			r.w.stop(t)
			counts, total := s.counts()
			t.Logf("%d kills of the worker, %d of Redis, %d snapshots; %d records, %d counted", r.workers, r.servers, r.saves, want, total)
			if total != want {
				t.Errorf("%d are counted, want %d", total, want)
			}
			for k, n := range counts {
				if expect := (want + 199 - k) / 200; n != expect {
					t.Errorf("k%d is %d, want %d", k, n, expect)
				}
			}
		})
	}
}
