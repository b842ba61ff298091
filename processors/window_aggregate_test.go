package processors_test

import (
	"maps"
	"math"
	"strconv"
	"testing"
	"time"

	"github.com/tidemill/tidemill/internal/task/tasktest"
	"github.com/tidemill/tidemill/topology"
	"github.com/tidemill/tidemill/window"
)

// counting counts the records of a topic in windows.
func counting(w window.Time, options ...topology.AggregateOption) *topology.Builder {
	b := topology.New("app")
	b.Stream[string, string]("in").GroupByKey().WindowedBy(w).Count(options...).ToStream().To("out")
	return b
}

// final is counting that emits each result once.
func final(w window.Time, options ...topology.AggregateOption) *topology.Builder {
	b := topology.New("app")
	b.Stream[string, string]("in").GroupByKey().WindowedBy(w).EmitFinal().Count(options...).ToStream().To("out")
	return b
}

func TestWindowedCounts(t *testing.T) {
	for _, c := range []struct {
		name string
		w    window.Time
		send []string
		want []string
		late int64
	}{
		{
			"each record counts in its window", window.Tumbling(10 * ms),
			[]string{"k=1@21 h:x", "l=1@22", "k=2@29", "k=3@30"},
			[]string{"out k[20]=1@21 h:x", "out l[20]=1@22", "out k[20]=2@29", "out k[30]=1@30"}, 0,
		},
		{
			"a result has the highest timestamp", window.Tumbling(10 * ms),
			[]string{"k=1@29", "k=2@21"}, []string{"out k[20]=1@29", "out k[20]=2@29"}, 0,
		},
		{
			"a record for a closed window is late", window.Tumbling(10 * ms),
			[]string{"k=1@30", "k=2@29", "k=3@31"}, []string{"out k[30]=1@30", "out k[30]=2@31"}, 1,
		},
		{
			"grace keeps a window open to its last millisecond", window.Tumbling(10 * ms).Grace(5 * ms),
			[]string{"k=1@34", "k=2@29", "k=3@35", "k=4@29"}, []string{"out k[30]=1@34", "out k[20]=1@29", "out k[30]=2@35"}, 1,
		},
		{
			"other keys make a record late too", window.Tumbling(10 * ms),
			[]string{"k=1@20", "l=1@30", "k=2@21"}, []string{"out k[20]=1@20", "out l[30]=1@30"}, 1,
		},
		{
			"hopping windows that are closed are late one by one", window.Hopping(10*ms, 5*ms),
			[]string{"k=1@32", "k=2@27"}, []string{"out k[25]=1@32", "out k[30]=1@32", "out k[25]=2@32"}, 1,
		},
		{
			"an advance that does not divide the size", window.Hopping(10*ms, 4*ms),
			[]string{"k=1@13"}, []string{"out k[4]=1@13", "out k[8]=1@13", "out k[12]=1@13"}, 0,
		},
		{
			"null values count, records without a key do not", window.Tumbling(10 * ms),
			[]string{"k=-@20", "-=1@21"}, []string{"out k[20]=1@20"}, 0,
		},
		{
			"the last window before the end of time", window.Tumbling(10 * ms),
			[]string{"k=1@" + strconv.FormatInt(math.MaxInt64-20, 10)},
			[]string{"out k[" + strconv.FormatInt(math.MaxInt64-27, 10) + "]=1@" + strconv.FormatInt(math.MaxInt64-20, 10)}, 0,
		},
		{
			"windows that reach beyond the end of time are closed", window.Hopping(10*ms, 5*ms),
			[]string{"k=1@" + strconv.FormatInt(math.MaxInt64, 10)}, nil, 2,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := tasktest.Start(t, counting(c.w, unlogged), tasktest.Uncached)
			d.Send("in", c.send...)
			d.Run()
			tasktest.Want(t, d.Written(), c.want...)
			if got := d.Dropped()["late"]; got != c.late {
				t.Errorf("%d windows are counted as late, want %d", got, c.late)
			}
		})
	}
}

func TestWindowedFoldsSeeNilButNoOtherNull(t *testing.T) {
	w := window.Tumbling(10 * ms)
	nilable, plain := topology.New("app"), topology.New("app")
	nilable.Stream[string, []byte]("in").GroupByKey().WindowedBy(w).
		Aggregate(func() string { return "" }, func(_ string, v []byte, a string) string {
			if v == nil {
				return a + "null "
			}
			return a + string(v) + " "
		}, unlogged).ToStream().To("out")
	plain.Stream[string, string]("in").GroupByKey().WindowedBy(w).Reduce(concat, unlogged).ToStream().To("out")
	for _, c := range []struct {
		b    *topology.Builder
		want []string
	}{
		{nilable, []string{"out k[20]=x @21", "out k[20]=x null @22"}},
		{plain, []string{"out k[20]=x@21"}},
	} {
		d := tasktest.Start(t, c.b, tasktest.Uncached)
		d.Send("in", "k=x@21", "k=-@22")
		d.Run()
		tasktest.Want(t, d.Written(), c.want...)
	}
}

func TestEmitFinal(t *testing.T) {
	for _, c := range []struct {
		name string
		w    window.Time
		send []string
		want []string
	}{
		{
			"a result comes when its window closes", window.Tumbling(10 * ms),
			[]string{"k=1@21", "k=2@25", "k=3@29", "k=4@30 h:x"}, []string{"out k[20]=3@29 h:x"},
		},
		{
			"grace delays it", window.Tumbling(10 * ms).Grace(5 * ms),
			[]string{"k=1@21", "k=2@34", "k=3@22", "k=4@35"}, []string{"out k[20]=2@22"},
		},
		{
			"a long silence closes many windows, in the order of time and then of keys", window.Tumbling(10 * ms),
			[]string{"l=1@21", "k=1@22", "k=2@35", "m=1@1000"}, []string{"out k[20]=1@22", "out l[20]=1@21", "out k[30]=1@35"},
		},
		{
			"the window at the beginning of time", window.Tumbling(10 * ms),
			[]string{"k=1@0", "k=2@10"}, []string{"out k[0]=1@0"},
		},
		{
			"hopping windows close one by one", window.Hopping(10*ms, 5*ms),
			[]string{"k=1@12", "k=2@16", "k=3@23", "k=4@40"},
			[]string{"out k[5]=1@12", "out k[10]=2@16", "out k[15]=2@23", "out k[20]=1@23"},
		},
		{
			"a late record changes nothing", window.Tumbling(10 * ms),
			[]string{"k=1@21", "k=2@30", "k=3@22", "k=4@40"}, []string{"out k[20]=1@21", "out k[30]=1@30"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := tasktest.Start(t, final(c.w, unlogged))
			d.Send("in", c.send...)
			d.Run()
			tasktest.Want(t, d.Written(), c.want...)
		})
	}
}

func TestEmitFinalKnowsAfterACrashWhatItEmitted(t *testing.T) {
	d := tasktest.Start(t, final(window.Tumbling(10*ms), topology.StoreName("n")))
	d.Send("in", "k=1@21", "k=2@32")
	d.Run()
	d.Commit()
	tasktest.Want(t, d.Results(), "out k[20]=1@21")
	if got, want := d.Position("in").Progress, map[string]int64{"n": 32}; !maps.Equal(got, want) {
		t.Errorf("the progress committed is %v, want %v", got, want)
	}
	d.Wipe()
	d.Send("in", "k=3@39", "k=4@40")
	d.Run()
	d.Commit()
	tasktest.Want(t, d.Results(), "out k[30]=2@39")
}

func TestWhatIsLateIsTheSameAfterACrash(t *testing.T) {
	b := topology.New("app")
	w := window.Tumbling(10 * ms)
	s := b.Stream[string, string]("in")
	s.Filter(func(k, _ string) bool { return k == "k" }).GroupByKey().WindowedBy(w).Count(topology.StoreName("n")).ToStream().To("out")
	for _, crash := range []bool{false, true} {
		d := tasktest.Start(t, b)
		d.Send("in", "k=1@25", "other=1@50")
		d.Run()
		d.Commit()
		if crash {
			d.Crash()
		}
		// Stream time is at 50, but the count has seen 25 only.
		d.Send("in", "k=2@21", "k=3@60", "k=4@55")
		d.Run()
		d.Commit()
		tasktest.Want(t, d.Results(), "out k[20]=1@25", "out k[20]=2@25", "out k[60]=1@60")
	}
}

// An entry for a tracked time that one input has committed does not outlive what
// another commits later.
func TestATrackedTimeIsNotSetBackByAnOlderCommit(t *testing.T) {
	b := topology.New("app")
	left := b.Stream[string, string]("left").Filter(func(_, v string) bool { return v != "x" })
	left.Merge(b.Stream[string, string]("right")).
		GroupByKey().WindowedBy(window.Tumbling(10 * ms)).Count(topology.StoreName("n")).ToStream().To("out")
	d := tasktest.Start(t, b)
	d.Send("left", "k=1@25", "k=x@50") // the count has seen 25, the task 50
	d.Run()
	d.Commit()
	d.Send("right", "k=1@100") // both 100
	d.Run()
	d.Commit()
	d.Results()
	d.Crash()
	d.Send("right", "k=2@31")
	d.Run()
	d.Commit()
	tasktest.Want(t, d.Results())
	if got := d.Dropped()["late"]; got != 1 {
		t.Errorf("%d windows are late, want 1: the count had seen 100", got)
	}
}

func TestRetentionKeepsClosedWindows(t *testing.T) {
	b := counting(window.Tumbling(10*ms), topology.Retention(time.Hour), topology.StoreName("n"))
	d := tasktest.Start(t, b)
	d.Send("in", "k=1@21", "k=1@1000")
	d.Run()
	d.Commit()
	d.Checkpoint()
	d.Crash()
	tasktest.Want(t, d.Log(1), "app-n-changelog k[20]=1@21", "app-n-changelog k[1000]=1@1000")
}
