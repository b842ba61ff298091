package topologytest_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tidemill/tidemill/internal/task"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/topology"
	"github.com/tidemill/tidemill/topologytest"
)

// person has encodings that differ from the one that is written.
type person struct{ Name string }

// reusing joins a stream with a table whose source topic is its changelog.
func reusing(options ...topology.TableOption) *topology.Builder {
	b := topology.New("app", topology.Optimize(topology.ReuseSourceTopics))
	rows := b.Table[person, person]("rows", options...)
	b.Stream[person, string]("in").Join(rows, func(v string, row person) string { return v + " " + row.Name }).To("out")
	return b
}

func sendPerson(d *topologytest.Driver, key, value string, at int64) {
	d.Input[[]byte, []byte]("rows").Send([]byte(key), []byte(value), at)
}

// asked joins the names with the rows that there are.
func asked(d *topologytest.Driver, names ...string) []string {
	out := d.Output[person, string]("out")
	before := out.Len()
	for _, name := range names {
		d.Input[person, string]("in").Send(person{name}, name, 1000)
	}
	var got []string
	for _, r := range out.All()[before:] {
		got = append(got, r.Value)
	}
	return got
}

func TestAStoreIsRestoredFromItsSourceTopic(t *testing.T) {
	for name, lose := range map[string]func(d *topologytest.Driver){
		"after a crash":       func(d *topologytest.Driver) { d.Crash() },
		"without local state": func(d *topologytest.Driver) { d.Wipe() },
		"on another worker":   func(d *topologytest.Driver) { d.Move("0_0", 1); d.Move("0_1", 1); d.Move("0_2", 1) },
		"behind a checkpoint of its own": func(d *topologytest.Driver) {
			d.Checkpoint()
			sendPerson(d, `{"Name":"c"}`, `{"Name":"C"}`, 5)
			d.Crash()
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := topologytest.New(t, reusing(), topologytest.Partitions(3))
			sendPerson(d, `{"Name":"a"}`, `{"Name":"A"}`, 1)
			sendPerson(d, `{ "Name" : "b" }`, `{"Name":"B", "Age":3}`, 2) // is the same key as b
			sendPerson(d, `{"Name":"c"}`, `{"Name":"C"}`, 3)
			d.Input[[]byte, []byte]("rows").Delete([]byte(`{"Name":"a"}`), 4)
			d.Input[[]byte, []byte]("rows").To(1).Send(nil, []byte("{}"), 5)
			before := d.KeyValue[person, person]("rows-STATE-STORE-0000000000").All()
			lose(d)
			after := d.KeyValue[person, person]("rows-STATE-STORE-0000000000").All()
			if len(before) == 0 || len(before) != len(after) {
				t.Errorf("the rows are\n%v, they were\n%v", after, before)
			}
			if got := asked(d, "a", "c"); !slices.Equal(got, []string{"c C"}) {
				t.Errorf("the rows are %q", got)
			}
		})
	}
}

// What is not committed is read again, so the store must not have it yet.
func TestAStoreIsRestoredUpToWhatIsCommitted(t *testing.T) {
	d := topologytest.New(t, reusing(), topologytest.CommitInterval(time.Second))
	sendPerson(d, `{"Name":"a"}`, `{"Name":"1"}`, 1)
	d.Advance(time.Second)
	d.Batch(func() {
		d.Input[person, string]("in").Send(person{"a"}, "early", 2)
		sendPerson(d, `{"Name":"a"}`, `{"Name":"2"}`, 3)
		d.Input[person, string]("in").Send(person{"a"}, "late", 4)
	})
	d.Wipe()
	d.Commit()
	var got []string
	for _, r := range d.Output[person, string]("out").All() {
		got = append(got, r.Value)
	}
	// Without exactly-once there is what the first attempt wrote, too.
	if want := []string{"early 1", "late 2", "early 1", "late 2"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestWhatCannotBeDecodedIsLeftOutOfARestoredStore(t *testing.T) {
	for name, policy := range map[string]task.Policy{
		"skipped":                      task.Skip(),
		"a dead letter after attempts": task.Retry(1, time.Millisecond, task.DeadLetter("dead")),
	} {
		t.Run(name, func(t *testing.T) {
			d := topologytest.New(t, reusing(), topologytest.OnDecodeError(policy))
			sendPerson(d, `{"Name":"a"}`, `{"Name":"A"}`, 1)
			sendPerson(d, `{"Name":"a"}`, `damaged`, 2)
			sendPerson(d, `damaged`, `{"Name":"B"}`, 3)
			d.Advance(time.Second)
			d.Advance(time.Second)
			d.Wipe()
			if got := asked(d, "a"); !slices.Equal(got, []string{"a A"}) {
				t.Errorf("the rows are %q", got)
			}
		})
	}
}

func TestATableThatItsTopicDoesNotTellKeepsItsChangelog(t *testing.T) {
	for name, c := range map[string]struct {
		options []topology.TableOption
		logged  bool
	}{
		"by default":        {nil, false},
		"with a store name": {[]topology.TableOption{topology.StoreName("s")}, false},
		"from the latest":   {[]topology.TableOption{topology.FromLatest()}, true},
		"with timestamps of its own": {[]topology.TableOption{
			topology.Timestamps(func(r record.Record[person, person], _ int64) int64 { return 1 }),
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			plan, err := reusing(c.options...).Build()
			if err != nil {
				t.Fatal(err)
			}
			store := plan.Subtopologies[0].Stores[0]
			if logged := store.Changelog != ""; logged != c.logged || logged == (store.Source != "") {
				t.Errorf("the changelog is %q, the source topic %q", store.Changelog, store.Source)
			}
		})
	}
}

func TestMergedRepartitionsGiveTheSameResults(t *testing.T) {
	build := func(options ...topology.BuilderOption) *topology.Builder {
		b := topology.New("app", options...)
		s := b.Stream[string, string]("in").SelectKey(func(_, v string) string { return v[:1] })
		split := s.Split()
		s.GroupByKey().Count().ToStream().To("all")
		split.Branch(func(_, v string) bool { return len(v) > 2 }).GroupByKey().Count().ToStream().To("long")
		split.Default().Filter(func(_, v string) bool { return v != "-" }).GroupByKey().Count().ToStream().To("short")
		table := s.MapValues(func(v string) int64 { return int64(len(v)) }).ToTable()
		s.Peek(func(string, string) {}).LeftJoin(table, func(v string, n *int64) string { return v }).To("joined")
		return b
	}
	plain, merged := topologytest.New(t, build(), topologytest.Partitions(3)), topologytest.New(t, build(topology.Optimize(topology.MergeRepartitions)), topologytest.Partitions(3))
	for _, d := range []*topologytest.Driver{plain, merged} {
		for i, v := range strings.Fields("abc a - abcd bc b abc cc c ccc") {
			d.Input[string, string]("in").Send("k", v, i)
		}
	}
	for _, topic := range []string{"all", "long", "short", "joined"} {
		want, got := plain.Output[string, []byte](topic).All(), merged.Output[string, []byte](topic).All()
		var a, b []string
		for i := range max(len(want), len(got)) {
			a, b = append(a, want[i].String()), append(b, got[i].String())
		}
		if len(a) == 0 || !slices.Equal(a, b) {
			t.Errorf("topic %s: merged is\n%q, want\n%q", topic, b, a)
		}
	}
	first, err := build(topology.Optimize(topology.MergeRepartitions)).Build()
	if err != nil {
		t.Fatal(err)
	}
	topics := 0
	for _, sub := range first.Subtopologies {
		for _, source := range sub.Sources {
			if source.Repartition {
				topics++
			}
		}
	}
	if topics != 2 { // one for the values themselves, one for their lengths
		t.Errorf("there are %d repartition topics, want 2", topics)
	}
}

func TestAnUnknownOptimizationIsAFault(t *testing.T) {
	_, err := topologytest.Open(topology.New("app", topology.Optimize(9)))
	if err == nil || !strings.Contains(err.Error(), "there is no optimization 9") {
		t.Errorf("Open returns %v", err)
	}
}

// A builder can be described, and then added to.
func TestMergingLeavesTheBuilderAsItIs(t *testing.T) {
	b := topology.New("app", topology.Optimize())
	s := b.Stream[string, string]("in").SelectKey(func(_, v string) string { return v })
	s.GroupByKey().Count().ToStream().To("one")
	if _, err := b.Describe(); err != nil {
		t.Fatal(err)
	}
	s.GroupByKey().Count().ToStream().To("two")
	d := topologytest.New(t, b)
	d.Input[string, string]("in").Send("k", "v", 1)
	for _, topic := range []string{"one", "two"} {
		if n := d.Output[string, int64](topic).Len(); n != 1 {
			t.Errorf("topic %s has %d records, want 1", topic, n)
		}
	}
}
