package main

import (
	"context"
	"encoding/json/v2"
	"errors"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// feed writes generated events to the raw topic, and keeps account of them.
type feed struct {
	cluster *cluster
	events  int // 0 is without end
	clock   clock
	pace    pace
	made    *generator
	want    *expectation
	written atomic.Int64 // events, without heartbeats
	latest  time.Time    // of the events; for when run has ended

	mu   sync.Mutex
	ends map[int32]int64 // behind the last record written, by partition
	err  error           // of the first record that could not be written
}

// newFeed makes the feed of a run that begins at start.
func newFeed(c *cluster, o options, start time.Time) *feed {
	return &feed{
		cluster: c, events: o.events, clock: o.clock(start.Add(disorder)), pace: pace{o.rate, time.Now()},
		made: newGenerator(o.seed, start), want: newExpectation(), ends: map[int32]int64{},
	}
}

// lead is how far, in event time, the feed runs ahead of the topology.
const lead = grace - disorder

// run writes all events and then the heartbeats.
//
// The partitions of the raw topic are read by tasks that do not wait for each
// other. If one were ahead by more than the grace, its events would close windows
// which the others' still belong to. A topology that follows a live feed never
// sees that; one that works off a backlog as fast as it can does, whether it is
// Tidemill's or Kafka Streams'. So the feed behaves like a live one at any speed:
// it goes on only when everything earlier than lead has been counted.
func (f *feed) run(ctx context.Context) error {
	var gate time.Time
	for i := 0; f.events == 0 || i < f.events; i++ {
		if err := f.pace.wait(ctx, i); err != nil {
			return err
		}
		at := f.clock(i)
		if at.Sub(gate) > lead {
			if err := f.consumed(ctx); err != nil {
				return err
			}
			gate = at
		}
		t := f.made.next(at)
		if f.events > 0 {
			f.want.add(t)
		}
		if err := f.write(ctx, t); err != nil {
			return err
		}
		f.written.Add(1)
		f.latest = at
	}
	// Behind a heartbeat everything is late, so it must not overtake an event.
	if err := f.consumed(ctx); err != nil {
		return err
	}
	closing := f.latest.Truncate(time.Minute).Add(time.Minute + grace)
	for _, t := range heartbeats(f.cluster.partitions, closing) {
		if err := f.write(ctx, t); err != nil {
			return err
		}
	}
	return f.consumed(ctx)
}

func (f *feed) write(ctx context.Context, t Threat) error {
	value, err := json.Marshal(t)
	if err != nil {
		return err
	}
	r := &kgo.Record{Topic: rawTopic, Key: []byte(t.Target), Value: value, Timestamp: t.At}
	f.cluster.client.Produce(ctx, r, f.acknowledged)
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}

// acknowledged notes how far a partition has been written.
func (f *feed) acknowledged(r *kgo.Record, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case err == nil:
		f.ends[r.Partition] = max(f.ends[r.Partition], r.Offset+1)
	case f.err == nil:
		f.err = fmt.Errorf("write to %s: %w", rawTopic, err)
	}
}

// patience is how long the topology may take for something before it is given up.
const patience = time.Minute

// consumed waits until the topology has committed everything that was written.
func (f *feed) consumed(ctx context.Context) error {
	if err := f.cluster.client.Flush(ctx); err != nil {
		return err
	}
	f.mu.Lock()
	ends, err := maps.Clone(f.ends), f.err
	f.mu.Unlock()
	if err != nil {
		return err
	}
	return until(ctx, "the topology to read what was written", func() (bool, error) {
		return f.cluster.committed(ctx, ends)
	})
}

var errInVain = errors.New("waited in vain")

// until waits for a condition, which it looks at again and again.
func until(ctx context.Context, what string, done func() (bool, error)) error {
	deadline := time.Now().Add(patience)
	for {
		ok, err := done()
		if ok || err != nil {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%w: %v for %s", errInVain, patience, what)
		}
		if err := sleep(ctx, 10*time.Millisecond); err != nil {
			return err
		}
	}
}
