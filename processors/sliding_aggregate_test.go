package processors_test

import (
	"fmt"
	"maps"
	"math"
	"testing"

	"github.com/tidemill/tidemill/internal/task"
	"github.com/tidemill/tidemill/internal/task/tasktest"
	"github.com/tidemill/tidemill/topology"
	"github.com/tidemill/tidemill/window"
)

// sliding lists the values of a topic in sliding windows.
func sliding(w window.SlidingSpec, options ...topology.AggregateOption) *topology.Builder {
	b := topology.New("app")
	b.Stream[string, string]("in").GroupByKey().WindowedBy(w).Reduce(concat, options...).ToStream().To("out")
	return b
}

// finalSliding is sliding that emits each result once.
func finalSliding(w window.SlidingSpec, options ...topology.AggregateOption) *topology.Builder {
	b := topology.New("app")
	b.Stream[string, string]("in").GroupByKey().WindowedBy(w).EmitFinal().Reduce(concat, options...).ToStream().To("out")
	return b
}

func TestSlidingWindows(t *testing.T) {
	ten := window.Sliding(10 * ms)
	for _, c := range []struct {
		name string
		w    window.SlidingSpec
		send []string
		want []string
		late int64
	}{
		{
			"a window ends with each record, and one begins behind each that is followed", ten,
			[]string{"k=a@25 h:x", "k=b@28"}, []string{"out k[15]=a@25 h:x", "out k[26]=b@28", "out k[18]=ab@28"}, 0,
		},
		{
			"a record that follows by the difference shares a window", ten,
			[]string{"k=a@25", "k=b@35"}, []string{"out k[15]=a@25", "out k[26]=b@35", "out k[25]=ab@35"}, 0,
		},
		{
			"one that follows by a bit more does not, and its window comes once", ten,
			[]string{"k=x@20", "k=a@25", "k=b@36"},
			[]string{"out k[10]=x@20", "out k[21]=a@25", "out k[15]=xa@25", "out k[26]=b@36"}, 0,
		},
		{
			"one that follows much later has nothing to do with it", ten,
			[]string{"k=a@25", "k=b@47"}, []string{"out k[15]=a@25", "out k[37]=b@47"}, 0,
		},
		{
			"records of one moment share all windows", window.Sliding(10 * ms).Grace(ms),
			[]string{"k=a@25", "k=b@25", "k=c@26", "k=d@25"},
			[]string{"out k[15]=a@25", "out k[15]=ab@25", "out k[26]=c@26", "out k[16]=abc@26", "out k[16]=abcd@26", "out k[15]=abd@25"}, 0,
		},
		{
			"windows that hold a record are updated from the latest to the earliest", ten,
			[]string{"k=a@25", "k=b@28", "k=c@30"},
			[]string{"out k[15]=a@25", "out k[26]=b@28", "out k[18]=ab@28", "out k[26]=bc@30", "out k[29]=c@30", "out k[20]=abc@30"}, 0,
		},
		{
			"keys have windows of their own", ten,
			[]string{"k=a@25", "l=b@26"}, []string{"out k[15]=a@25", "out l[16]=b@26"}, 0,
		},
		{
			"early records share the first window", ten,
			[]string{"k=a@3", "k=b@5", "k=c@4"},
			[]string{"out k[0]=a@3", "out k[4]=b@5", "out k[0]=ab@5", "out k[4]=bc@5", "out k[5]=b@5", "out k[0]=abc@5"}, 0,
		},
		{
			"the first record that is not early ends the first window", ten,
			[]string{"k=a@3", "k=b@10"}, []string{"out k[0]=a@3", "out k[0]=ab@10", "out k[4]=b@10"}, 0,
		},
		{
			"a record whose windows are all closed is late", ten,
			[]string{"k=a@36", "k=b@25"}, []string{"out k[26]=a@36"}, 1,
		},
		{
			"one that an open window holds is not, but is missing in those that are closed", ten,
			[]string{"k=a@20", "k=b@26", "k=c@24"},
			[]string{"out k[10]=a@20", "out k[21]=b@26", "out k[16]=ab@26", "out k[21]=bc@26", "out k[16]=abc@26", "out k[25]=b@26"}, 1,
		},
		{
			"grace keeps windows open to their last millisecond", window.Sliding(10 * ms).Grace(5 * ms),
			[]string{"k=a@25", "l=b@30", "k=c@25", "l=d@31", "k=e@25"},
			[]string{"out k[15]=a@25", "out l[20]=b@30", "out k[15]=ac@25", "out l[31]=d@31", "out l[21]=bd@31"}, 1,
		},
		{
			"a record is not forgotten if its own window has closed", ten,
			[]string{"k=a@10", "l=x@18", "k=b@12", "k=c@19"},
			[]string{"out k[0]=a@10", "out l[8]=x@18", "out k[11]=b@12", "out k[11]=bc@19", "out k[13]=c@19", "out k[9]=abc@19"}, 1,
		},
		{
			"not even if no open window holds it", ten,
			[]string{"l=x@22", "k=a@12", "k=b@22", "k=c@11"},
			[]string{"out l[12]=x@22", "out k[13]=b@22", "out k[12]=ab@22"}, 2,
		},
		{
			"null keys and null values count for nothing and do not move time", ten,
			[]string{"-=a@90", "k=-@90", "k=b@25"}, []string{"out k[15]=b@25"}, 0,
		},
		{
			"windows of one moment", window.Sliding(0),
			[]string{"k=a@25", "k=b@26", "k=c@26"}, []string{"out k[25]=a@25", "out k[26]=b@26", "out k[26]=bc@26"}, 0,
		},
		{
			"the end of time", ten,
			[]string{fmt.Sprintf("k=a@%d", int64(math.MaxInt64-3)), fmt.Sprintf("k=b@%d", int64(math.MaxInt64))},
			[]string{
				fmt.Sprintf("out k[%d]=a@%d", int64(math.MaxInt64-13), int64(math.MaxInt64-3)),
				fmt.Sprintf("out k[%d]=b@%d", int64(math.MaxInt64-2), int64(math.MaxInt64)),
				fmt.Sprintf("out k[%d]=ab@%d", int64(math.MaxInt64-10), int64(math.MaxInt64)),
			}, 0,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := tasktest.Start(t, sliding(c.w, unlogged), tasktest.Uncached)
			d.Send("in", c.send...)
			d.Run()
			tasktest.Want(t, d.Written(), c.want...)
			if got := d.Dropped()["late"]; got != c.late {
				t.Errorf("%d windows are counted as late, want %d", got, c.late)
			}
		})
	}
}

func TestSlidingCountAndAggregate(t *testing.T) {
	b := topology.New("app")
	g := b.Stream[string, string]("in").GroupByKey()
	g.WindowedBy(window.Sliding(10 * ms)).Count(unlogged).ToStream().To("counts")
	g.WindowedBy(window.Sliding(10*ms)).
		Aggregate(func() string { return ":" }, func(k, v, a string) string { return a + k + v }, unlogged).ToStream().To("out")
	d := tasktest.Start(t, b, tasktest.Uncached)
	d.Send("in", "k=a@25", "k=b@28")
	d.Run()
	tasktest.Want(t, d.Written(),
		"counts k[15]=1@25", "out k[15]=:ka@25", "counts k[26]=1@28", "counts k[18]=2@28", "out k[26]=:kb@28", "out k[18]=:kakb@28")
}

func TestANilAggregateDeletesTheSlidingWindow(t *testing.T) {
	b := topology.New("app")
	b.Stream[string, []byte]("in").GroupByKey().WindowedBy(window.Sliding(10*ms)).
		Aggregate(func() []byte { return []byte{} }, func(_ string, v, a []byte) []byte {
			if string(v) == "reset" {
				return nil
			}
			return append(a[:len(a):len(a)], v...)
		}, topology.StoreName("s")).ToStream().To("out")
	d := tasktest.Start(t, b, tasktest.Uncached)
	d.Send("in", "k=x@25", "k=reset@25", "k=y@25")
	d.Run()
	tasktest.Want(t, d.Written(),
		"app-s-changelog k[15]=x@25", "out k[15]=x@25", "app-s-changelog k[15]=-@25", "out k[15]=-@25",
		"app-s-changelog k[15]=y@25", "out k[15]=y@25")
}

func TestEmitFinalOfSlidingWindows(t *testing.T) {
	ten := window.Sliding(10 * ms)
	for _, c := range []struct {
		name string
		w    window.SlidingSpec
		send []string
		want []string
	}{
		{
			"a result comes when its window has closed, in the order of starts and then of keys", ten,
			[]string{"l=a@25", "k=a@25", "k=b@25", "m=x@37 h:x"},
			[]string{"out k[15]=ab@25 h:x", "out l[15]=a@25 h:x"},
		},
		{
			"not at its end, but behind it", ten,
			[]string{"k=a@25", "l=b@25", "l=c@26"}, []string{"out k[15]=a@25", "out l[15]=b@25"},
		},
		{
			"grace delays it", window.Sliding(10 * ms).Grace(5 * ms),
			[]string{"k=a@25", "l=x@30", "l=x@31"}, []string{"out k[15]=a@25"},
		},
		{
			"the window at the beginning of time", ten,
			[]string{"k=a@3", "k=b@5", "l=x@11"}, []string{"out k[0]=ab@5"},
		},
		{
			"what is hidden does not come out", ten,
			[]string{"l=x@22", "k=a@12", "k=b@22", "l=y@80"},
			[]string{"out k[12]=ab@22", "out l[12]=x@22", "out k[13]=b@22"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := tasktest.Start(t, finalSliding(c.w, unlogged))
			d.Send("in", c.send...)
			d.Run()
			tasktest.Want(t, d.Written(), c.want...)
		})
	}
}

func TestEmitFinalOfSlidingWindowsKnowsAfterACrashWhatItEmitted(t *testing.T) {
	for _, lose := range []func(*tasktest.Driver){(*tasktest.Driver).Crash, (*tasktest.Driver).Wipe} {
		d := tasktest.Start(t, finalSliding(window.Sliding(10*ms), topology.StoreName("n")))
		d.Send("in", "k=a@20", "k=b@25", "l=x@27")
		d.Run()
		d.Commit()
		d.Checkpoint()
		tasktest.Want(t, d.Results(), "out k[10]=a@20", "out k[15]=ab@25")
		if got, want := d.Position("in").Progress, map[string]int64{"n": 27}; !maps.Equal(got, want) {
			t.Errorf("the progress committed is %v, want %v", got, want)
		}
		d.Send("in", "k=c@31", "l=y@32") // lost
		d.Run()
		lose(d)
		d.Run()
		d.Commit()
		tasktest.Want(t, d.Results(), "out l[17]=x@27", "out k[21]=bc@31")
	}
}

func TestAHiddenWindowSurvivesACrash(t *testing.T) {
	for _, lose := range []func(*tasktest.Driver){func(*tasktest.Driver) {}, (*tasktest.Driver).Crash, (*tasktest.Driver).Wipe} {
		d := tasktest.Start(t, sliding(window.Sliding(10*ms), topology.StoreName("n")), tasktest.Uncached)
		d.Send("in", "l=x@22", "k=a@12")
		d.Run()
		d.Commit()
		lose(d)
		d.Send("in", "k=b@22")
		d.Run()
		d.Commit()
		tasktest.Want(t, d.Results(), "out l[12]=x@22", "out k[13]=b@22", "out k[12]=ab@22")
	}
}

func TestAFailedRecordLeavesSlidingWindowsAsTheyWere(t *testing.T) {
	b := topology.New("app")
	sum := func(a, v string) string {
		if v == "bad" && len(a) > 1 { // some windows are updated before
			panic("bad")
		}
		return a + v
	}
	b.Stream[string, string]("in").GroupByKey().WindowedBy(window.Sliding(10*ms)).Reduce(sum, unlogged).ToStream().To("out")
	d := tasktest.Start(t, b, tasktest.Uncached, tasktest.Policy(task.Skip()))
	d.Send("in", "k=a@25", "k=b@28", "k=bad@30", "k=c@30")
	d.Run()
	tasktest.Want(t, d.Written(),
		"out k[15]=a@25", "out k[26]=b@28", "out k[18]=ab@28", "out k[26]=bc@30", "out k[29]=c@30", "out k[20]=abc@30")
	if len(d.Reports) != 1 {
		t.Errorf("the reports are %q, want one", d.Reports)
	}
}
