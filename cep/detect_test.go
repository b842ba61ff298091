package cep_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tidemill/tidemill/cep"
	"github.com/tidemill/tidemill/internal/nfa"
	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/state"
	"github.com/tidemill/tidemill/topology"
	"github.com/tidemill/tidemill/topologytest"
)

// is accepts the events that begin with a letter.
func is(letter string) func(string) bool {
	return func(event string) bool { return strings.HasPrefix(event, letter) }
}

// line is a match as a text.
func line(m cep.Match[string]) string {
	var all []string
	for _, s := range m.Stages {
		all = append(all, s.Events...)
	}
	return strings.Join(all, " ")
}

// build is a topology that finds a pattern in events and writes its matches, and the
// partial ones that ran out of time, as texts.
func build(p cep.Pattern[string], options ...cep.Option) *topology.Builder {
	b := topology.New("cep")
	matches, timedOut := cep.DetectTimedOut(b.Stream[string, string]("events"), p, append(options, topology.Named("look"))...)
	matches.MapValues(line).To("matches")
	timedOut.MapValues(line).To("timed-out")
	return b
}

// rows are the states of all keys.
type rows = *state.KeyValue[string, *nfa.State]

func count(t *testing.T, store rows) (n int) {
	t.Helper()
	for _, err := range store.All() {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	return n
}

// both is what a topology has written, as key=match@time.
func both(d *topologytest.Driver) string {
	var out []string
	for _, topic := range []string{"matches", "timed-out"} {
		for _, r := range d.Output[string, string](topic).All() {
			out = append(out, fmt.Sprint(r))
		}
		out = append(out, "|")
	}
	return strings.Join(out, " ")
}

var ab = cep.Begin[string]("a").Where(is("a")).FollowedBy("b").Where(is("b")).Within(10 * time.Second)

func TestMatchesAreFoundPerKey(t *testing.T) {
	d := topologytest.New(t, build(ab))
	in := d.Input[string, string]("events")
	for i, e := range []string{"k:a1", "j:a2", "k:c3", "k:b4", "j:c5", "j:b6"} {
		key, event, _ := strings.Cut(e, ":")
		in.Send(key, event, 1000*i)
	}
	if got, want := both(d), "k=a1 b4@3000 j=a2 b6@5000 | |"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestPartialMatchesRunOutOfTimeWithStreamTime(t *testing.T) {
	d := topologytest.New(t, build(ab))
	in := d.Input[string, string]("events")
	in.Send("k", "a1", 1*time.Second)
	in.Send("j", "x", 10999*time.Millisecond)
	if got, want := both(d), "| |"; got != want {
		t.Errorf("a millisecond before the time is up: got %s, want %s", got, want)
	}
	in.Send("j", "x", 11*time.Second)
	in.Send("k", "b2", 12*time.Second)
	if got, want := both(d), "| k=a1@11000 |"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if rows := d.Stores[rows]("look-store")[0]; count(t, rows) != 0 {
		t.Errorf("%d rows are left when all time is up, want none", count(t, rows))
	}
}

func TestAMatchHasNoTimedOutPartialMatches(t *testing.T) {
	d := topologytest.New(t, build(begin("a").FollowedBy("b").Where(is("b")).OneOrMore().Within(10*time.Second)))
	in := d.Input[string, string]("events")
	in.Send("k", "a1", 0)
	in.Send("k", "b2", 1000)
	in.Send("j", "x", 20000)
	if got, want := both(d), "k=a1 b2@1000 | |"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestAnAbsenceAtTheEndIsFoundWhenItsTimeIsUp(t *testing.T) {
	quiet := begin("a").NotFollowedBy("b").Where(is("b"))
	for _, c := range []struct {
		name string
		p    pattern
		want string
	}{
		{"within a time from the beginning", quiet.Within(5 * time.Second), "k=a2@7000 | |"},
		{"within a gap from the event before", begin("a").FollowedBy("x").Where(is("x")).NotFollowedBy("b").Where(is("b")).Gap(4 * time.Second), "k=a0 x3@7000 k=a2 x3@7000 | |"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := topologytest.New(t, build(c.p))
			in := d.Input[string, string]("events")
			for _, e := range []string{"a0", "b1", "a2", "x3"} {
				in.Send("k", e, 1000*int(e[1]-'0'))
			}
			in.Send("j", "x", 6999)
			if got, want := both(d), "| |"; got != want {
				t.Errorf("before the time is up: got %s, want %s", got, want)
			}
			in.Send("j", "x", 9000)
			if got := both(d); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestGapEndsAPartialMatch(t *testing.T) {
	d := topologytest.New(t, build(begin("a").FollowedBy("b").Where(is("b")).Gap(3*time.Second)))
	in := d.Input[string, string]("events")
	in.Send("k", "a1", 1000)
	in.Send("k", "b4", 4000)
	in.Send("k", "a5", 5000)
	in.Send("k", "b7", 7999)
	if got, want := both(d), "k=a5 b7@7999 | k=a1@4000 |"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestGraceSortsTheEventsOfAKey(t *testing.T) {
	d := topologytest.New(t, build(ab, cep.Grace(5*time.Second)))
	in := d.Input[string, string]("events")
	in.Send("k", "b2", 2000)
	in.Send("k", "a1", 1000)
	in.Send("k", "b3", 6000)
	if got, want := both(d), "| |"; got != want {
		t.Errorf("before the grace is over: got %s, want %s", got, want)
	}
	in.Send("j", "x", 7000)
	in.Send("k", "a0", 1999)
	if got, want := both(d), "k=a1 b2@2000 | |"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if n := d.Dropped()["late"]; n != 1 {
		t.Errorf("%d records are dropped as late, want 1: it came more than the grace too late", n)
	}
}

func TestRecordsWithoutAKeyOrAValueAreDropped(t *testing.T) {
	d := topologytest.New(t, build(ab))
	in := d.Input[string, string]("events")
	in.Send("k", "a1", 0)
	in.Delete("k", 1)
	in.SendRecord(record.Record[string, string]{NullKey: true, Value: "b", Timestamp: 2})
	in.Send("k", "b2", 3)
	if got, want := both(d), "k=a1 b2@3 | |"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if n := d.Dropped()["null key or value"]; n != 2 {
		t.Errorf("%d records are dropped, want 2", n)
	}
}

func TestPartialMatchesAreCappedForEachKey(t *testing.T) {
	d := topologytest.New(t, build(ab, cep.MaxPartialMatches(2)))
	in := d.Input[string, string]("events").Clock(0, time.Millisecond)
	for _, e := range []string{"a1", "a2", "a3", "a4", "b5"} {
		in.Next("k", e)
	}
	if got, want := both(d), "k=a3 b5@4 k=a4 b5@4 | |"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if n := d.Dropped()["too many partial matches"]; n != 2 {
		t.Errorf("%d partial matches are counted as given up, want 2", n)
	}
}

func TestDistinctTakesEventsUntilThereAreEnoughKinds(t *testing.T) {
	kind := func(event string) byte { return event[0] }
	d := topologytest.New(t, build(cep.Begin[string]("attacks").Distinct(3, kind).Within(time.Hour).SkipPastLastEvent()))
	in := d.Input[string, string]("events").Clock(0, 10*time.Minute)
	for _, e := range []string{"scan1", "scan2", "phish3", "scan4", "dos5", "scan6", "phish7"} {
		in.Next("k", e)
	}
	if got, want := both(d), "k=scan1 scan2 phish3 scan4 dos5@2400000 | |"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := cep.DistinctOf([]string{"scan", "phish", "slow"}, kind); string(got) != "sp" {
		t.Errorf("the kinds are %q, want sp", got)
	}
}

func TestHeadersAndTimesOfAMatchAreThoseOfItsLastEvent(t *testing.T) {
	b := topology.New("cep")
	cep.Detect(b.Stream[string, string]("events"), ab, cep.Grace(time.Second)).MapValues(line).To("matches")
	d := topologytest.New(t, b)
	in := d.Input[string, string]("events")
	traced := func(text, trace string, at int64) record.Record[string, string] {
		return record.Record[string, string]{Key: "k", Value: text, Timestamp: at, Headers: record.Headers{{Key: "trace", Value: []byte(trace)}}}
	}
	in.SendAll(traced("a1", "one", 0), traced("b2", "two", 100), traced("x3", "three", 5000))
	r, ok := d.Output[string, string]("matches").Read()
	if trace, _ := r.Headers.Get("trace"); !ok || string(trace) != "two" || r.Timestamp != 100 {
		t.Errorf("the match has the time %d and the trace %q, want 100 and two", r.Timestamp, trace)
	}
}

func TestAStreamWithNewKeysIsRepartitioned(t *testing.T) {
	b := topology.New("cep")
	events := b.Stream[string, string]("events").SelectKey(func(_, event string) string { return event[1:] })
	cep.Detect(events, ab, topology.Named("look")).MapValues(line).To("matches")
	d := topologytest.New(t, b, topologytest.Partitions(3))
	in := d.Input[string, string]("events").Clock(0, time.Second)
	for _, e := range []string{"ax", "ay", "by", "bx"} {
		in.Next(e, e)
	}
	var got []string
	for _, r := range d.Output[string, string]("matches").All() {
		got = append(got, r.Value)
	}
	if slices.Sort(got); !slices.Equal(got, []string{"ax bx", "ay by"}) {
		t.Errorf("got %q", got)
	}
	if n := d.Output[string, string]("cep-look-repartition").Len(); n != 4 {
		t.Errorf("%d records are repartitioned, want 4", n)
	}
}

func TestOthersBehindTheStreamSeeTheRecordAsItIs(t *testing.T) {
	b := topology.New("cep")
	events, last := b.Stream[string, string]("events"), topology.KeyValueStore[string, string]("last")
	cep.Detect(events, ab).MapValues(line).To("matches")
	events.Process(func(c *processors.Context[string, string]) (processors.Processor[string, string], error) {
		store, err := last.In(c.Task)
		return processors.Func[string, string](func(r record.Record[string, string]) error { return store.Put(r.Key, r.Value) }), err
	}, topology.Stores(last))
	d := topologytest.New(t, b)
	in := d.Input[string, string]("events")
	in.Send("j", "x", 5000)
	in.Send("k", "a", 1000)
	in.Send("k", "b", 2000) // found at 5000, as it comes then
	if r, ok := d.Output[string, string]("matches").Read(); !ok || r.Timestamp != 5000 {
		t.Errorf("the match is %v, want one at 5000", r)
	}
	if value, at, _ := d.KeyValue[string, string]("last").GetTimestamped("k"); value != "b" || at != 2000 {
		t.Errorf("another processor sees %s at %d, want b at 2000", value, at)
	}
}
