//go:build integration

package integration

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// chaos kills, freezes and fences the workers of one application at random.
type chaos struct {
	t       *testing.T
	f       *fixture
	job     job
	random  *rand.Rand
	workers [2]*process
	all     []*process
	states  [3]string
	// kills, wipes, both, joins, freezes and fences count what was done.
	kills, wipes, both, joins, freezes, fences int
}

// newChaos starts two workers that run a job, each with a state folder of its own.
func newChaos(f *fixture, j job) *chaos {
	seed := uint64(time.Now().UnixNano())
	f.t.Logf("seed %d", seed)
	c := &chaos{t: f.t, f: f, job: j, random: rand.New(rand.NewPCG(seed, 1))}
	for i := range c.states {
		c.states[i] = filepath.Join(f.t.TempDir(), fmt.Sprintf("state-%d", i))
	}
	for i := range c.workers {
		c.start(i)
	}
	return c
}

func (c *chaos) start(i int) {
	c.workers[i] = c.begin(fmt.Sprintf("worker-%d", i), c.states[i])
}

func (c *chaos) begin(name, state string) *process {
	j := c.job
	j.StateDir = state
	p := startWorker(c.t, name, j)
	c.all = append(c.all, p)
	return p
}

// between waits for a random time of at least low and less than high.
func (c *chaos) between(low, high time.Duration) {
	select {
	case <-time.After(low + time.Duration(c.random.Int64N(int64(high-low)))):
	case <-c.t.Context().Done():
	}
}

// run does everything that a test wants to see at least once, and kills until the
// number of kills is reached.
func (c *chaos) run(kills int) {
	special := []func(){c.fence, c.freeze, c.join, c.killBoth, c.join, c.killBoth}
	if !c.job.ExactlyOnce {
		special = []func(){c.killBoth, c.join}
	}
	every := kills / (len(special) + 1)
	for next := every; c.kills < kills || len(special) > 0; {
		c.between(500*time.Millisecond, 3*time.Second)
		if len(special) > 0 && c.kills >= next {
			special[0]()
			special, next = special[1:], next+every
			continue
		}
		c.killOne(c.random.IntN(2))
	}
}

func (c *chaos) killOne(i int) {
	c.kill(i)
	c.between(0, 1500*time.Millisecond)
	c.start(i)
}

// kill kills a worker, and one time in three what it has on disk is gone too.
func (c *chaos) kill(i int) {
	c.workers[i].kill()
	c.kills++
	if c.random.IntN(3) > 0 {
		return
	}
	c.wipes++
	if err := os.RemoveAll(c.states[i]); err != nil {
		c.t.Fatal(err)
	}
}

func (c *chaos) killBoth() {
	c.both++
	c.kill(0)
	c.kill(1)
	c.between(0, 500*time.Millisecond)
	c.start(1)
	c.start(0)
}

// join has a third worker join and leave in good order: tasks move in the middle
// of transactions.
func (c *chaos) join() {
	c.joins++
	third := c.begin("worker-2", c.states[2])
	await(c.t, "the third worker gets a task\n"+third.logTail(), func() bool {
		return len(third.seen(started)) > 0
	})
	c.between(200*time.Millisecond, time.Second)
	third.stop(c.t)
}

// freeze holds a worker up until its transaction and its session have timed out.
func (c *chaos) freeze() {
	c.freezes++
	i := c.random.IntN(2)
	c.settled(i)
	c.workers[i].freeze()
	limit := max(c.job.TransactionTimeout, c.job.SessionTimeout) + 1500*time.Millisecond
	c.between(limit, limit+time.Millisecond)
	aborts := len(c.workers[i].seen(aborted))
	c.workers[i].thaw()
	c.recovers(i, aborts, "a worker whose transaction timed out")
}

// fence takes a worker's transactional id from it.
func (c *chaos) fence() {
	c.fences++
	i := c.random.IntN(2)
	c.settled(i)
	aborts := len(c.workers[i].seen(aborted))
	id, err := os.ReadFile(filepath.Join(c.states[i], c.job.Application, "0", "instance"))
	if err != nil {
		c.t.Fatal(err)
	}
	c.f.fence(string(id))
	c.recovers(i, aborts, "a worker whose producer was fenced")
}

// fence takes the transactional id of a worker's instance from it.
func (f *fixture) fence(instance string) {
	f.t.Helper()
	cl := f.newClient(kgo.TransactionalID(f.app + "-" + instance))
	defer cl.Close()
	ctx, cancel := context.WithTimeout(f.t.Context(), 10*time.Second)
	defer cancel()
	if _, _, err := cl.ProducerID(ctx); err != nil && !errors.Is(err, context.Canceled) {
		f.t.Fatalf("fencing: %v", err)
	}
}

// settled waits until a worker works on something.
func (c *chaos) settled(i int) {
	commits := len(c.workers[i].seen(committed))
	await(c.t, "a worker commits", func() bool {
		return len(c.workers[i].seen(committed)) > commits
	})
}

// recovers waits until a worker has noticed, aborted and committed again.
func (c *chaos) recovers(i, before int, who string) {
	await(c.t, who+" aborts", func() bool {
		return len(c.workers[i].seen(aborted)) > before
	})
	c.settled(i)
}

// end stops the workers in good order and says what was done.
func (c *chaos) end() {
	for _, p := range c.workers {
		p.stop(c.t)
	}
	replayed, aborts := int64(0), 0
	for _, p := range c.all {
		aborts += len(p.seen(aborted))
		for _, r := range p.seen(restored) {
			replayed += r.Records
		}
	}
	c.t.Logf("%d kills (%d with the state wiped, %d times both workers), %d joins and leaves, %d freezes, %d fenced; %d worker processes, %d aborts, %d records restored",
		c.kills, c.wipes, c.both, c.joins, c.freezes, c.fences, len(c.all), aborts, replayed)
}
