package beyond_test

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/tidemill/tidemill/internal/task"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/topology"
	"github.com/tidemill/tidemill/topologytest"
	"github.com/tidemill/tidemill/window"
)

func concat(l, r string) string { return l + r }

// stateful are topologies that read in, and other where they join, and write out.
var stateful = map[string]func(b *topology.Builder, in *topology.Stream[string, string]){
	"Count": func(_ *topology.Builder, in *topology.Stream[string, string]) {
		in.GroupByKey().Count().ToStream().MapValues(func(n int64) string { return fmt.Sprint(n) }).To("out")
	},
	"Reduce with TimeToLive": func(_ *topology.Builder, in *topology.Stream[string, string]) {
		in.GroupByKey().Reduce(latest, topology.TimeToLive(10*ms)).ToStream().To("out")
	},
	"tumbling": func(_ *topology.Builder, in *topology.Stream[string, string]) {
		toOut(in.GroupByKey().WindowedBy(window.Tumbling(10 * ms).Grace(5 * ms)).Reduce(latest))
	},
	"hopping, final": func(_ *topology.Builder, in *topology.Stream[string, string]) {
		toOut(in.GroupByKey().WindowedBy(window.Hopping(10*ms, 3*ms).Grace(5*ms)).EmitFinal().Reduce(latest, topology.KeepHeaders()))
	},
	"sliding": func(_ *topology.Builder, in *topology.Stream[string, string]) {
		toOut(in.GroupByKey().WindowedBy(window.Sliding(10 * ms).Grace(5 * ms)).Reduce(latest))
	},
	"sliding, final": func(_ *topology.Builder, in *topology.Stream[string, string]) {
		toOut(in.GroupByKey().WindowedBy(window.Sliding(10 * ms)).EmitFinal().Reduce(latest))
	},
	"session, final": func(_ *topology.Builder, in *topology.Stream[string, string]) {
		toOut(in.GroupByKey().WindowedBySession(window.Session(10 * ms).Grace(5 * ms)).EmitFinal().Reduce(latest))
	},
	"Suppress": func(_ *topology.Builder, in *topology.Stream[string, string]) {
		toOut(in.GroupByKey().WindowedBy(window.Tumbling(10 * ms)).Reduce(latest).Suppress(topology.UntilWindowCloses(topology.Unbounded())))
	},
	"Deduplicate": func(_ *topology.Builder, in *topology.Stream[string, string]) {
		in.Deduplicate(10 * ms).To("out")
	},
	"ToTable": func(_ *topology.Builder, in *topology.Stream[string, string]) {
		in.ToTable(topology.StoreName("rows")).ToStream().To("out")
	},
	"JoinStream": func(b *topology.Builder, in *topology.Stream[string, string]) {
		in.JoinStream(b.Stream[string, string]("other"), window.Within(10*ms), concat).To("out")
	},
	"Join": func(b *topology.Builder, in *topology.Stream[string, string]) {
		in.Join(b.Table[string, string]("other"), concat).To("out")
	},
	"Join with grace": func(b *topology.Builder, in *topology.Stream[string, string]) {
		in.Join(b.Table[string, string]("other", topology.History(time.Minute)), concat, topology.JoinGrace(time.Second)).To("out")
	},
}

// outer joins give out records without a key, so they are not among the others.
var outer = map[string]func(b *topology.Builder, in *topology.Stream[string, string]){
	"LeftJoinStream": func(b *topology.Builder, in *topology.Stream[string, string]) {
		in.LeftJoinStream(b.Stream[string, string]("other"), window.Within(10*ms), leftPair).To("out")
	},
	"OuterJoinStream": func(b *topology.Builder, in *topology.Stream[string, string]) {
		in.OuterJoinStream(b.Stream[string, string]("other"), window.Within(10*ms), pair).To("out")
	},
}

func each(t *testing.T, test func(t *testing.T, build func(*topology.Builder, *topology.Stream[string, string])), of ...map[string]func(*topology.Builder, *topology.Stream[string, string])) {
	for _, builds := range of {
		for name, build := range builds {
			t.Run(name, func(t *testing.T) { test(t, build) })
		}
	}
}

func TestARecordWithoutTheKeyThatIsNeededIsCountedAsDropped(t *testing.T) {
	each(t, func(t *testing.T, build func(*topology.Builder, *topology.Stream[string, string])) {
		b := topology.New("app")
		build(b, b.Stream[string, string]("in"))
		d := topologytest.New(t, b)
		d.Input[string, string]("in").SendRecord(record.Record[string, string]{NullKey: true, Value: "v", Timestamp: 1})
		d.Commit()
		check(t, "results", texts(d, "out"), "")
		n := int64(0)
		for reason, count := range d.Dropped() {
			if strings.HasPrefix(reason, "null key") {
				n += count
			}
		}
		if n != 1 {
			t.Errorf("dropped %v, want one for its null key", d.Dropped())
		}
	}, stateful)
}

func TestATimestampBeforeTheEpochIsADecodingError(t *testing.T) {
	each(t, func(t *testing.T, build func(*topology.Builder, *topology.Stream[string, string])) {
		b := topology.New("app")
		build(b, b.Stream[string, string]("in", topology.Timestamps(func(r record.Record[string, string], _ int64) int64 { return r.Timestamp - 10 })))
		d := topologytest.New(t, b, topologytest.OnDecodeError(task.DeadLetter("dead")))
		in := d.Input[string, string]("in")
		in.Send("a", "1", int64(3))
		in.Send("a", "2", int64(13))
		d.Commit()
		if dead := d.Output[string, string]("dead").All(); len(dead) != 1 || dead[0].Value != "1" {
			t.Errorf("got the dead letters %v, want the record before 1970", dead)
		}
	}, stateful, outer)
}

// A producer with a broken clock must not stop anything: what comes behind is late, by
// that time, and not lost without a count.
func TestAClockThatJumpsMakesRecordsLateAndNothingElse(t *testing.T) {
	for _, jump := range []int64{math.MaxInt64, math.MaxInt64 - 1, math.MaxInt64 - 12, math.MaxInt64 / 2, math.MaxInt64 / 1_000_000, 1 << 32} {
		t.Run(fmt.Sprint(jump), func(t *testing.T) {
			each(t, func(t *testing.T, build func(*topology.Builder, *topology.Stream[string, string])) {
				b := topology.New("app")
				build(b, b.Stream[string, string]("in"))
				d := topologytest.New(t, b, topologytest.ExactlyOnce())
				in := d.Input[string, string]("in")
				in.Send("a", "1", int64(100))
				in.Send("a", "2", jump)
				in.Send("b", "3", jump)
				in.Send("a", "4", int64(101))
				d.Crash()
				in.Send("a", "5", int64(103))
				in.Send("a", "6", int64(0))
				in.Send("a", "7", jump)
				d.Commit()
				if n := len(d.Reports()); n != 0 {
					t.Errorf("%d errors, want none: %v", n, d.Reports())
				}
			}, stateful, outer)
		})
	}
}

func TestAbsurdWindowsAreRefused(t *testing.T) {
	const age = 290 * 365 * 24 * time.Hour
	for want, windows := range map[string]window.Fixed{
		"the size of a tumbling window must be at least 1 ms":     window.Tumbling(0),
		"must be at least 1 ms, got -1s":                          window.Tumbling(-time.Second),
		"the grace must not be negative":                          window.Tumbling(time.Second).Grace(-1),
		"must not exceed":                                         window.Tumbling(age).Grace(age),
		"the advance of a hopping window must not exceed":         window.Hopping(time.Second, 2*time.Second),
		"a record would be in 86400000 windows":                   window.Hopping(24*time.Hour, time.Millisecond),
		"the difference of a sliding window must not be negative": window.Sliding(-1),
		"the difference of a sliding window must not exceed":      window.Sliding(age),
	} {
		b := topology.New("app")
		toOut(b.Stream[string, string]("in").GroupByKey().WindowedBy(windows).Reduce(latest))
		refused(t, b, want)
	}
}
