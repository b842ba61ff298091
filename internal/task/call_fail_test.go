package task_test

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/tidemill/tidemill/internal/task"
	"github.com/tidemill/tidemill/internal/task/tasktest"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/topology"
)

func TestACallIsMadeAgainWhileOtherKeysGoOn(t *testing.T) {
	d := tasktest.Start(t, enriching(failing(), topology.CallRetries(3, 100*ms)))
	d.Send("in", "b=1@1", "a=x2@2", "a=after@3")
	d.Run()
	d.Finish(1)
	d.Finish(0)
	tasktest.Want(t, d.Written(), "out b=1!@1")
	if n, at := d.UnderWay(), d.NextCall(); n != 0 || at != 100 {
		t.Fatalf("%d calls are under way, the next at %d; want 0 and 100", n, at)
	}
	d.Now = 100
	d.Finish(0)
	if at := d.NextCall(); at != 300 {
		t.Fatalf("the second retry is at %d, want 300: twice as long after the first", at)
	}
	d.Now = 299
	if n := d.UnderWay(); n != 0 {
		t.Fatalf("%d calls are under way before their time", n)
	}
	d.Now = 300
	settle(d)
	tasktest.Want(t, d.Results(), "out b=1!@1", "out a=x2!@2", "out a=after!@3")
}

func TestWhenRetriesAreUsedUpTheErrorNamesTheRecord(t *testing.T) {
	d := tasktest.Start(t, enriching(failing(), topology.CallRetries(1, ms), topology.Named("ask")))
	d.Send("in", "a=1@1", "b=x@2")
	d.Run()
	d.Finish(1)
	d.Now = d.NextCall()
	err := d.TryFinish(t.Context(), 1)
	var failed *record.Error
	if !errors.As(err, &failed) || failed.Stage != record.Process || failed.Node != "ask" || failed.Offset != 1 || failed.Topic != "in" {
		t.Fatalf("got %v, want the record at offset 1 to fail in ask", err)
	}
}

func TestSomeFailuresAreNotWorthARetry(t *testing.T) {
	b := topology.New("app")
	calls := 0
	b.Stream[string, string]("in").Async(func(_ context.Context, _, value string) (string, error) {
		calls++
		if value == "panics" {
			panic("no")
		}
		return "", topology.Permanent(errors.New("bad request"))
	}, topology.CallRetries(5, ms), topology.Named("ask")).To("out")
	d := tasktest.Start(t, b, tasktest.Policy(task.Skip()))
	d.Send("in", "a=panics@1", "b=bad@2")
	d.Run()
	d.Finish(0)
	d.Finish(0)
	if calls != 2 || d.Pending() != 0 {
		t.Errorf("%d calls were made and %d are under way, want 2 and none", calls, d.Pending())
	}
	tasktest.Want(t, d.Reports,
		`skip: process: node "ask": record at topic "in", partition 0, offset 0: panic: no`,
		`skip: process: node "ask": record at topic "in", partition 0, offset 1: bad request`)
}

func TestADeadLetterOfACallIsTheRecordAsItWasRead(t *testing.T) {
	d := tasktest.Start(t, enriching(failing()), tasktest.Policy(task.DeadLetter("dead")))
	d.Send("in", "a=x@1 h:y", "a=2@2", "b=3@3")
	settle(d)
	got := d.Results()
	if len(got) != 3 || !strings.HasPrefix(got[0], "dead a=x@1 h:y __streams.errors.exception:*errors.errorString __streams.errors.message:no answer") ||
		!strings.Contains(got[0], "__streams.errors.offset:0") {
		t.Fatalf("got %q", got)
	}
	tasktest.Want(t, got[1:], "out a=2!@2", "out b=3!@3")
}

func TestARetryPolicyHoldsUpItsKeyOnly(t *testing.T) {
	d := tasktest.Start(t, enriching(failing(), topology.CallRetries(1, ms)), tasktest.Policy(task.Retry(2, 50*ms, task.Skip())))
	d.Send("in", "b=x3@1", "a=x@2", "a=2@3")
	settle(d)
	slices.Sort(d.Reports)
	tasktest.Want(t, d.Reports,
		`retry 1 of 2: process: node "KSTREAM-ASYNC-0000000001": record at topic "in", partition 0, offset 0: no answer`,
		`retry 1 of 2: process: node "KSTREAM-ASYNC-0000000001": record at topic "in", partition 0, offset 1: no answer`,
		`retry 2 of 2: process: node "KSTREAM-ASYNC-0000000001": record at topic "in", partition 0, offset 1: no answer`,
		`skip: process: node "KSTREAM-ASYNC-0000000001": record at topic "in", partition 0, offset 1: no answer`)
	tasktest.Want(t, d.Results(), "out b=x3!@1", "out a=2!@3")
	if d.Now != 50+100+3*1 {
		t.Errorf("all was over at %d ms, want 153: two waits of the policy and three of the calls", d.Now)
	}
}

func TestAFailureBehindACallIsRetriedWithoutTheCall(t *testing.T) {
	calls, passed := 0, 0
	b := topology.New("app")
	b.Stream[string, string]("in").
		Async(func(_ context.Context, _, value string) (string, error) { calls++; return value, nil }).
		MapRecords(func(_ context.Context, r record.Record[string, string]) (record.Record[string, string], error) {
			if passed++; passed < 3 {
				return r, errors.New("not yet")
			}
			return r, nil
		}, topology.Named("behind")).To("out")
	d := tasktest.Start(t, b, tasktest.Policy(task.Retry(5, 10*ms, task.Fail())))
	d.Send("in", "a=1@1")
	d.Run()
	for d.Pending() > 0 {
		d.Finish(0)
		d.Now = d.NextCall()
	}
	tasktest.Want(t, d.Written(), "out a=1@1")
	if calls != 1 || passed != 3 {
		t.Errorf("the call was made %d times and passed on %d times, want 1 and 3", calls, passed)
	}
	if len(d.Reports) != 2 || !strings.Contains(d.Reports[0], `node "behind"`) {
		t.Errorf("the reports are %q", d.Reports)
	}
}

func TestARecordThatFailsAsksForNothing(t *testing.T) {
	calls := 0
	b := topology.New("app")
	s := b.Stream[string, string]("in").FlatMapValues(strings.Fields)
	s.Async(func(_ context.Context, _, value string) (string, error) { calls++; return value, nil }).To("out")
	s.Peek(func(_, value string) {
		if value == "bad" {
			panic(value)
		}
	})
	d := tasktest.Start(t, b, tasktest.Policy(task.Skip()))
	d.Send("in", "a=bad@1", "a=good@2")
	d.Run()
	d.Commit()
	tasktest.Want(t, d.Results(), "out a=good@2")
	if calls != 1 {
		t.Errorf("%d calls were made, want 1", calls)
	}
}

func TestACallThatEndsItsGoroutineFails(t *testing.T) {
	b := topology.New("app")
	b.Stream[string, string]("in").Async(func(context.Context, string, string) (string, error) {
		runtime.Goexit()
		return "", nil
	}).To("out")
	d := tasktest.Start(t, b)
	d.Send("in", "a=1@1")
	if _, err := d.Process(1, 0); err != nil {
		t.Fatal(err)
	}
	calls := d.Calls(nil, 0)
	done := make(chan struct{})
	go func() {
		defer close(done)
		calls[0].Run(t.Context())
	}()
	<-done
	if err := d.Complete(calls[0], 0); err == nil || !strings.Contains(err.Error(), "runtime.Goexit") {
		t.Errorf("got %v", err)
	}
}
