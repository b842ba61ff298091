package task_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tidemill/tidemill/internal/task"
	"github.com/tidemill/tidemill/internal/task/tasktest"
	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/topology"
)

const ms = time.Millisecond

// enriching writes value+"!" for each record of in to out. What f returns for a
// value comes first.
func enriching(f func(value string) error, options ...topology.AsyncOption) *topology.Builder {
	b := topology.New("app")
	b.Stream[string, string]("in").Async(func(_ context.Context, _, value string) (string, error) {
		return value + "!", f(value)
	}, options...).To("out")
	return b
}

func fine(string) error { return nil }

// settle finishes calls, the first one first, until all records have been taken and
// nothing is under way, and commits.
func settle(d *tasktest.Driver) {
	for d.Run(); d.Pending() > 0; d.Run() {
		if d.UnderWay() == 0 {
			d.Now = d.NextCall()
		}
		d.Finish(0)
	}
	d.Commit()
}

// failing fails for values that begin with x, as often as the number behind it says.
func failing() func(string) error {
	made := map[string]int{}
	return func(value string) error {
		n, ok := strings.CutPrefix(value, "x")
		if made[value]++; ok && (n == "" || made[value] <= int(n[0]-'0')) {
			return errors.New("no answer")
		}
		return nil
	}
}

func TestCallsOfDifferentKeysOvertakeEachOther(t *testing.T) {
	d := tasktest.Start(t, enriching(fine))
	d.Send("in", "a=1@1", "b=2@2", "c=3@3")
	d.Run()
	if n := d.UnderWay(); n != 3 {
		t.Fatalf("%d calls are under way, want 3", n)
	}
	for range 3 {
		d.Finish(d.UnderWay() - 1)
	}
	tasktest.Want(t, d.Written(), "out c=3!@3", "out b=2!@2", "out a=1!@1")
}

func TestCallsOfOneKeyFollowEachOther(t *testing.T) {
	d := tasktest.Start(t, enriching(fine))
	d.Send("in", "a=1@1", "b=2@2", "a=3@3", "a=4@4")
	d.Run()
	if n := d.UnderWay(); n != 2 {
		t.Fatalf("%d calls are under way, want those for a=1 and b=2", n)
	}
	d.Finish(1)
	if n := d.UnderWay(); n != 1 {
		t.Fatalf("%d calls are under way, want that for a=1 only", n)
	}
	settle(d)
	tasktest.Want(t, d.Results(), "out b=2!@2", "out a=1!@1", "out a=3!@3", "out a=4!@4")
}

func TestKeysAreTheSameIfTheyAreEncodedAlike(t *testing.T) {
	type key struct{ N int }
	b := topology.New("app")
	b.Stream[*key, string]("in").Async(func(_ context.Context, _ *key, value string) (string, error) { return value, nil }).To("out")
	d := tasktest.Start(t, b)
	d.Send("in", `{"N":1}=1@1`, `{"N":2}=2@2`, `{"N":1}=3@3`)
	d.Run()
	if n := d.UnderWay(); n != 2 || d.Pending() != 3 {
		t.Errorf("%d of %d calls are under way, want 2 of 3", n, d.Pending())
	}
}

func TestCallsWithoutKeysAreFree(t *testing.T) {
	d := tasktest.Start(t, enriching(fine))
	d.Send("in", "-=1@1", "-=2@2")
	d.Run()
	d.Finish(1)
	d.Finish(0)
	tasktest.Want(t, d.Written(), "out -=2!@2", "out -=1!@1")
}

func TestNoMoreRecordsAreTakenThanConcurrencyAllows(t *testing.T) {
	d := tasktest.Start(t, enriching(fine, topology.Concurrency(2)))
	d.Send("in", "a=1@1", "a=2@2", "b=3@3")
	d.Run()
	if n, _ := d.Buffered(0); n != 1 || d.UnderWay() != 1 {
		t.Fatalf("%d records wait and %d calls are under way, want 1 and 1", n, d.UnderWay())
	}
	d.Finish(0)
	d.Run()
	if n, _ := d.Buffered(0); n != 0 || d.UnderWay() != 2 {
		t.Fatalf("%d records wait and %d calls are under way, want 0 and 2", n, d.UnderWay())
	}
}

func TestNullValuesKeepTheirPlaceWithoutACall(t *testing.T) {
	var called []string
	d := tasktest.Start(t, enriching(func(value string) error {
		called = append(called, value)
		return nil
	}))
	d.Send("in", "a=1@1", "a=-@2", "a=3@3", "b=-@4")
	settle(d)
	tasktest.Want(t, d.Results(), "out a=1!@1", "out a=-@2", "out a=3!@3", "out b=-@4")
	tasktest.Want(t, called, "1", "3")
}

func TestANilableNullIsSeenAndReturned(t *testing.T) {
	b := topology.New("app")
	b.Stream[string, []byte]("in").Async(func(_ context.Context, _ string, value []byte) ([]byte, error) {
		if value == nil {
			return []byte("was null"), nil
		}
		return nil, nil
	}).To("out")
	d := tasktest.Start(t, b)
	d.Send("in", "a=1@1", "b=-@2")
	d.Run()
	d.Commit()
	tasktest.Want(t, d.Results(), "out a=-@1", "out b=was null@2")
}

func TestTheGeneralFormSeesAndSetsEverything(t *testing.T) {
	b := topology.New("app")
	b.Stream[string, string]("in").AsyncRecords(func(_ context.Context, r record.Record[string, string]) (record.Record[string, int64], error) {
		out := record.Record[string, int64]{Key: r.Key + "2", Value: 7, Timestamp: r.Timestamp + 100, Headers: r.Headers.With("new", []byte("y"))}
		out.Tombstone, out.NullKey = r.Tombstone, r.Value == "unkeyed"
		return out, nil
	}).To("out")
	d := tasktest.Start(t, b)
	d.Send("in", "a=1@1 h:x", "b=-@2", "c=unkeyed@3")
	d.Run()
	d.Commit()
	tasktest.Want(t, d.Results(), "out a2=7@101 h:x new:y", "out b2=-@102 new:y", "out -=7@103 new:y")
}

func TestWhatFollowsACallSeesItsRecord(t *testing.T) {
	type sight struct {
		source  record.Metadata
		time    int64
		headers string
	}
	var saw []sight
	b := topology.New("app")
	b.Stream[string, string]("in").
		Async(func(_ context.Context, _, value string) (string, error) { return value, nil }).
		Process(func(c *processors.Context[string, string]) (processors.Processor[string, string], error) {
			return processors.Func[string, string](func(r record.Record[string, string]) error {
				h, _ := c.Headers.Get("h")
				saw = append(saw, sight{c.Source, c.Time, string(h)})
				return c.Forward(r)
			}), nil
		}).To("out")
	d := tasktest.Start(t, b)
	d.Send("in", "a=1@11 h:x", "b=2@22 h:y")
	d.Run()
	d.Finish(1)
	d.Finish(0)
	want := []sight{{record.Metadata{Topic: "in", Offset: 1}, 22, "y"}, {record.Metadata{Topic: "in"}, 11, "x"}}
	if !slices.Equal(saw, want) {
		t.Errorf("saw %v, want %v", saw, want)
	}
	if out := d.Outputs(); out[0].Source.Offset != 1 {
		t.Errorf("the output names its source as %v", out[0].Source)
	}
}

func TestCallsMayFollowCalls(t *testing.T) {
	b := topology.New("app")
	b.Stream[string, string]("in").
		Async(func(_ context.Context, _, value string) (string, error) { return value + "1", nil }).
		Async(func(_ context.Context, _, value string) (string, error) {
			if value == "x1" {
				return "", errors.New("no answer")
			}
			return value + "2", nil
		}).To("out")
	d := tasktest.Start(t, b, tasktest.Policy(task.DeadLetter("dead")))
	d.Send("in", "a=v@1", "a=x@2", "a=w@3")
	settle(d)
	got := d.Results()
	if len(got) != 3 || got[0] != "out a=v12@1" || got[2] != "out a=w12@3" || !strings.HasPrefix(got[1], "dead a=x@2 ") {
		t.Errorf("got %q", got)
	}
}

func TestAFlushWaitsForTheCallsThatItLeadsTo(t *testing.T) {
	b := topology.New("app")
	b.Stream[string, string]("in").GroupByKey().Count().ToStream().
		Async(func(_ context.Context, _ string, n int64) (int64, error) { return 10 * n, nil }, topology.Concurrency(2)).
		GroupByKey().Reduce(func(_, n int64) int64 { return n }).ToStream().To("out")
	d := tasktest.Start(t, b)
	d.Send("in", "a=1@1", "b=1@2", "c=1@3", "a=1@4", "d=1@5", "e=1@6")
	d.Run()
	if d.Drained() {
		t.Fatal("the task is ready for a commit, but its counts have not been enriched")
	}
	if n := d.UnderWay(); n != 2 {
		t.Errorf("a flush led to %d calls at a time, want 2", n)
	}
	d.Commit()
	got := d.Results()
	slices.Sort(got)
	tasktest.Want(t, got, "out a=20@4", "out b=10@2", "out c=10@3", "out d=10@5", "out e=10@6")
}

func TestChainsOfSlowCallsHoldTheTaskUp(t *testing.T) {
	d := tasktest.Start(t, enriching(fine, topology.CallTimeout(5*time.Second)))
	d.Send("in", "a=1@1", "a=2@2", "b=3@3")
	d.Run()
	if n, _ := d.Buffered(0); n != 1 {
		t.Fatalf("%d records wait, want 1: two calls of up to 5 s each wait for each other", n)
	}
	d.Now = 10
	d.Finish(0)
	d.Run()
	if n, _ := d.Buffered(0); n != 0 {
		t.Fatalf("%d records wait, want none: a goes on with one call", n)
	}
	d.Commit()
	tasktest.Want(t, d.Results(), "out a=1!@1", "out a=2!@2", "out b=3!@3")
}

func TestATransactionNeverHasToWaitForTwoCallsThatMayBeTooLong(t *testing.T) {
	seen := map[string]int{}
	b := topology.New("app")
	b.Stream[string, string]("in").
		Peek(func(_, value string) { seen[value]++ }).
		Async(func(_ context.Context, _, value string) (string, error) { return value, nil }, topology.CallTimeout(5*time.Second)).To("out")
	d := tasktest.Start(t, b, func(c *task.Config) { c.MaxDrain = 9000 })
	d.Send("in", "b=1@1", "a=1@2", "a=2@3", "c=3@4")
	d.Run()
	if n, _ := d.Buffered(0); n != 2 || d.Pending() != 2 {
		t.Fatalf("%d records wait and %d are under way, want 2 and 2: the second of a would have to wait too long", n, d.Pending())
	}
	if done := d.Drained(); done {
		t.Fatal("the task is ready for a commit with calls under way")
	}
	d.Now = 4600
	d.Finish(0)
	d.Run()
	if n, _ := d.Buffered(0); n != 2 || d.Pending() != 1 {
		t.Fatalf("%d records wait and %d are under way, want 2 and 1: calls are known to be slow", n, d.Pending())
	}
	settle(d)
	tasktest.Want(t, d.Results(), "out b=1@1", "out a=1@2", "out a=2@3", "out c=3@4")
	if seen["2"] != 3 {
		t.Errorf("the record that was taken back was begun %d times, want 3", seen["2"])
	}
	if at := d.Position("in"); at.Offset != 4 || at.Time != 4 {
		t.Errorf("committed %+v", at)
	}
}
