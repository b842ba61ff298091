package runtime

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func TestRestoreWaitsForAnOpenTransaction(t *testing.T) {
	for _, row := range []struct {
		name string
		end  func(c *changelogs, cl *kgo.Client)
		want string
	}{
		{"that is committed", func(c *changelogs, cl *kgo.Client) { c.must(cl.EndTransaction(c.Context(), kgo.TryCommit)) }, "a=2 b=2"},
		{"that is aborted", func(c *changelogs, cl *kgo.Client) { c.must(cl.EndTransaction(c.Context(), kgo.TryAbort)) }, "a=1"},
		{"that its crashed producer leaves to its timeout", func(*changelogs, *kgo.Client) {}, "a=1"},
	} {
		t.Run(row.name, func(t *testing.T) {
			withChangelogs(t, 1, func(t *testing.T, c *changelogs) {
				c.write("a=1")
				producer := c.begin("a=2", "b=2")
				defer producer.Close()
				fetches := c.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch}, Observe: true, Count: -1})
				local := newLocalState()
				done := make(chan error, 1)
				var got []restored
				go func() {
					var err error
					got, err = newRestorer(c.cl, true).restore(t.Context(), []restoreTarget{local.target("log", 0, -1)}, nil)
					done <- err
				}()
				c.must(fetches.Wait(t.Context(), 20))
				if len(done) > 0 {
					t.Fatal("restored while the outcome was open")
				}
				row.end(c, producer)
				c.must(<-done)
				if got[0].next != 4 || local.String() != row.want {
					t.Errorf("got %+v: %s, want %s", got[0], local, row.want)
				}
			})
		})
	}
}

// first returns a callback for progress that does something once: after the
// bounds are known, before anything is fetched. It notes the end that is aimed at.
func first(do func(), last *int64) func(int, int64, int64) {
	var done bool
	return func(_ int, _, end int64) {
		*last = end
		if !done {
			done = true
			do()
		}
	}
}

func TestRestoreCopesWithChangesOnItsWay(t *testing.T) {
	for _, row := range []struct {
		name     string
		change   func(c *changelogs)
		windowed bool
		want     string
		next     int64
		end      int64
		resets   int
	}{
		{"records are deleted", func(c *changelogs) { c.truncate(2) }, false, "c=3", 3, 3, 1},
		{"records of a windowed log expire", func(c *changelogs) { c.truncate(2) }, true, "a=1 c=3", 3, 3, 0},
		{"the topic is recreated", func(c *changelogs) { c.recreate(); c.write("z=9") }, false, "z=9", 1, 1, 1},
		{"the topic is recreated with more in it", func(c *changelogs) { c.recreate(); c.write("w=6", "x=7", "y=8", "z=9") }, false, "w=6 x=7 y=8 z=9", 4, 4, 1},
		{"the leader moves", func(c *changelogs) {
			c.must(c.cluster.MoveTopicPartition("log", 0, (c.cluster.LeaderFor("log", 0)+1)%3))
		}, false, "a=1 b=2 c=3", 3, 3, 0},
		{"more is written", func(c *changelogs) { c.write("d=4") }, false, "a=1 b=2 c=3 d=4", 4, 3, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			withChangelogs(t, 3, func(t *testing.T, c *changelogs) {
				c.write("a=1", "b=2", "c=3")
				local := newLocalState("a=1")
				target := local.target("log", 0, 1)
				target.topicID, target.windowed = c.id(), row.windowed
				var end int64
				got, err := newRestorer(c.cl, true).restore(t.Context(), []restoreTarget{target}, first(func() { row.change(c) }, &end))
				c.must(err)
				if end != row.end || got[0].next != row.next || got[0].topicID != c.id() || local.String() != row.want || local.resets != row.resets {
					t.Errorf("got %+v: %s after %d resets, aiming at %d", got[0], local, local.resets, end)
				}
			})
		})
	}
}

// Leaders fill an answer in the order of the request, up to its limit.
func TestRestoreAsksFirstForWhatGotNothing(t *testing.T) {
	p := []*replay{{end: 9, bounded: true}, {end: 9, bounded: true}, {end: 9, bounded: true}}
	answers := map[*replay]*answer{p[0]: {p: p[0], bytes: 1}, p[1]: {p: p[1]}}
	live, out := newRestorer(nil, true).sort(p, answers, false)
	if !slices.Equal(live, []*replay{p[1], p[2], p[0]}) || out.any() {
		t.Errorf("got %v, %+v", live, out)
	}
}

func TestRestoreRetriesWhatPasses(t *testing.T) {
	for _, row := range []struct {
		key kmsg.Key
		err *kerr.Error
	}{
		{kmsg.Metadata, kerr.LeaderNotAvailable},
		{kmsg.Metadata, kerr.UnknownTopicOrPartition},
		{kmsg.ListOffsets, kerr.NotLeaderForPartition},
		{kmsg.ListOffsets, kerr.OffsetNotAvailable},
		{kmsg.ListOffsets, kerr.FencedLeaderEpoch},
		{kmsg.Fetch, kerr.NotLeaderForPartition},
		{kmsg.Fetch, kerr.UnknownTopicOrPartition},
		{kmsg.Fetch, kerr.UnknownTopicID},
		{kmsg.Fetch, kerr.FencedLeaderEpoch},
		{kmsg.Fetch, kerr.UnknownLeaderEpoch},
		{kmsg.Fetch, kerr.OffsetOutOfRange},
		{kmsg.Fetch, kerr.KafkaStorageError},
	} {
		t.Run(fmt.Sprintf("%s %s", row.key.Name(), row.err.Message), func(t *testing.T) {
			withChangelogs(t, 1, func(t *testing.T, c *changelogs) {
				c.write("a=1", "b=2")
				fault := c.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{row.key}, Topic: "log", Err: row.err, Count: 3})
				local := newLocalState("a=1")
				_, err := newRestorer(c.cl, true).restore(t.Context(), []restoreTarget{local.target("log", 0, 1)}, nil)
				c.must(err)
				if local.String() != "a=1 b=2" || local.resets > 0 || fault.Hits() != 3 {
					t.Errorf("got %s after %d resets and %d faults", local, local.resets, fault.Hits())
				}
			})
		})
	}
}

func TestRestoreEndsWithWhatCannotBeMended(t *testing.T) {
	broken := errors.New("broken")
	for _, row := range []struct {
		name    string
		prepare func(c *changelogs, target *restoreTarget)
		want    error
		text    string
	}{
		{"a callback fails", func(_ *changelogs, target *restoreTarget) {
			target.apply = func([]*kgo.Record) error { return broken }
		}, broken, `changelog "log" partition 0: broken`},
		{"the state cannot be wiped", func(_ *changelogs, target *restoreTarget) {
			target.from, target.reset = 9, func() error { return broken }
		}, broken, `changelog "log" partition 0: broken`},
		{"the log may not be read", func(c *changelogs, _ *restoreTarget) {
			c.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch}, Topic: "log", Err: kerr.TopicAuthorizationFailed})
		}, kerr.TopicAuthorizationFailed, "the user lacks a permission"},
		{"the log's end may not be asked for", func(c *changelogs, _ *restoreTarget) {
			c.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.ListOffsets}, Topic: "log", Err: kerr.TopicAuthorizationFailed})
		}, kerr.TopicAuthorizationFailed, "the user lacks a permission"},
		{"the topic does not exist", func(_ *changelogs, target *restoreTarget) { target.topic = "gone" },
			kerr.UnknownTopicOrPartition, `changelog "gone" partition 0: the topic does not exist`},
	} {
		t.Run(row.name, func(t *testing.T) {
			withChangelogs(t, 1, func(t *testing.T, c *changelogs) {
				c.write("a=1")
				c.create("other", 1)
				target := newLocalState().target("log", 0, -1)
				row.prepare(c, &target)
				_, err := newRestorer(c.cl, true).restore(t.Context(), []restoreTarget{newLocalState().target("other", 0, -1), target}, nil)
				if !errors.Is(err, row.want) || !strings.Contains(err.Error(), row.text) {
					t.Errorf("error %v", err)
				}
			})
		})
	}
}

func TestRestoreEndsWithItsContextAndSaysWhatItWaitedFor(t *testing.T) {
	withChangelogs(t, 1, func(t *testing.T, c *changelogs) {
		c.write("a=1")
		fault := c.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch}, Topic: "log", Err: kerr.NotLeaderForPartition, Count: -1})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() {
			_, err := newRestorer(c.cl, true).restore(ctx, []restoreTarget{newLocalState().target("log", 0, -1)}, nil)
			done <- err
		}()
		c.must(fault.Wait(t.Context(), 5))
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) || !errors.Is(err, kerr.NotLeaderForPartition) {
			t.Errorf("error %v", err)
		}
	})
}

func TestRestoreManyPartitionsOfSeveralLeaders(t *testing.T) {
	withChangelogs(t, 3, func(t *testing.T, c *changelogs) {
		const partitions = 24
		c.create("many", partitions)
		want := make([]*localState, partitions)
		var records []*kgo.Record
		for p := range want {
			want[p] = newLocalState()
			for i := range 50 * (p % 5) {
				key, value := strconv.Itoa(i%7), strconv.Itoa(i)
				want[p].rows[key] = value
				records = append(records, &kgo.Record{Topic: "many", Partition: int32(p), Key: []byte(key), Value: []byte(value)})
			}
		}
		c.must(c.cl.ProduceSync(t.Context(), records...).FirstErr())
		var targets []restoreTarget
		got := make([]*localState, partitions)
		for p := range got {
			got[p] = newLocalState()
			targets = append(targets, got[p].target("many", int32(p), -1))
		}
		var moved atomic.Bool
		done, err := newRestorer(c.cl, true).restore(t.Context(), targets, func(int, int64, int64) {
			if !moved.Swap(true) {
				c.cluster.ShufflePartitionLeaders()
			}
		})
		c.must(err)
		for p := range got {
			if got[p].String() != want[p].String() || done[p].records != int64(50*(p%5)) || len(got[p].faults) > 0 {
				t.Errorf("partition %d: %+v, %v: %s, want %s", p, done[p], got[p].faults, got[p], want[p])
			}
		}
	})
}

func TestRestoreRefusesTheSamePartitionTwice(t *testing.T) {
	target := newLocalState().target("log", 0, -1)
	if _, err := newRestorer(nil, true).restore(t.Context(), []restoreTarget{target, target}, nil); err == nil {
		t.Error("no error")
	}
}
