package processors_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/tidemill/tidemill/internal/task"
	"github.com/tidemill/tidemill/internal/task/tasktest"
	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/topology"
	"github.com/tidemill/tidemill/window"
)

var (
	within10 = topology.UntilTimeLimit(10*ms, topology.Unbounded())
	closing  = topology.UntilWindowCloses(topology.Unbounded())
)

// outputs are the lines of a topic.
func outputs(topic string, lines []string) []string {
	var out []string
	for _, line := range lines {
		if strings.HasPrefix(line, topic+" ") {
			out = append(out, line)
		}
	}
	return out
}

func TestSuppressUntilTimeLimit(t *testing.T) {
	for _, c := range []struct {
		name  string
		until topology.TimeLimit
		send  []string
		want  []string
	}{
		{
			name: "the last update of a row is passed on when the first is old enough", until: within10,
			send: []string{"a=1@0 h:1", "a=2@3 h:2", "b=1@8", "a=3@12", "b=2@14", "c=1@18"},
			want: []string{"out a=3@12", "out b=2@14"},
		},
		{
			name: "with its own timestamp and headers", until: within10,
			send: []string{"a=1@0 h:1", "a=2@3 h:2", "b=1@10 h:3"},
			want: []string{"out a=2@3 h:2"},
		},
		{
			name: "an older update is a newer state, but does not turn time back", until: within10,
			send: []string{"a=1@5", "b=1@15", "b=2@3"},
			want: []string{"out a=1@5"},
		},
		{
			name: "a tombstone is an update like any other", until: within10,
			send: []string{"a=1@0", "a=-@2", "b=1@10"},
			want: []string{"out a=-@2"},
		},
		{
			name: "rows come in the order of their times and keys", until: within10,
			send: []string{"c=1@1", "b=1@2", "a=1@2", "d=1@0", "e=1@20"},
			want: []string{"out d=1@0", "out c=1@1", "out a=1@2", "out b=1@2"},
		},
		{
			name: "without a limit every update is passed on", until: topology.UntilTimeLimit(0, topology.Unbounded()),
			send: []string{"a=1@5", "a=2@5", "a=3@4", "a=4@6"},
			want: []string{"out a=1@5", "out a=2@5", "out a=3@4", "out a=4@6"},
		},
		{
			name: "a full buffer passes its first rows on early", until: topology.UntilTimeLimit(100*ms, topology.MaxRecords(2)),
			send: []string{"c=1@1", "b=1@2", "c=2@3", "a=1@4", "b=2@5", "d=1@0"},
			want: []string{"out c=2@3", "out d=1@0"},
		},
		{
			name: "a buffer for nothing passes everything on", until: topology.UntilTimeLimit(100*ms, topology.MaxRecords(0)),
			send: []string{"a=1@1", "a=2@2"},
			want: []string{"out a=1@1", "out a=2@2"},
		},
		{
			name: "bytes bound it too", until: topology.UntilTimeLimit(100*ms, topology.MaxRecords(9).MaxBytes(70)),
			send: []string{"a=1@1", "b=2@2", "c=3@3", "c=a-longer-value@4"},
			want: []string{"out a=1@1", "out b=2@2"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := topology.New("app")
			b.Table[string, string]("in").Suppress(c.until).ToStream().To("out")
			for _, policy := range []task.Policy{task.Fail(), task.Skip()} {
				d := tasktest.Start(t, b, tasktest.Uncached, tasktest.Policy(policy))
				d.Send("in", c.send...)
				d.Run()
				tasktest.Want(t, outputs("out", d.Written()), c.want...)
			}
		})
	}
}

// suppressedCounts are the final counts of windows.
func suppressedCounts(w window.Time) *topology.Builder {
	b := topology.New("app")
	b.Stream[string, string]("in").GroupByKey().WindowedBy(w).Count(topology.StoreName("n")).
		Suppress(closing, topology.Named("final")).ToStream().To("out")
	return b
}

func TestSuppressUntilWindowCloses(t *testing.T) {
	for _, c := range []struct {
		name string
		w    window.Time
		send []string
		want []string
	}{
		{
			"a result comes when its window closes", window.Tumbling(10 * ms),
			[]string{"k=1@21 h:1", "k=2@25", "k=3@29 h:2", "k=4@30"}, []string{"out k[20]=3@29 h:2"},
		},
		{
			"grace delays it", window.Tumbling(10 * ms).Grace(5 * ms),
			[]string{"k=1@21", "k=2@34", "k=3@22", "k=4@35"}, []string{"out k[20]=2@22"},
		},
		{
			"windows that close together come in the order of their ends and keys", window.Tumbling(10 * ms),
			[]string{"l=1@21", "k=1@22", "k=2@35", "m=1@1000"}, []string{"out k[20]=1@22", "out l[20]=1@21", "out k[30]=1@35"},
		},
		{
			"a late record passes nothing on", window.Tumbling(10 * ms).Grace(5 * ms),
			[]string{"k=1@21", "k=2@36", "k=3@22", "k=4@50"}, []string{"out k[20]=1@21", "out k[30]=1@36"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := tasktest.Start(t, suppressedCounts(c.w), tasktest.Uncached)
			d.Send("in", c.send...)
			d.Run()
			tasktest.Want(t, outputs("out", d.Written()), c.want...)
			d = tasktest.Start(t, suppressedCounts(c.w))
			d.Send("in", c.send...)
			d.Run()
			tasktest.Want(t, d.Written())
			d.Commit()
			tasktest.Want(t, d.Results(), c.want...)
		})
	}
}

func TestResultsThatAreDeletedWhenTheirWindowClosesAreNotPassedOn(t *testing.T) {
	b := topology.New("app")
	b.Stream[string, string]("in").GroupByKey().WindowedBy(window.Tumbling(10*ms)).
		Aggregate(func() *string { return new("") }, func(_, v string, a *string) *string {
			if v == "x" {
				return nil
			}
			return new(*a + v)
		}, unlogged).Suppress(closing).ToStream().To("out")
	d := tasktest.Start(t, b, tasktest.Uncached)
	d.Send("in", "a=1@1", "a=x@2", "b=1@3", "b=x@4", "b=2@5", "c=1@10")
	d.Run()
	tasktest.Want(t, outputs("out", d.Written()), "out b[0]=2@5")
}

// A cache passes results on in the order in which their keys were first written. The
// result that closes the window of another may come before the last one of that.
func TestAFlushedCacheClosesWindowsWhenAllOfItHasCome(t *testing.T) {
	d := tasktest.Start(t, suppressedCounts(window.Tumbling(10*ms).Grace(5*ms)))
	d.Send("in", "k=1@20")
	d.Run()
	d.Commit()
	d.Send("in", "l=1@30", "k=2@21", "l=2@39")
	d.Run()
	d.Commit()
	tasktest.Want(t, d.Results(), "out k[20]=2@21")
}

// refusing fails for some values.
func refusing(value string) (string, error) {
	if value == "poison" {
		return "", errors.New("no such value")
	}
	return value, nil
}

func suppressedThen(until topology.TimeLimit, then func(string) (string, error)) *topology.Builder {
	b := topology.New("app")
	b.Table[string, string]("in", topology.StoreName("rows")).Suppress(until, topology.Named("held")).ToStream().
		MapRecords(func(_ context.Context, r record.Record[string, string]) (record.Record[string, string], error) {
			value, err := then(r.Value)
			return record.WithValue(r, value), err
		}, topology.Named("then")).To("out")
	return b
}

// What fails behind Suppress is the row that was passed on. The record that made it
// due must not be lost for it, and the next one must not fail for it again.
func TestAPolicyLeavesARowBehindAndNotTheRecordThatMadeItDue(t *testing.T) {
	b := suppressedThen(within10, refusing)
	d := tasktest.Start(t, b, tasktest.Uncached, tasktest.Policy(task.Skip()))
	d.Send("in", "a=poison@1", "b=2@2", "c=3@11", "d=4@12", "e=5@13", "f=6@30")
	d.Run()
	tasktest.Want(t, outputs("out", d.Written()), "out b=2@2", "out c=3@11", "out d=4@12", "out e=5@13")
	const report = `skip: process: node "then": record at topic "in", partition 0, offset 0: no such value`
	tasktest.Want(t, d.Reports, report)
	d.Commit()
	d.Wipe()
	d.Send("in", "g=7@41")
	d.Run()
	d.Commit()
	tasktest.Want(t, d.Results()[4:], "out f=6@30")
	tasktest.Want(t, d.Reports, report)
}

func TestAFullStrictBufferEndsTheTask(t *testing.T) {
	for _, c := range []struct {
		until topology.TimeLimit
		want  string
	}{
		{
			topology.UntilTimeLimit(100*ms, topology.MaxRecords(2).ShutDownWhenFull()),
			`process: node "held": the buffer "held-store" is full: it holds 3 rows, of at most 2: raise MaxRecords, or take Unbounded, which keeps on disk what does not fit into memory`,
		},
		{
			topology.UntilTimeLimit(100*ms, topology.MaxBytes(70).ShutDownWhenFull()),
			`process: node "held": the buffer "held-store" is full: it holds 96 bytes, of at most 70: raise MaxBytes, or take Unbounded, which keeps on disk what does not fit into memory`,
		},
	} {
		b := suppressedThen(c.until, refusing)
		for _, policy := range []task.Policy{task.Fail(), task.Skip()} {
			d := tasktest.Start(t, b, tasktest.Uncached, tasktest.Policy(policy))
			d.Send("in", "a=1@1", "b=2@2", "c=3@3")
			err := d.TryRun()
			var full *processors.FullError
			var report *record.Error
			if !errors.As(err, &full) || !errors.As(err, &report) || report.Node != "held" {
				t.Fatalf("the error is %v, want a record.Error of the node with a FullError", err)
			}
			report.Metadata = record.Metadata{}
			if report.Error() != c.want {
				t.Errorf("the error is\n%s\nwant\n%s", report, c.want)
			}
		}
		d := tasktest.Start(t, b) // cached
		d.Send("in", "a=1@1", "b=2@2", "c=3@3")
		d.Run()
		var full *processors.FullError
		if err := d.Flush(func() {}); !errors.As(err, &full) || !strings.HasPrefix(err.Error(), `process: node "held": the buffer`) {
			t.Errorf("a flush gives %v, want a FullError of the node", err)
		}
	}
}

func TestWhatIsHeldBackSurvivesACrash(t *testing.T) {
	for name, lose := range map[string]func(*tasktest.Driver){
		"a crash": (*tasktest.Driver).Crash, "lost state": (*tasktest.Driver).Wipe,
		"a crash behind a checkpoint": func(d *tasktest.Driver) { d.Checkpoint(); d.Crash() },
	} {
		t.Run(name, func(t *testing.T) {
			b := topology.New("app")
			s := b.Stream[string, string]("in")
			s.Filter(func(k, _ string) bool { return k != "other" }).ToTable(topology.StoreName("rows")).
				Suppress(topology.UntilTimeLimit(10*ms, topology.MaxRecords(2)), topology.Named("held")).ToStream().To("out")
			d := tasktest.Start(t, b, tasktest.Uncached)
			d.Send("in", "a=1@1 h:x", "b=1@5", "a=2@3 h:y", "other=1@50")
			d.Run()
			d.Commit()
			tasktest.Want(t, d.Results())
			lose(d)
			// Stream time is at 50, but Suppress has seen 5 only.
			d.Send("in", "b=2@6", "c=1@7")
			d.Run()
			tasktest.Want(t, outputs("out", d.Written()), "out a=2@3 h:y")
			d.Send("in", "c=2@15")
			d.Run()
			d.Commit()
			tasktest.Want(t, d.Results(), "out a=2@3 h:y", "out b=2@6")
			lose(d)
			d.Send("in", "d=1@17")
			d.Run()
			d.Commit()
			tasktest.Want(t, d.Results(), "out c=2@15")
		})
	}
}

// Behind Suppress the old value is what was passed on last, not what the table before
// it had before its last update.
func TestTheOldValueBehindSuppressIsWhatWasPassedOnLast(t *testing.T) {
	b := topology.New("app")
	b.Table[string, string]("in").Suppress(within10).
		Filter(func(_, v string) bool { return v > "5" }).ToStream().To("out")
	d := tasktest.Start(t, b, tasktest.Uncached)
	// 1 is passed on, then 2, then 8: 7 never was.
	d.Send("in", "a=1@0", "b=9@10", "a=7@20", "a=2@21", "c=9@30", "a=8@40", "c=9@50")
	d.Run()
	tasktest.Want(t, outputs("out", d.Written()), "out b=9@10", "out c=9@30", "out a=8@40")
}

func TestAJoinFindsTheRowsAsTheyWerePassedOnLast(t *testing.T) {
	for _, cached := range []bool{false, true} {
		b := topology.New("app")
		held := b.Table[string, string]("table").Suppress(within10)
		b.Stream[string, string]("in").LeftJoin(held, func(v string, row *string) string {
			if row == nil {
				return v + "-"
			}
			return v + *row
		}).To("out")
		options := []func(*task.Config){eager}
		if !cached {
			options = append(options, tasktest.Uncached)
		}
		d := tasktest.Start(t, b, options...)
		send(d, "table", "a=1@0", "in", "a=x@1", "table", "b=1@10", "in", "a=x@11",
			"table", "a=2@12", "table", "a=3@13", "in", "a=x@14", "table", "b=2@22", "in", "a=x@23")
		tasktest.Want(t, outputs("out", d.Written()), "out a=x-@1", "out a=x1@11", "out a=x1@14", "out a=x3@23")
	}
}

// A processor behind Suppress works for the record that the row came with last.
func TestARowIsPassedOnAsWorkOfTheRecordThatItCameWith(t *testing.T) {
	var seen []string
	store := topology.KeyValueStore[string, string]("seen")
	watch := func(c *processors.Context[string, string]) (processors.Processor[string, string], error) {
		rows, err := store.In(c.Task)
		return processors.Func[string, string](func(r record.Record[string, string]) error {
			seen = append(seen, fmt.Sprintf("%s from %d at %d %s", r.Key, c.Source.Offset, c.Time, c.Headers))
			return rows.Put(r.Key, r.Value)
		}), err
	}
	b := topology.New("app")
	t1 := b.Table[string, string]("in", topology.StoreName("rows"))
	t1.Suppress(within10).ToStream().Process(watch, topology.Stores(store))
	t1.ToStream().Process(watch, topology.Stores(store))
	d := tasktest.Start(t, b, tasktest.Uncached)
	d.Send("in", "a=1@1 h:x", "a=2@2 h:y", "b=1@12 h:z")
	d.Run()
	tasktest.Want(t, seen, "a from 0 at 1 [{h x}]", "a from 1 at 2 [{h y}]", "a from 1 at 2 [{h y}]", "b from 2 at 12 [{h z}]")
	d.Commit()
	tasktest.Want(t, outputs("app-seen-changelog", d.Log(3)), "app-seen-changelog a=1@1",
		"app-seen-changelog a=2@2", "app-seen-changelog a=2@2", "app-seen-changelog b=1@12")
}

// However many windows close at once, what is left of them in memory stays bounded:
// the next commits pass the others on.
func TestManyWindowsCloseInSeveralCommits(t *testing.T) {
	b := topology.New("app")
	b.Stream[string, string]("in").GroupByKey().WindowedBy(window.Tumbling(10*ms)).Count(unlogged).
		Suppress(closing, topology.Named("final")).ToStream().To("out")
	d := tasktest.Start(t, b, tasktest.Uncached, func(c *task.Config) { c.MaxBytes = func(string) int { return 1 << 20 } })
	const windows = 20_000
	records := make([]string, windows)
	for i := range records {
		records[i] = fmt.Sprintf("k%05d=1@1", i)
	}
	d.Send("in", records...)
	d.Run()
	d.Commit()
	d.Checkpoint()
	d.Send("in", "k=1@10")
	d.Run()
	early := len(outputs("out", d.Written()))
	if early == 0 || early > windows/2 || d.Pinned() > 8<<20 {
		t.Errorf("one record passes %d of %d windows on and leaves %d bytes in memory", early, windows, d.Pinned())
	}
	d.Crash() // with all of that undone
	d.Run()
	d.Commit()
	results := d.Results()
	if len(results) != windows {
		t.Fatalf("%d windows are passed on, want %d", len(results), windows)
	}
	for i := range results[1:] {
		if results[i] >= results[i+1] {
			t.Fatalf("%q comes before %q", results[i], results[i+1])
		}
	}
}
