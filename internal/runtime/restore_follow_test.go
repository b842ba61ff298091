package runtime

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// pursuit is a log that is being followed into local state.
type pursuit struct {
	*changelogs
	state  *localState
	cancel context.CancelFunc
	ended  chan error

	mu   sync.Mutex
	seen []sight
}

// follow begins to follow the log from an offset.
func (c *changelogs) follow(readCommitted bool, state *localState, from int64, id [16]byte) *pursuit {
	c.Helper()
	ctx, cancel := context.WithCancel(c.Context())
	f := &pursuit{changelogs: c, state: state, cancel: cancel, ended: make(chan error, 1)}
	cl := c.client()
	target := state.target("log", 0, from)
	target.topicID = id
	go func() {
		defer cl.Close()
		f.ended <- newRestorer(cl, readCommitted).follow(ctx, []restoreTarget{target}, func(_ int, s sight) {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.seen = append(f.seen, s)
		})
	}()
	return f
}

// stands lets virtual time pass and compares the state, and where it is thought to stand.
func (f *pursuit) stands(rows string, at sight) {
	f.Helper()
	<-time.After(10 * time.Second) // of virtual time
	synctest.Wait()
	f.mu.Lock()
	defer f.mu.Unlock()
	if got := f.state.String(); got != rows {
		f.Errorf("the state is %q, want %q", got, rows)
	}
	if len(f.seen) == 0 {
		f.Fatal("nothing was seen")
	}
	last := f.seen[len(f.seen)-1]
	at.topicID = f.id()
	if last != at {
		f.Errorf("it stands at %+v, want %+v", last, at)
	}
}

func (f *pursuit) end() {
	f.Helper()
	f.cancel()
	if err := <-f.ended; !errors.Is(err, context.Canceled) {
		f.Errorf("following ended with %v", err)
	}
	for _, fault := range f.state.faults {
		f.Error(fault)
	}
}

func TestFollowGoesOnWithWhatIsAppended(t *testing.T) {
	withChangelogs(t, 1, func(_ *testing.T, c *changelogs) {
		f := c.follow(true, newLocalState(), -1, [16]byte{})
		f.stands("", sight{next: 0, end: 0})
		c.write("a=1", "b=2")
		f.stands("a=1 b=2", sight{next: 2, end: 2})
		c.write("a=3")
		f.stands("a=3 b=2", sight{next: 3, end: 3})
		c.transact(kgo.TryCommit, "c=1")
		f.stands("a=3 b=2 c=1", sight{next: 5, end: 5})
		c.transact(kgo.TryAbort, "d=1")
		f.stands("a=3 b=2 c=1", sight{next: 7, end: 7})
		if f.state.resets > 0 {
			f.Errorf("it was reset %d times", f.state.resets)
		}
		f.end()
	})
}

func TestFollowShowsNothingOfAnOpenTransaction(t *testing.T) {
	withChangelogs(t, 1, func(_ *testing.T, c *changelogs) {
		c.write("a=1")
		open := c.begin("a=2", "b=2")
		defer open.Close()
		f := c.follow(true, newLocalState(), -1, [16]byte{})
		f.stands("a=1", sight{next: 1, end: 1})
		c.must(open.EndTransaction(c.Context(), kgo.TryCommit))
		f.stands("a=2 b=2", sight{next: 4, end: 4})
		f.end()
	})
}

func TestFollowBeginsAnewWhenTheLogIsAnother(t *testing.T) {
	for _, row := range []struct {
		name   string
		happen func(c *changelogs)
		want   string
		at     sight
	}{
		{"it is recreated", func(c *changelogs) { c.recreate(); c.write("z=1") }, "z=1", sight{next: 1, end: 1}},
		{"it is truncated behind the state", func(c *changelogs) { c.truncate(1) }, "a=1 b=2", sight{next: 2, end: 2}},
	} {
		t.Run(row.name, func(t *testing.T) {
			withChangelogs(t, 1, func(_ *testing.T, c *changelogs) {
				c.write("a=1", "b=2")
				f := c.follow(true, newLocalState(), -1, [16]byte{})
				f.stands("a=1 b=2", sight{next: 2, end: 2})
				row.happen(c)
				f.stands(row.want, row.at)
				f.end()
			})
		})
	}
	t.Run("it is truncated before the state", func(t *testing.T) {
		withChangelogs(t, 1, func(_ *testing.T, c *changelogs) {
			c.write("a=1", "b=2", "c=3")
			c.truncate(2)
			f := c.follow(true, newLocalState("a=1"), 1, [16]byte{})
			f.stands("c=3", sight{next: 3, end: 3})
			if f.state.resets != 1 {
				f.Errorf("it was reset %d times, want once", f.state.resets)
			}
			f.end()
		})
	})
}

func TestFollowPassesAGapAtTheEnd(t *testing.T) {
	withChangelogs(t, 1, func(_ *testing.T, c *changelogs) {
		c.write("a=1", "b=2", "c=3")
		c.answersDry(2, 3)
		f := c.follow(true, newLocalState("a=1", "b=2"), 2, c.id())
		f.stands("a=1 b=2", sight{next: 3, end: 3})
		f.end()
	})
}

func TestFollowSaysWhichTargetFailed(t *testing.T) {
	withChangelogs(t, 1, func(t *testing.T, c *changelogs) {
		cl := c.client()
		defer cl.Close()
		c.write("a=1")
		broken := errors.New("the disk is gone")
		target := newLocalState().target("log", 0, -1)
		target.apply = func([]*kgo.Record) error { return broken }
		err := newRestorer(cl, false).follow(t.Context(), []restoreTarget{target}, func(int, sight) {})
		var one *targetError
		if !errors.As(err, &one) || one.of != (topicPartition{"log", 0}) || !errors.Is(err, broken) {
			t.Errorf("following ended with %v", err)
		}
	})
}
