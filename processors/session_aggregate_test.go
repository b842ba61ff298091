package processors_test

import (
	"fmt"
	"maps"
	"math"
	"testing"
	"time"

	"github.com/tidemill/tidemill/internal/task"
	"github.com/tidemill/tidemill/internal/task/tasktest"
	"github.com/tidemill/tidemill/topology"
	"github.com/tidemill/tidemill/window"
)

// sessions counts the records of a topic in sessions.
func sessions(w window.SessionSpec, options ...topology.AggregateOption) *topology.Builder {
	b := topology.New("app")
	b.Stream[string, string]("in").GroupByKey().WindowedBySession(w).Count(options...).ToStream().To("out")
	return b
}

// finalSessions is sessions that emits each result once.
func finalSessions(w window.SessionSpec, options ...topology.AggregateOption) *topology.Builder {
	b := topology.New("app")
	b.Stream[string, string]("in").GroupByKey().WindowedBySession(w).EmitFinal().Count(options...).ToStream().To("out")
	return b
}

func TestSessionCounts(t *testing.T) {
	gap := window.Session(10 * ms)
	for _, c := range []struct {
		name string
		w    window.SessionSpec
		send []string
		want []string
		late int64
	}{
		{
			"a record alone is a session", gap,
			[]string{"k=1@25 h:x"}, []string{"out k[25,25]=1@25 h:x"}, 0,
		},
		{
			"one within the gap extends it", gap,
			[]string{"k=1@25", "k=2@30 h:x"}, []string{"out k[25,25]=1@25", "out k[25,25]=-@25 h:x", "out k[25,30]=2@30 h:x"}, 0,
		},
		{
			"the gap is inclusive", gap,
			[]string{"k=1@25", "k=2@35"}, []string{"out k[25,25]=1@25", "out k[25,25]=-@25", "out k[25,35]=2@35"}, 0,
		},
		{
			"behind the gap comes another session", gap,
			[]string{"k=1@25", "k=2@36"}, []string{"out k[25,25]=1@25", "out k[36,36]=1@36"}, 0,
		},
		{
			"keys have sessions of their own", gap,
			[]string{"k=1@25", "l=2@26"}, []string{"out k[25,25]=1@25", "out l[26,26]=1@26"}, 0,
		},
		{
			"a record within a session leaves its bounds", gap,
			[]string{"k=1@20", "k=2@30", "k=3@25"},
			[]string{"out k[20,20]=1@20", "out k[20,20]=-@20", "out k[20,30]=2@30", "out k[20,30]=-@30", "out k[20,30]=3@30"}, 0,
		},
		{
			"a second record of the only moment does not delete first", gap,
			[]string{"k=1@25", "k=2@25"}, []string{"out k[25,25]=1@25", "out k[25,25]=2@25"}, 0,
		},
		{
			"a record between two sessions joins them", window.Session(10 * ms).Grace(20 * ms),
			[]string{"k=1@20", "k=2@35", "k=3@28"},
			[]string{"out k[20,20]=1@20", "out k[35,35]=1@35", "out k[20,20]=-@20", "out k[35,35]=-@35", "out k[20,35]=3@35"}, 0,
		},
		{
			"a late record that would be a session of its own is dropped", gap,
			[]string{"k=1@36", "k=2@25", "k=3@37"}, []string{"out k[36,36]=1@36", "out k[36,36]=-@36", "out k[36,37]=2@37"}, 1,
		},
		{
			"at the last moment it is not", gap,
			[]string{"l=1@35", "k=2@25"}, []string{"out l[35,35]=1@35", "out k[25,25]=1@25"}, 0,
		},
		{
			"grace gives it time", window.Session(10 * ms).Grace(5 * ms),
			[]string{"l=1@40", "k=2@25", "k=3@24"},
			[]string{"out l[40,40]=1@40", "out k[25,25]=1@25", "out k[25,25]=-@25", "out k[24,25]=2@25"}, 0,
		},
		{
			"one that joins an open session is not late", gap,
			[]string{"k=1@30", "l=1@40", "k=2@20"},
			[]string{"out k[30,30]=1@30", "out l[40,40]=1@40", "out k[30,30]=-@30", "out k[20,30]=2@30"}, 0,
		},
		{
			"a session is open for as long as a record may join it", gap,
			[]string{"k=1@25", "l=1@35", "k=2@35"},
			[]string{"out k[25,25]=1@25", "out l[35,35]=1@35", "out k[25,25]=-@25", "out k[25,35]=2@35"}, 0,
		},
		{
			"a closed session is joined by a record that is not late itself", gap,
			[]string{"k=1@25", "l=1@44", "k=2@35"},
			[]string{"out k[25,25]=1@25", "out l[44,44]=1@44", "out k[25,25]=-@25", "out k[25,35]=2@35"}, 0,
		},
		{
			"null values count, records without a key do not", gap,
			[]string{"k=-@25", "-=1@26"}, []string{"out k[25,25]=1@25"}, 0,
		},
		{
			"a record without a key does not move time", gap,
			[]string{"-=1@90", "k=1@25"}, []string{"out k[25,25]=1@25"}, 0,
		},
		{
			"event times below the gap", gap,
			[]string{"k=1@0", "k=2@3", "k=3@13"},
			[]string{"out k[0,0]=1@0", "out k[0,0]=-@0", "out k[0,3]=2@3", "out k[0,3]=-@3", "out k[0,13]=3@13"}, 0,
		},
		{
			"the end of time", gap,
			[]string{fmt.Sprintf("k=1@%d", int64(math.MaxInt64-5)), fmt.Sprintf("k=2@%d", int64(math.MaxInt64))},
			[]string{
				fmt.Sprintf("out k[%[1]d,%[1]d]=1@%[1]d", int64(math.MaxInt64-5)), fmt.Sprintf("out k[%[1]d,%[1]d]=-@%[1]d", int64(math.MaxInt64-5)),
				fmt.Sprintf("out k[%d,%[2]d]=2@%[2]d", int64(math.MaxInt64-5), int64(math.MaxInt64)),
			}, 0,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := tasktest.Start(t, sessions(c.w, unlogged), tasktest.Uncached)
			d.Send("in", c.send...)
			d.Run()
			tasktest.Want(t, d.Written(), c.want...)
			if got := d.Dropped()["late"]; got != c.late {
				t.Errorf("%d records are counted as late, want %d", got, c.late)
			}
		})
	}
}

func TestSessionAggregates(t *testing.T) {
	gap := window.Session(10 * ms).Grace(20 * ms)
	records := []string{"k=a@20", "k=b@35", "k=c@28", "k=d@30"}
	for _, c := range []struct {
		name  string
		apply func(w *topology.SessionWindowed[string, string])
		want  []string // the last value of each session
	}{
		{"Reduce begins with the first value and joins the earlier session first", func(w *topology.SessionWindowed[string, string]) {
			w.Reduce(concat, unlogged).ToStream().To("out")
		}, []string{"k[20,20]=a", "k[35,35]=b", "k[20,35]=abc", "k[20,35]=abcd"}},
		{"Aggregate merges with what initial returns, too", func(w *topology.SessionWindowed[string, string]) {
			w.Aggregate(func() string { return "." }, func(_, v, agg string) string { return agg + v },
				func(_, a, b string) string { return "(" + a + "&" + b + ")" }, unlogged).ToStream().To("out")
		}, []string{"k[20,20]=.a", "k[35,35]=.b", "k[20,35]=((.&.a)&.b)c", "k[20,35]=(.&((.&.a)&.b)c)d"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := topology.New("app")
			c.apply(b.Stream[string, string]("in").GroupByKey().WindowedBySession(gap))
			d := tasktest.Start(t, b, tasktest.Uncached)
			d.Send("in", records...)
			d.Run()
			tasktest.Want(t, values(d), c.want...)
		})
	}
}

// values are the outputs that are no deletions, without topic and timestamp.
func values(d *tasktest.Driver) (out []string) {
	for _, o := range d.Outputs() {
		if o.Value == nil {
			continue
		}
		text := tasktest.Text(o)
		out = append(out, text[:len(text)-len(fmt.Sprintf("@%d", o.Timestamp))])
	}
	return out
}

func TestSessionFoldsSeeNilButNoOtherNull(t *testing.T) {
	nilable, plain := topology.New("app"), topology.New("app")
	gap := window.Session(10 * ms)
	add := func(_ string, v []byte, a string) string { return fmt.Sprintf("%s%s %v ", a, v, v == nil) }
	nilable.Stream[string, []byte]("in").GroupByKey().WindowedBySession(gap).
		Aggregate(func() string { return "" }, add, func(_, a, b string) string { return a + b }, unlogged).ToStream().To("out")
	plain.Stream[string, string]("in").GroupByKey().WindowedBySession(gap).Reduce(concat, unlogged).ToStream().To("out")
	for _, c := range []struct {
		b    *topology.Builder
		want []string
	}{
		{nilable, []string{"k[21,21]=x false ", "k[21,22]=x false  true "}},
		{plain, []string{"k[21,21]=x"}},
	} {
		d := tasktest.Start(t, c.b, tasktest.Uncached)
		d.Send("in", "k=x@21", "k=-@22")
		d.Run()
		tasktest.Want(t, values(d), c.want...)
	}
}

func TestANilAggregateDeletesTheSession(t *testing.T) {
	b := topology.New("app")
	reset := func(_ string, v, a []byte) []byte {
		if string(v) == "reset" {
			return nil
		}
		return append(a[:len(a):len(a)], v...)
	}
	join := func(_ string, x, y []byte) []byte { return append(x[:len(x):len(x)], y...) }
	b.Stream[string, []byte]("in").GroupByKey().WindowedBySession(window.Session(10*ms)).
		Aggregate(func() []byte { return []byte{} }, reset, join, topology.StoreName("s")).ToStream().To("out")
	d := tasktest.Start(t, b, tasktest.Uncached)
	d.Send("in", "k=x@20", "k=reset@25", "k=y@26")
	d.Run()
	tasktest.Want(t, d.Written(),
		"app-s-changelog k[20,20]=x@20", "out k[20,20]=x@20",
		"app-s-changelog k[20,20]=-@25", "out k[20,20]=-@20",
		"app-s-changelog k[20,25]=-@25", "out k[20,25]=-@25",
		"app-s-changelog k[26,26]=y@26", "out k[26,26]=y@26")
}

// A deletion in the changelog has the timestamp of the record, as in Kafka Streams.
func TestACacheKeepsSessionsBackThatComeAndGo(t *testing.T) {
	d := tasktest.Start(t, sessions(window.Session(10*ms), topology.StoreName("s")))
	d.Send("in", "k=1@20", "k=2@25")
	d.Run()
	d.Commit()
	d.Send("in", "k=3@27", "k=4@29")
	d.Run()
	d.Commit()
	tasktest.Want(t, d.Results(), "out k[20,25]=2@25", "out k[20,25]=-@25", "out k[20,29]=4@29")
	tasktest.Want(t, d.Log(1), "app-s-changelog k[20,25]=2@25", "app-s-changelog k[20,25]=-@27", "app-s-changelog k[20,29]=4@29")
}

func TestEmitFinalOfSessions(t *testing.T) {
	gap := window.Session(10 * ms)
	for _, c := range []struct {
		name string
		w    window.SessionSpec
		send []string
		want []string
	}{
		{
			"a result comes when the gap has passed", gap,
			[]string{"k=1@20", "k=2@25", "l=1@35", "l=1@36 h:x"}, []string{"out k[20,25]=2@25 h:x"},
		},
		{
			"grace delays it", window.Session(10 * ms).Grace(5 * ms),
			[]string{"k=1@25", "l=1@40", "l=1@41"}, []string{"out k[25,25]=1@25"},
		},
		{
			"many close in the order of their ends, then starts, then keys", gap,
			[]string{"b=1@21", "bb=1@20", "bb=1@21", "a=1@21", "c=1@22", "m=1@1000"},
			[]string{"out bb[20,21]=2@21", "out a[21,21]=1@21", "out b[21,21]=1@21", "out c[22,22]=1@22"},
		},
		{
			"sessions that were joined do not come out", gap,
			[]string{"k=1@20", "k=2@25", "k=3@30", "m=1@100"}, []string{"out k[20,30]=3@30"},
		},
		{
			"a key has many", gap,
			[]string{"k=1@20", "k=1@40", "k=1@60", "k=1@61", "k=1@100"},
			[]string{"out k[20,20]=1@20", "out k[40,40]=1@40", "out k[60,61]=2@61"},
		},
		{
			"a session at the beginning of time", gap,
			[]string{"k=1@0", "l=1@11"}, []string{"out k[0,0]=1@0"},
		},
		{
			"a late record changes nothing", gap,
			[]string{"k=1@20", "l=1@50", "k=1@21", "l=1@90"}, []string{"out k[20,20]=1@20", "out l[50,50]=1@50"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := tasktest.Start(t, finalSessions(c.w, unlogged))
			d.Send("in", c.send...)
			d.Run()
			tasktest.Want(t, d.Written(), c.want...)
		})
	}
}

func TestEmitFinalOfSessionsKnowsAfterACrashWhatItEmitted(t *testing.T) {
	for _, lose := range []func(*tasktest.Driver){(*tasktest.Driver).Crash, (*tasktest.Driver).Wipe} {
		d := tasktest.Start(t, finalSessions(window.Session(10*ms), topology.StoreName("n"), topology.Retention(time.Hour)))
		d.Send("in", "k=1@20", "l=1@31", "m=1@32")
		d.Run()
		d.Commit()
		d.Checkpoint()
		tasktest.Want(t, d.Results(), "out k[20,20]=1@20")
		if got, want := d.Position("in").Progress, map[string]int64{"n": 21}; !maps.Equal(got, want) {
			t.Errorf("the progress committed is %v, want %v", got, want)
		}
		d.Send("in", "m=2@33", "k=2@60") // lost
		d.Run()
		lose(d)
		d.Run()
		d.Commit()
		tasktest.Want(t, d.Results(), "out l[31,31]=1@31", "out m[32,33]=2@33")
	}
}

func TestWhichSessionsAreJoinedIsTheSameAfterACrash(t *testing.T) {
	for _, crash := range []bool{false, true} {
		d := tasktest.Start(t, sessions(window.Session(10*ms), topology.StoreName("n")))
		d.Send("in", "k=1@25", "l=1@46")
		d.Run()
		d.Commit()
		d.Checkpoint()
		if crash {
			d.Crash()
		}
		// The session of k has expired, so it is not joined even by a record that is not late.
		d.Send("in", "k=2@36")
		d.Run()
		d.Commit()
		tasktest.Want(t, d.Results(), "out k[25,25]=1@25", "out l[46,46]=1@46", "out k[36,36]=1@36")
	}
}

func TestAFailedRecordLeavesSessionsAsTheyWere(t *testing.T) {
	b := topology.New("app")
	sum := func(a, v string) string {
		if v == "bad" {
			panic("bad")
		}
		return a + v
	}
	b.Stream[string, string]("in").GroupByKey().WindowedBySession(window.Session(10*ms)).Reduce(sum, topology.StoreName("s")).ToStream().To("out")
	d := tasktest.Start(t, b, tasktest.Uncached, tasktest.Policy(task.Skip()))
	d.Send("in", "k=a@20", "k=b@40", "k=bad@30", "k=c@30", "k=d@41", "l=x@95")
	d.Run()
	tasktest.Want(t, values(d),
		"k[20,20]=a", "k[20,20]=a", "k[40,40]=b", "k[40,40]=b", "k[20,40]=abc", "k[20,40]=abc", "k[20,41]=abcd", "k[20,41]=abcd", "l[95,95]=x", "l[95,95]=x")
	if len(d.Reports) != 1 {
		t.Errorf("the reports are %q, want one", d.Reports)
	}
}
