package task_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tidemill/tidemill/internal/task"
	"github.com/tidemill/tidemill/internal/task/tasktest"
	"github.com/tidemill/tidemill/topology"
)

// TestCallsAtRandom takes records, finishes calls in any order, lets them fail,
// commits and crashes at any time. What is committed must be every record of a key
// once and in its order, and no offset may be committed before its record.
func TestCallsAtRandom(t *testing.T) {
	for range 100 {
		seed := rand.Uint64()
		if !t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) { callsAtRandom(t, rand.New(rand.NewPCG(seed, 1))) }) {
			return
		}
	}
}

func callsAtRandom(t *testing.T, random *rand.Rand) {
	b := topology.New("app")
	call := func(_ context.Context, _, value string) (string, error) {
		if random.IntN(8) == 0 {
			return "", errors.New("no answer")
		}
		return value, nil
	}
	options := []topology.AsyncOption{
		topology.Concurrency(1 + random.IntN(6)), topology.CallRetries(random.IntN(3), ms), topology.CallTimeout(time.Duration(1+random.IntN(3)) * time.Second),
	}
	s := b.Stream[string, string]("in").Async(call, options...)
	if random.IntN(2) == 0 {
		s = s.GroupByKey().Reduce(func(all, value string) string { return all + "," + value }).ToStream().
			MapValues(func(all string) string { return all[strings.LastIndexByte(all, ',')+1:] }).Async(call, options...)
	}
	s.To("out")
	d := tasktest.Start(t, b, tasktest.Uncached, tasktest.Policy(task.Retry(1000, ms, task.Fail())), func(c *task.Config) {
		c.MaxDrain = int64(random.IntN(2) * 5000)
	})
	want := map[string][]string{}
	n, sent := 0, 20+random.IntN(40)
	committed := func() []string {
		results := d.Results()
		n += len(results)
		if at := d.Position("in").Offset; at > int64(n) {
			t.Fatalf("offset %d is committed, but only %d results", at, n)
		}
		return results
	}
	var got []string
	for i := range sent {
		key, value := fmt.Sprintf("k%d", random.IntN(6)), fmt.Sprint(i)
		want[key] = append(want[key], value)
		d.Send("in", fmt.Sprintf("%s=%s@%d", key, value, i+1))
		for range random.IntN(4) {
			step(d, random)
			got = append(got, committed()...)
		}
	}
	settle(d)
	got = append(got, committed()...)
	have := map[string][]string{}
	for _, line := range got {
		key, rest, _ := strings.Cut(strings.TrimPrefix(line, "out "), "=")
		value, _, _ := strings.Cut(rest, "@")
		have[key] = append(have[key], value)
	}
	for key, values := range want {
		if !slices.Equal(have[key], values) {
			t.Errorf("key %s has %v, want %v", key, have[key], values)
		}
	}
}

// step does something that may happen at any time.
func step(d *tasktest.Driver, random *rand.Rand) {
	switch at := random.IntN(20); {
	case at == 0:
		d.Crash()
	case at < 3:
		for !d.Drained() {
			for d.UnderWay() == 0 {
				d.Now = d.NextCall()
			}
			d.Finish(random.IntN(d.UnderWay()))
		}
		d.Commit()
	case at < 6:
		d.Now += random.Int64N(2000)
	case at < 10:
		d.Run()
	default:
		if n := d.UnderWay(); n > 0 {
			d.Finish(random.IntN(n))
		}
	}
}
