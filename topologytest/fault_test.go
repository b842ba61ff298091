package topologytest_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tidemill/tidemill/topology"
	"github.com/tidemill/tidemill/topologytest"
	"github.com/tidemill/tidemill/window"
)

// minutes counts words by minute and tells each count once.
func minutes() *topology.Builder {
	b := topology.New("minutes")
	b.Stream[string, string]("text-lines").
		FlatMapValues(strings.Fields).
		GroupBy(func(_, word string) string { return word }).
		WindowedBy(window.Tumbling(time.Minute).Grace(5 * time.Second)).
		EmitFinal().
		Count(topology.StoreName("counts")).
		ToStream().
		Map(func(w window.Key[string], n int64) (string, string) {
			return w.Key, fmt.Sprintf("%d in %d", n, w.Start/60_000)
		}).
		To("word-counts")
	return b
}

// lines writes the same random lines of a few minutes, some of them late.
func lines(d *topologytest.Driver) {
	random := rand.New(rand.NewPCG(7, 7))
	in := d.Input[string, string]("text-lines")
	for i := range 30 {
		at := time.Duration(i)*10*time.Second - time.Duration(random.IntN(20))*time.Second
		in.Send(fmt.Sprint(i%4), strings.Repeat("to be or not ", 1+random.IntN(2))[random.IntN(6):], max(at, 0))
	}
	in.Send("", "end", time.Hour)
}

func texts(d *topologytest.Driver) []string {
	var all []string
	for _, r := range d.Output[string, string]("word-counts").All() {
		all = append(all, fmt.Sprintf("%v, step %d", r, r.Step))
	}
	return all
}

func TestACrashAtAnyMomentChangesNothingUnderExactlyOnce(t *testing.T) {
	for _, fault := range []topologytest.Fault{topologytest.Crash, topologytest.Wipe, topologytest.Move} {
		clean := topologytest.New(t, minutes(), topologytest.ExactlyOnce())
		lines(clean)
		want := texts(clean)
		if len(want) < 10 {
			t.Fatalf("only %d results", len(want))
		}
		struck := map[topologytest.Point]bool{}
		for at, more := 0, true; more; at += 11 {
			more = false
			d := topologytest.New(t, minutes(), topologytest.ExactlyOnce(), topologytest.Workers(2), topologytest.CheckpointInterval(1),
				topologytest.Faults(func(m topologytest.Moment) topologytest.Fault {
					if m.Number != at {
						return topologytest.Nothing
					}
					more, struck[m.Point] = true, true
					return fault
				}))
			lines(d)
			if got := texts(d); !slices.Equal(got, want) {
				t.Fatalf("fault %d at moment %d: got\n%q\nwant\n%q", fault, at, got, want)
			}
		}
		if len(struck) < 4 {
			t.Errorf("fault %d struck at the points %v only", fault, struck)
		}
	}
}

func TestChanceNeitherLosesNorRepeatsARecordUnderExactlyOnce(t *testing.T) {
	want := map[string]int64{}
	for seed := range uint64(20) {
		d := topologytest.New(t, wordcount(), topologytest.ExactlyOnce(), topologytest.Workers(3), topologytest.Partitions(4),
			topologytest.Seed(seed), topologytest.Chaos(seed), topologytest.CommitInterval(time.Second), topologytest.CacheBytes(1<<20))
		in := d.Input[string, string]("text-lines")
		random := rand.New(rand.NewPCG(1, 1))
		clear(want)
		for range 50 {
			word := fmt.Sprintf("w%d", random.IntN(9))
			in.Send(word, word+" all", 0)
			want[word]++
			want["all"]++
			d.Advance(100 * time.Millisecond)
		}
		d.Commit()
		if got := topologytest.AsMap(d.Output[string, int64]("word-counts")); !maps.Equal(got, want) {
			t.Errorf("seed %d: got %v, want %v", seed, got, want)
		}
	}
}

func TestWithoutExactlyOnceWhatIsNotCommittedStaysAndIsDoneAgain(t *testing.T) {
	d := topologytest.New(t, wordcount(), topologytest.CommitInterval(time.Second))
	d.Input[string, string]("text-lines").Send("", "a", 0)
	out := d.Output[string, int64]("word-counts")
	if got := fmt.Sprint(out.ReadAll()); got != "[a=1@0]" {
		t.Errorf("before the crash: %s", got)
	}
	d.Crash()
	// The line and the word are both processed again, and the store has kept the first.
	if got := fmt.Sprint(out.ReadAll()); got != "[a=2@0 a=3@0]" {
		t.Errorf("after the crash: %s", got)
	}
	d.Commit()
	d.Crash()
	if got := out.ReadAll(); got != nil {
		t.Errorf("after a crash behind the commit: %v", got)
	}
}

func TestUnderExactlyOnceOutputsComeWithTheCommit(t *testing.T) {
	d := topologytest.New(t, wordcount(), topologytest.CommitInterval(time.Second), topologytest.ExactlyOnce())
	d.Input[string, string]("text-lines").Send("", "a", 0)
	out := d.Output[string, int64]("word-counts")
	d.Crash()
	d.Advance(999 * time.Millisecond)
	if out.Len() != 0 {
		t.Errorf("before a commit: %v", out.All())
	}
	d.Advance(time.Millisecond) // the word reaches the repartition topic
	if out.Len() != 0 || d.Output[string, string]("wordcount-counts-repartition").Len() != 1 {
		t.Errorf("after one commit: %v", out.All())
	}
	d.Advance(time.Second)
	if got := fmt.Sprint(out.All()); got != "[a=1@0]" {
		t.Errorf("after two commits: %s", got)
	}
}

func TestStoresComeBackFromCheckpointAndChangelog(t *testing.T) {
	b := topology.New("app")
	b.Table[string, string]("in", topology.StoreName("logged"))
	b.Table[string, string]("in2", topology.StoreName("local"), topology.WithoutChangelog())
	d := topologytest.New(t, b)
	in, in2 := d.Input[string, string]("in"), d.Input[string, string]("in2")
	both := func(key, value string) { in.Send(key, value, 1); in2.Send(key, value, 1) }
	rows := func(store string) string { return fmt.Sprint(d.KeyValue[string, string](store).All()) }
	both("a", "1")
	both("b", "1")
	d.Checkpoint()
	both("a", "2")
	in.Delete("b", 2)
	d.Crash()
	if got := rows("logged"); got != "[{a 2 1}]" {
		t.Errorf("after a crash the store has %s", got)
	}
	if got := rows("local"); got != "[{a 1 1} {b 1 1}]" {
		t.Errorf("after a crash the store without a changelog has %s", got)
	}
	changelog := d.Output[string, string]("app-logged-changelog")
	d.Compact()
	if got := fmt.Sprint(changelog.All()); got != "[a=2@1 b=null@2]" {
		t.Errorf("the compacted changelog has %s", got)
	}
	d.Wipe()
	if got := rows("logged"); got != "[{a 2 1}]" {
		t.Errorf("after the loss of local state the store has %s", got)
	}
	if got := rows("local"); got != "[]" {
		t.Errorf("after the loss of local state the store without a changelog has %s", got)
	}
}

func TestATaskThatMovesTakesItsStoresAlong(t *testing.T) {
	d := topologytest.New(t, wordcount(), topologytest.Partitions(2))
	in := d.Input[string, string]("text-lines")
	in.Send("", "a b c d", 0)
	if got := d.Tasks(); !slices.Equal(got, []string{"0_0", "0_1", "1_0", "1_1"}) {
		t.Errorf("the tasks are %q", got)
	}
	for _, worker := range []int{1, 2, 0, 1} {
		d.Move("1_0", worker)
		d.Move("1_1", worker)
		in.Send("", "a b c d", 0)
	}
	want := map[string]int64{"a": 5, "b": 5, "c": 5, "d": 5}
	if got := topologytest.AsMap(d.Output[string, int64]("word-counts")); !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestAWorkerCrashesAlone(t *testing.T) {
	d := topologytest.New(t, wordcount(), topologytest.Workers(2), topologytest.CommitInterval(time.Second), topologytest.ExactlyOnce())
	in := d.Input[string, string]("text-lines")
	in.Send("", "a", 0)
	d.Commit()
	before := d.Output[string, int64]("word-counts").Len()
	in.Send("", "a", 0)
	d.Crash(1) // has nothing to lose
	d.Crash(0) // has the line, and does it again
	d.Commit()
	if got := fmt.Sprint(d.Output[string, int64]("word-counts").All()); before != 1 || got != "[a=1@0 a=2@0]" {
		t.Errorf("%d before, then %s", before, got)
	}
}
