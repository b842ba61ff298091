package processors_test

import (
	"context"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/tidemill/tidemill/internal/task"
	"github.com/tidemill/tidemill/internal/task/tasktest"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/topology"
	"github.com/tidemill/tidemill/window"
)

func quoted(_, v, a string) string { return a + "<" + v + ">" }

// numbered takes a value of another type.
func numbered(_ string, v int64, a string) string { return a + strconv.FormatInt(v, 10) }

// send hands over one record at a time, each a topic and a record, so that their
// order is certain.
func send(d *tasktest.Driver, records ...string) {
	for i := 0; i < len(records); i += 2 {
		d.Send(records[i], records[i+1])
		d.Run()
	}
}

func eager(c *task.Config) { c.MaxIdle = -1 }

// cogrouped is a cogroup of the texts of one topic and the lengths of the texts of
// another.
func cogrouped(b *topology.Builder) *topology.Cogrouped[string, string] {
	texts := b.Stream[string, string]("texts").GroupByKey()
	lengths := b.Stream[string, string]("lengths").MapValues(func(v string) int64 { return int64(len(v)) }).GroupByKey()
	return topology.Cogroup(texts, quoted).And(lengths, numbered)
}

func begun() string { return ":" }

func TestCogroupAggregatesStreamsOfSeveralTypes(t *testing.T) {
	b := topology.New("app")
	cogrouped(b).Aggregate(begun, topology.StoreName("n")).ToStream().To("out")
	for _, cached := range []bool{false, true} {
		options := []func(*task.Config){eager}
		if !cached {
			options = append(options, tasktest.Uncached)
		}
		d := tasktest.Start(t, b, options...)
		send(d, "texts", "a=x@10 h:1", "lengths", "a=four@5 h:2", "lengths", "b=@7", "texts", "a=-@30", "texts", "-=x@31", "lengths", "a=xx@20")
		if !cached {
			tasktest.Want(t, d.Written(),
				"app-n-changelog a=:<x>@10", "out a=:<x>@10 h:1", "app-n-changelog a=:<x>4@10", "out a=:<x>4@10 h:2",
				"app-n-changelog b=:0@7", "out b=:0@7", "app-n-changelog a=:<x>42@20", "out a=:<x>42@20")
		} else {
			tasktest.Want(t, d.Written())
			d.Commit()
			tasktest.Want(t, d.Results(), "out a=:<x>42@20", "out b=:0@7")
		}
		if n := d.Dropped()["null key or value"]; n != 2 {
			t.Errorf("%d records are dropped, want 2", n)
		}
	}
}

func TestANilResultDeletesTheAggregateOfACogroup(t *testing.T) {
	b := topology.New("app")
	appended := func(_ string, v, a []byte) []byte { return append(a[:len(a):len(a)], v...) }
	reset := func(string, []byte, []byte) []byte { return nil }
	topology.Cogroup(b.Stream[string, []byte]("add").GroupByKey(), appended).
		And(b.Stream[string, []byte]("reset").GroupByKey(), reset).
		Aggregate(func() []byte { return []byte{} }, unlogged).ToStream().To("out")
	d := tasktest.Start(t, b, tasktest.Uncached, eager)
	send(d, "add", "a=x@10", "reset", "a=.@5", "add", "a=y@6")
	tasktest.Want(t, d.Written(), "out a=x@10", "out a=-@10", "out a=y@6")
}

func TestEachStreamOfACogroupHasItsOwnTime(t *testing.T) {
	b := topology.New("app")
	cogrouped(b).WindowedBy(window.Tumbling(10*ms)).
		Aggregate(begun, topology.StoreName("n"), topology.Retention(time.Hour)).ToStream().To("out")
	for _, crash := range []bool{false, true} {
		d := tasktest.Start(t, b, tasktest.Uncached, eager)
		send(d, "texts", "k=x@25", "lengths", "k=four@40", "texts", "k=y@21")
		d.Commit()
		tasktest.Want(t, d.Results(), "out k[20]=:<x>@25", "out k[40]=:4@40", "out k[20]=:<x><y>@25")
		if crash {
			d.Crash()
		}
		send(d, "lengths", "k=late@25", "texts", "k=z@22", "texts", "k=x@30", "texts", "k=late@29")
		d.Commit()
		tasktest.Want(t, d.Results(), "out k[20]=:<x><y><z>@25", "out k[30]=:<x>@30")
		if n := d.Dropped()["late"]; n != 2 {
			t.Errorf("%d windows are late, want 2", n)
		}
	}
}

func TestACogroupForgetsWhatIsOlderThanTheRetention(t *testing.T) {
	b := topology.New("app")
	cogrouped(b).WindowedBy(window.Tumbling(10*ms)).Aggregate(begun, unlogged, topology.Retention(20*ms)).ToStream().To("out")
	d := tasktest.Start(t, b, tasktest.Uncached, eager)
	send(d, "lengths", "k=four@40", "texts", "k=x@25", "texts", "k=y@35")
	tasktest.Want(t, d.Written(), "out k[40]=:4@40", "out k[30]=:<y>@35")
	if n := d.Dropped()["expired window"]; n != 1 {
		t.Errorf("%d windows have expired, want 1", n)
	}
}

func TestStreamsOfACogroupShareTheirSessions(t *testing.T) {
	b := topology.New("app")
	joined := func(_, x, y string) string { return x + "&" + y }
	cogrouped(b).WindowedBySession(window.Session(5*ms)).
		Aggregate(begun, joined, unlogged, topology.Retention(time.Hour)).ToStream().MapRecords(plainSession).To("out")
	d := tasktest.Start(t, b, tasktest.Uncached, eager)
	send(d, "texts", "k=x@10", "lengths", "k=four@15", "texts", "k=late@1", "lengths", "k=b@40", "texts", "k=y@12")
	tasktest.Want(t, d.Written(), "out k10-10=:<x>@10", "out k10-10=-@10", "out k10-15=:&:<x>4@15",
		"out k40-40=:1@40", "out k10-15=-@15", "out k10-15=:&:&:<x>4<y>@15")
	if n := d.Dropped()["late"]; n != 1 {
		t.Errorf("%d records are late, want 1", n)
	}
}

func TestACogroupForgetsSessionsAndSlidingWindowsToo(t *testing.T) {
	for name, apply := range map[string]func(*topology.Cogrouped[string, string]) *topology.WindowedTable[string, string]{
		"sessions": func(c *topology.Cogrouped[string, string]) *topology.WindowedTable[string, string] {
			return c.WindowedBySession(window.Session(5*ms)).Aggregate(begun, func(_, x, y string) string { return x + y }, unlogged)
		},
		"sliding windows": func(c *topology.Cogrouped[string, string]) *topology.WindowedTable[string, string] {
			return c.WindowedBy(window.Sliding(5*ms)).Aggregate(begun, unlogged)
		},
	} {
		b := topology.New("app")
		apply(cogrouped(b)).ToStream().MapRecords(plainSession).To("out")
		d := tasktest.Start(t, b, tasktest.Uncached, eager)
		send(d, "lengths", "k=four@1000", "texts", "k=x@25")
		if n, late := d.Dropped()["expired window"], d.Dropped()["late"]; n != 1 || late != 0 || len(d.Written()) != 1 {
			t.Errorf("%s: %d have expired, %d are late, %q is written; want 1, 0 and one output", name, n, late, d.Written())
		}
	}
}

// plainSession writes the bounds of a window into the key.
func plainSession(_ context.Context, r record.Record[window.Key[string], string]) (record.Record[string, string], error) {
	return record.Record[string, string]{
		Key: fmt.Sprintf("%s%d-%d", r.Key.Key, r.Key.Start, r.Key.End), Value: r.Value, Timestamp: r.Timestamp, Tombstone: r.Tombstone,
	}, nil
}
