//go:build integration

package integration

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tidemill/tidemill"
	"github.com/tidemill/tidemill/topology"
)

// command is the command line, built for a test.
type command struct {
	*fixture
	path string
}

func (f *fixture) command() command {
	f.t.Helper()
	path := filepath.Join(f.t.TempDir(), "tidemill")
	if out, err := exec.CommandContext(f.t.Context(), "go", "build", "-o", path, "../cmd/tidemill").CombinedOutput(); err != nil {
		f.t.Fatalf("build the command: %v\n%s", err, out)
	}
	return command{f, path}
}

// run runs the command on the test's cluster.
func (c command) run(args ...string) (string, error) {
	cmd := exec.CommandContext(c.t.Context(), c.path, append(args, "--brokers", strings.Join(c.brokers, ","))...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return out.String(), err
}

func (c command) good(args ...string) string {
	c.t.Helper()
	out, err := c.run(args...)
	if err != nil {
		c.t.Fatalf("tidemill %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

func TestAnApplicationThatIsResetGivesTheSameOutputs(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 3))
	for _, g := range guarantees {
		for _, w := range workloads {
			if w.joins || w.closes {
				continue // their outputs depend on what is read first
			}
			t.Run(g.name+", "+w.name, func(t *testing.T) { runTwice(t, g, w, random) })
		}
	}
}

// runTwice has an application work, sets it back, and has it work again on the same
// local state.
func runTwice(t *testing.T, g guarantee, w workload, random *rand.Rand) {
	f := newFixture(t)
	c := f.command()
	in, out := f.topic("in", 3), f.topic("out", 3)
	stream, want := streamInput(in, random), outputs{}
	for _, r := range stream {
		w.expect(want, r, nil)
	}
	f.produce(stream...)
	options := append([]tidemill.Option{tidemill.StateDir(t.TempDir())}, g.options...)
	skip := map[int32]int64{}
	for round := range 2 {
		b := topology.New(f.app)
		w.build(b, in, "", out)
		worker := f.work(b, options...)
		await(t, "the outputs are what was expected", func() bool {
			worker.alive()
			return f.behind(out, skip, w.newest).difference(want) == ""
		})
		if answer, err := c.run("reset", f.app, "--execute"); err == nil || !strings.Contains(answer, "stop its workers first") {
			t.Errorf("a running application was reset: %s", answer)
		}
		worker.stop()
		if got := f.behind(out, skip, w.newest).difference(want); got != "" {
			t.Errorf("round %d: %s", round, got)
		}
		for _, r := range f.read(out) {
			skip[r.Partition] = r.Offset + 1
		}
		if answer := c.good("reset", f.app); !strings.Contains(answer, "nothing was changed") || f.lag(in) > 1 {
			t.Errorf("without --execute it said\n%s", answer)
		}
		if answer := c.good("reset", f.app, "--execute"); !strings.Contains(answer, in) {
			t.Errorf("it said\n%s", answer)
		}
	}
}

// behind are the outputs behind some offsets.
func (f *fixture) behind(topic string, skip map[int32]int64, newest bool) outputs {
	f.t.Helper()
	out := outputs{}
	for _, r := range f.read(topic) {
		if r.Offset >= skip[r.Partition] {
			out.add(string(r.Key), string(r.Value))
		}
	}
	if newest {
		out.newestOnly()
	}
	return out
}

func TestLettersGoBackByCommandAndTopicsAreMeasured(t *testing.T) {
	f := newFixture(t)
	c := f.command()
	in, out, dead := f.topic("in", 2), f.topic("out", 2), f.topic("dead", 2)
	var mended atomic.Bool
	b := topology.New(f.app)
	b.Stream[string, string](in).
		Filter(func(_, v string) bool {
			if strings.HasPrefix(v, "bad") && !mended.Load() {
				panic(v)
			}
			return true
		}).
		GroupBy(func(_, v string) string { return v }).Count().ToStream().MapValues(decimal).To(out)
	w := f.work(b, tidemill.ExactlyOnce(), tidemill.OnProcessError(tidemill.DeadLetter(dead)))
	for n := range 40 {
		value := fmt.Sprintf("good%d", n)
		if n%4 == 0 {
			value = fmt.Sprintf("bad%d", n)
		}
		f.produce(&kgo.Record{Topic: in, Key: fmt.Appendf(nil, "%d", n), Value: []byte(value)})
	}
	await(t, "all letters are there", func() bool { w.alive(); return len(f.read(dead)) == 10 })
	mended.Store(true)
	if answer := c.good("dlq", "redrive", f.app, dead, "--all"); !strings.Contains(answer, "10 letters were sent back") {
		t.Errorf("it said %s", answer)
	}
	if answer := c.good("dlq", "redrive", f.app, dead, "--all"); !strings.Contains(answer, "0 letters were sent back") {
		t.Errorf("the second time it said %s", answer)
	}
	await(t, "all are counted once", func() bool {
		w.alive()
		have := f.outputs(out)
		have.newestOnly()
		n := 0
		for _, v := range have {
			n += len(v)
		}
		return n == 40 && len(f.read(in)) == 50
	})
	var topics struct {
		Topics []struct {
			Name  string
			Bytes int64
		}
	}
	if err := json.Unmarshal([]byte(c.good("topics", f.app, "--json")), &topics); err != nil {
		t.Fatal(err)
	}
	for _, topic := range topics.Topics {
		if topic.Bytes <= 0 {
			t.Errorf("topic %s has %d bytes", topic.Name, topic.Bytes)
		}
	}
	if len(topics.Topics) != 2 {
		t.Errorf("the topics are %+v", topics)
	}
}
