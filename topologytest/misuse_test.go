package topologytest_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tidemill/tidemill"
	"github.com/tidemill/tidemill/serde"
	"github.com/tidemill/tidemill/state"
	"github.com/tidemill/tidemill/topology"
	"github.com/tidemill/tidemill/topologytest"
	"github.com/tidemill/tidemill/window"
)

func joined() *topology.Builder {
	b := topology.New("app")
	table := b.Table[string, string]("right")
	b.Stream[string, string]("left").Join(table, plus).To("out")
	return b
}

func TestOpenReturnsWhatIsWrong(t *testing.T) {
	for _, test := range []struct {
		name    string
		b       *topology.Builder
		options []topologytest.Option
		want    string
	}{
		{"an empty topology", topology.New("app"), nil, "the topology is empty"},
		{"sides of a join with different partitions", joined(), []topologytest.Option{topologytest.Partitions(3, "left")}, "the sides of a join need the same number of partitions: right has 1, left has 3"},
		{"a pattern that no topic matches", func() *topology.Builder {
			b := topology.New("app")
			b.StreamPattern[string, string]("logs-.*").To("out")
			return b
		}(), nil, "no topic matches"},
		{"no partitions", joined(), []topologytest.Option{topologytest.Partitions(0)}, "Partitions is 0: give at least 1"},
		{"no partitions of one topic", joined(), []topologytest.Option{topologytest.Partitions(0, "left")}, `Partitions of topic "left" is 0`},
		{"no workers", joined(), []topologytest.Option{topologytest.Workers(0)}, "Workers is 0"},
		{"a start before the epoch", joined(), []topologytest.Option{topologytest.StartAt(-1)}, "StartAt is 1 ms before the Unix epoch"},
		{"a negative commit interval", joined(), []topologytest.Option{topologytest.CommitInterval(-1)}, "CommitInterval is -1ns"},
		{"no checkpoint interval", joined(), []topologytest.Option{topologytest.CheckpointInterval(0)}, "CheckpointInterval is 0s"},
		{"a negative cache", joined(), []topologytest.Option{topologytest.CacheBytes(-1)}, "CacheBytes is -1"},
		{"a policy without a topic", joined(), []topologytest.Option{topologytest.OnDecodeError(tidemill.DeadLetter(""))}, "a dead-letter policy needs the name of a topic"},
		{"a processor that cannot be made", func() *topology.Builder {
			b := topology.New("app")
			b.Stream[string, string]("in").Process(deduplicate(topology.KeyValueStore[string, string]("seen")))
			return b
		}(), nil, `no store named "seen"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			if _, err := topologytest.Open(test.b, test.options...); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("the error is %v, want %q in it", err, test.want)
			}
		})
	}
}

func TestMisuseIsAnErrorThatSaysWhatToDo(t *testing.T) {
	for _, test := range []struct {
		name string
		do   func(d *topologytest.Driver)
		want string
	}{
		{"an input that is not read", func(d *topologytest.Driver) { d.Input[string, string]("text-line") }, `does not read topic "text-line": it reads ["text-lines"]`},
		{"an output that is not there", func(d *topologytest.Driver) { d.Output[string, string]("words") }, `there is no topic "words": there are ["text-lines" "word-counts" "wordcount-counts-changelog" "wordcount-counts-repartition"]`},
		{"a type without an encoding", func(d *topologytest.Driver) { d.Input[string, func()]("text-lines") }, "no serde for the value"},
		{"a serde for another type", func(d *topologytest.Driver) {
			d.Output[string, int64]("word-counts", topologytest.ValueSerde(serde.String()))
		}, "which is not for int64"},
		{"a partition that is not there", func(d *topologytest.Driver) { d.Input[string, string]("text-lines").To(1) }, "has 1 partitions, there is no partition 1"},
		{"a store that is not there", func(d *topologytest.Driver) { d.KeyValue[string, int64]("count") }, `there is no store "count": there are ["counts"]`},
		{"a store of another type", func(d *topologytest.Driver) { d.Window[string, int64]("counts") }, "is a *state.KeyValue[string,int64], not a *state.Window[string,int64]"},
		{"a clock that goes back", func(d *topologytest.Driver) { d.Advance(-time.Second) }, "the clock only goes forward"},
		{"a worker that is not there", func(d *topologytest.Driver) { d.Crash(1) }, "there is no worker 1: there are 1"},
		{"a worker far away", func(d *topologytest.Driver) { d.Move("0_0", 2) }, "there is no worker 2: there are 1"},
		{"a task that is not there", func(d *topologytest.Driver) { d.Move("0_7", 0) }, `there is no task "0_7": there are ["0_0" "1_0"]`},
		{"a value of another type", func(d *topologytest.Driver) {
			d.Input[string, string]("text-lines").Send("", "a", 0)
			d.Output[string, bool]("word-counts").Read()
		}, "decode value"},
	} {
		t.Run(test.name, func(t *testing.T) {
			d, err := topologytest.Open(wordcount())
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			test.do(d)
			if d.Err() == nil || !strings.Contains(d.Err().Error(), test.want) {
				t.Errorf("the error is %v, want %q in it", d.Err(), test.want)
			}
		})
	}
}

func TestFaultsWithoutEndAreAnError(t *testing.T) {
	d, err := topologytest.Open(wordcount(), topologytest.Faults(func(topologytest.Moment) topologytest.Fault { return topologytest.Crash }))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	d.Input[string, string]("text-lines").Send("", "a", 0)
	if d.Err() == nil || !strings.Contains(d.Err().Error(), "let Faults return Nothing now and then") {
		t.Errorf("the error is %v", d.Err())
	}
}

func TestATopicThatAppearsNeedsTasks(t *testing.T) {
	b := topology.New("app")
	b.StreamPattern[string, string]("logs\\..*").To("out")
	d, err := topologytest.Open(b, topologytest.Partitions(1, "logs.a"), topologytest.Partitions(2))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	d.Input[string, string]("logs.b").Send("", "", 0)
	if d.Err() == nil || !strings.Contains(d.Err().Error(), `topic "logs.b" has 2 partitions, but there are 1 tasks`) {
		t.Errorf("the error is %v", d.Err())
	}
}

// stopped is a test that notes what it fails with.
type stopped struct {
	testing.TB
	said string
}

func (s *stopped) Helper() {}

func (s *stopped) Fatal(args ...any) {
	s.said = fmt.Sprint(args...)
	panic(s)
}

func (s *stopped) Cleanup(func()) {}

func TestNewFailsTheTest(t *testing.T) {
	for _, test := range []struct {
		name string
		do   func(tb testing.TB)
		want string
	}{
		{"at once", func(tb testing.TB) { topologytest.New(tb, topology.New("app")) }, "the topology is empty"},
		{"later", func(tb testing.TB) {
			broken := true
			topologytest.New(tb, fragile(&broken)).Input[string, string]("in").Send("a", "bad", 1)
		}, `process: node "fragile"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			tb := &stopped{}
			defer func() {
				if recover() != tb || !strings.Contains(tb.said, test.want) {
					t.Errorf("the test fails with %q, want %q in it", tb.said, test.want)
				}
			}()
			test.do(tb)
		})
	}
}

func TestAStoreOfAnyTypeIsReadByItsInstances(t *testing.T) {
	b := topology.New("app")
	b.Stream[string, string]("in").GroupByKey().WindowedBy(window.Tumbling(time.Second)).Count(topology.StoreName("cnt"))
	d := topologytest.New(t, b, topologytest.Partitions(2))
	d.Input[string, string]("in").To(1).Send("a", "", 0)
	stores := d.Stores[*state.Window[string, int64]]("cnt")
	if len(stores) != 2 {
		t.Fatalf("there are %d instances, want 2", len(stores))
	}
	if n, _, ok, err := stores[1].Fetch("a", 0); n != 1 || !ok || err != nil {
		t.Errorf("the instance of partition 1 has %d, %v, %v", n, ok, err)
	}
}
