package topology_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tidemill/tidemill/topology"
	"github.com/tidemill/tidemill/window"
)

func build(t *testing.T, scenario func(b *builder)) *topology.Plan {
	t.Helper()
	b := topology.New("app")
	scenario(b)
	plan, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

type partitions = map[string]int32

func TestResolveCountsPartitions(t *testing.T) {
	for _, c := range []struct {
		name     string
		scenario func(b *builder)
		topics   partitions
		tasks    []int32
		internal partitions
	}{
		{
			"a task for each partition of the widest topic", scenarios["stateless"],
			partitions{"in": 3, "in2": 5}, []int32{5}, partitions{},
		},
		{
			"a changelog has as many as there are tasks", scenarios["kv-count"],
			partitions{"in": 4}, []int32{4}, partitions{"app-KSTREAM-AGGREGATE-STATE-STORE-0000000001-changelog": 4},
		},
		{
			"a repartition topic follows what feeds it", scenarios["groupBy-count-named-store"],
			partitions{"in": 6}, []int32{6, 6}, partitions{"app-cnt-repartition": 6, "app-cnt-changelog": 6},
		},
		{
			"a chain of repartition topics follows the first", func(b *builder) {
				in(b, "in").Repartition(named("a")).Repartition(named("b")).Repartition(named("c")).ForEach(nothing)
			},
			partitions{"in": 7}, []int32{7, 7, 7, 7}, partitions{"app-a-repartition": 7, "app-b-repartition": 7, "app-c-repartition": 7},
		},
		{
			"a number that was asked for counts, behind it too", func(b *builder) {
				in(b, "in").Repartition(named("a"), topology.Partitions(2)).GroupBy(value, named("g")).Count(stored("s"))
			},
			partitions{"in": 7}, []int32{7, 2, 2}, partitions{"app-a-repartition": 2, "app-g-repartition": 2, "app-s-changelog": 2},
		},
		{
			"a repartition topic follows the table that it is joined with", func(b *builder) {
				in(b, "in").SelectKey(value).Join(rows(b, "t", stored("t")), second, named("j"))
			},
			partitions{"in": 3, "t": 8}, []int32{3, 8}, partitions{"app-j-repartition": 8, "app-t-changelog": 8},
		},
		{
			"two repartition topics that are joined get the higher number", func(b *builder) {
				table := in(b, "x").GroupBy(value, named("g")).Count(stored("n"))
				in(b, "in").SelectKey(value).Join(table, func(v string, n int64) string { return v }, named("j"))
			},
			partitions{"in": 3, "x": 5}, []int32{5, 5, 3}, partitions{"app-j-repartition": 5, "app-g-repartition": 5, "app-n-changelog": 5},
		},
		{
			"joined with one that was asked for, it follows that one", func(b *builder) {
				table := in(b, "x").SelectKey(value).Repartition(named("r"), topology.Partitions(2)).GroupByKey().Count(stored("n"))
				in(b, "in").SelectKey(value).Join(table, func(v string, n int64) string { return v }, named("j"))
			},
			partitions{"in": 3, "x": 5}, []int32{5, 2, 3}, partitions{"app-j-repartition": 2, "app-r-repartition": 2, "app-n-changelog": 2},
		},
		{
			"a pattern counts what it matches, but for internal topics", func(b *builder) {
				b.StreamPattern[string, string](".*", named("all")).GroupByKey().Count(stored("n"))
			},
			partitions{"a": 1, "b": 3, "app-n-changelog": 9}, []int32{3}, partitions{"app-n-changelog": 3},
		},
		{
			"a store without a changelog has no topic", func(b *builder) {
				in(b, "in").GroupByKey().Count(topology.WithoutChangelog())
			},
			partitions{"in": 1}, []int32{1}, partitions{},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			layout, err := build(t, c.scenario).Resolve(c.topics)
			if err != nil {
				t.Fatal(err)
			}
			internal := partitions{}
			for _, topic := range layout.Internal {
				internal[topic.Name] = topic.Partitions
			}
			if !slices.Equal(layout.Tasks, c.tasks) || !maps.Equal(internal, c.internal) {
				t.Errorf("tasks %v and topics %v, want %v and %v", layout.Tasks, internal, c.tasks, c.internal)
			}
		})
	}
}

func TestResolveSaysWhatDoesNotFit(t *testing.T) {
	join := func(b *builder) { in(b, "s").Join(rows(b, "t"), second) }
	const advice = ": repartition one side with Repartition(topology.Partitions(n)), or create the topics alike"
	for _, c := range []struct {
		name     string
		scenario func(b *builder)
		topics   partitions
		want     string
	}{
		{
			"topics that do not exist", join, nil,
			`topology: node "KSTREAM-SOURCE-0000000000": topic "s" does not exist: create it or check the name; it is not created automatically` + "\n" +
				`topology: node "KSTREAM-SOURCE-0000000002": topic "t" does not exist: create it or check the name; it is not created automatically`,
		},
		{
			"a pattern that matches nothing", scenarios["pattern"], partitions{"xlogs.a": 1},
			`topology: node "KSTREAM-SOURCE-0000000000": no topic matches "logs\\..*": create one before the start`,
		},
		{
			"a stream and a table with different partitions", join, partitions{"s": 2, "t": 3},
			"topology: the sides of a join need the same number of partitions: s has 2, t has 3" + advice,
		},
		{
			"several topics of one side", func(b *builder) {
				b.Streams[string, string]([]string{"a", "b"}).Join(rows(b, "t"), second)
			}, partitions{"a": 3, "b": 2, "t": 3},
			"topology: the sides of a join need the same number of partitions: a has 3, b has 2, t has 3" + advice,
		},
		{
			"a table joined by way of another", func(b *builder) {
				in(b, "s").Join(rows(b, "t"), second).Join(rows(b, "u"), second)
			}, partitions{"s": 2, "t": 2, "u": 1},
			"topology: the sides of a join need the same number of partitions: s has 2, t has 2, u has 1" + advice,
		},
		{
			"a repartition that asks for another number than the table has", func(b *builder) {
				in(b, "s").Repartition(named("r"), topology.Partitions(4)).Join(rows(b, "t"), second)
			}, partitions{"s": 2, "t": 2},
			"topology: the sides of a join need the same number of partitions: app-r-repartition has 4, t has 2" + advice,
		},
		{
			"topics of a pattern", func(b *builder) {
				b.StreamPattern[string, string]("p.*").Join(rows(b, "t"), second)
			}, partitions{"p2": 2, "p1": 3, "t": 3},
			"topology: the sides of a join need the same number of partitions: p1 has 3, p2 has 2, t has 3" + advice,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			layout, err := build(t, c.scenario).Resolve(c.topics)
			if err == nil || err.Error() != c.want {
				t.Errorf("Resolve gives %v and the error\n%v\nwant\n%s", layout, err, c.want)
			}
		})
	}
}

// The numbers are those of Kafka Streams 4.3.1 for the same stores.
func TestInternalTopicsAreConfiguredAsByKafkaStreams(t *testing.T) {
	plan := build(t, func(b *builder) {
		g := in(b, "in").GroupBy(value, named("g"))
		g.Count(stored("kv"))
		g.WindowedBy(window.Tumbling(time.Hour).Grace(5 * time.Minute)).Count(stored("win"))
		g.WindowedBy(window.Tumbling(time.Hour)).Count(stored("kept"), topology.Retention(48*time.Hour),
			topology.ChangelogConfig(map[string]string{"segment.ms": "1000", "cleanup.policy": "compact"}))
	})
	layout, err := plan.Resolve(partitions{"in": 2})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, topic := range layout.Internal {
		line := fmt.Sprintf("%s kind %d:", topic.Name, topic.Kind)
		for _, key := range slices.Sorted(maps.Keys(topic.Config)) {
			line += " " + key + "=" + topic.Config[key]
		}
		got = append(got, line)
	}
	want := []string{
		"app-g-repartition kind 0: cleanup.policy=delete message.timestamp.type=CreateTime retention.ms=-1 segment.bytes=52428800",
		"app-kv-changelog kind 1: cleanup.policy=compact message.timestamp.type=CreateTime",
		"app-win-changelog kind 2: cleanup.policy=compact,delete message.timestamp.type=CreateTime retention.ms=90300000",
		"app-kept-changelog kind 2: cleanup.policy=compact message.timestamp.type=CreateTime retention.ms=259200000 segment.ms=1000",
	}
	if !slices.Equal(got, want) {
		t.Errorf("internal topics\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestPlanListsTopics(t *testing.T) {
	plan := build(t, func(b *builder) {
		s := b.Streams[string, string]([]string{"a", "b"}).SelectKey(value)
		s.Join(rows(b, "t"), second, named("j")).To("out")
		s.To("out")
		s.To("also")
	})
	if got, want := plan.ExternalTopics(), []string{"a", "b", "t"}; !slices.Equal(got, want) {
		t.Errorf("ExternalTopics = %v, want %v", got, want)
	}
	if got, want := plan.SinkTopics(), []string{"out", "also"}; !slices.Equal(got, want) {
		t.Errorf("SinkTopics = %v, want %v", got, want)
	}
	groups := fmt.Sprint(plan.Subtopologies[0].Copartitioned(), plan.Subtopologies[1].Copartitioned())
	if want := "[] [[t app-j-repartition]]"; groups != want {
		t.Errorf("Copartitioned = %s, want %s", groups, want)
	}
}
