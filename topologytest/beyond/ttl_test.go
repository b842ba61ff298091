package beyond_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/tidemill/tidemill/internal/task"
	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/topology"
	"github.com/tidemill/tidemill/topologytest"
	"github.com/tidemill/tidemill/window"
)

// kept is a table that keeps the last value of each key for 10 ms, in the store rows.
func kept(b *topology.Builder, options ...topology.AggregateOption) *topology.Table[string, string] {
	options = append(options, topology.TimeToLive(10*ms), topology.StoreName("rows"))
	return b.Stream[string, string]("in").GroupByKey().Reduce(func(a, v string) string { return a + v }, options...)
}

// changes are the records of a topic; one without a value is a deletion.
func changes(d *topologytest.Driver, topic string) string {
	var out []string
	for _, r := range d.Output[string, string](topic).All() {
		if r.Tombstone {
			r.Value = "-"
		}
		out = append(out, fmt.Sprintf("%s=%s@%d", r.Key, r.Value, r.Timestamp))
	}
	return strings.Join(out, " ")
}

func rows(d *topologytest.Driver, store string) string {
	var out []string
	for _, item := range d.KeyValue[string, string](store).All() {
		out = append(out, fmt.Sprintf("%s=%s@%d", item.Key, item.Value, item.Timestamp))
	}
	return strings.Join(out, " ")
}

// sendAll sends texts such as a1@5.
func sendAll(d *topologytest.Driver, topic, texts string) {
	in := d.Input[string, string](topic)
	for _, text := range strings.Fields(texts) {
		var at int64
		key, value := text[:1], text[1:strings.Index(text, "@")]
		if _, err := fmt.Sscan(text[strings.Index(text, "@")+1:], &at); err != nil {
			panic(err)
		}
		in.Send(key, value, at)
	}
}

func TestRowsRunOutWhenTheyHaveNotBeenWrittenForTheTimeToLive(t *testing.T) {
	for name, options := range map[string][]topologytest.Option{
		"a commit behind every record":   {topologytest.CommitInterval(0)},
		"exactly once, one commit":       {topologytest.CommitInterval(time.Hour), topologytest.ExactlyOnce()},
		"one commit, and nothing cached": {topologytest.CommitInterval(time.Hour), topologytest.CacheBytes(0)},
	} {
		t.Run(name, func(t *testing.T) {
			b := topology.New("app")
			kept(b, topology.WithoutCache()).ToStream().To("out")
			d := topologytest.New(t, b, options...)
			sendAll(d, "in", "a1@0 b1@4 b2@8 c1@11")
			d.Commit()
			check(t, "rows", rows(d, "rows"), "b=12@8 c=1@11")
			d.Wipe() // the store and its deaths are restored
			sendAll(d, "in", "a3@17 b3@18")
			d.Commit()
			check(t, "after a wipe", rows(d, "rows"), "a=3@17 b=3@18 c=1@11")
			check(t, "changes", changes(d, "out"), "a=1@0 b=1@4 b=12@8 c=1@11 a=-@11 a=3@17 b=3@18")
		})
	}
}

// A row that has run out is as if it were not there for the record that brings its time,
// although it is deleted only behind it.
func TestARowThatHasRunOutIsNotAddedTo(t *testing.T) {
	b := topology.New("app")
	kept(b).ToStream().To("out")
	d := topologytest.New(t, b)
	sendAll(d, "in", "a1@0 a2@9 a3@19")
	check(t, "changes", changes(d, "out"), "a=1@0 a=12@9 a=3@19")
}

func TestTablesMadeOfOneWhoseRowsRunOutFollow(t *testing.T) {
	b := topology.New("app")
	t1 := kept(b)
	other := b.Table[string, string]("other", topology.StoreName("others"))
	t1.Join(other, func(l, r string) string { return l + r }).ToStream().To("joined")
	t1.GroupBy(func(_, value string) (string, string) { return "all", value }).
		Reduce(func(sum, v string) string { return sum + v }, func(sum, v string) string { return strings.Replace(sum, v, "", 1) }).
		ToStream().To("sums")
	b.Stream[string, string]("asks").Join(t1, func(ask, row string) string { return ask + row }).To("answers")
	d := topologytest.New(t, b)
	sendAll(d, "other", "ax@0 by@0")
	sendAll(d, "in", "a1@1 b2@5")
	sendAll(d, "asks", "a?@10 a?@11 b?@14")
	check(t, "answers", texts(d, "answers"), "a=?1@10 b=?2@14")
	sendAll(d, "in", "c3@30")
	check(t, "joined", changes(d, "joined"), "a=1x@1 b=2y@5 a=-@11 b=-@30")
	check(t, "sums", changes(d, "sums"), "all=1@1 all=12@5 all=2@11 all=23@30 all=3@30")
}

func TestAStoreOfAProcessorHasATimeToLive(t *testing.T) {
	store := topology.KeyValueStore[string, string]("rows", topology.TimeToLive(10*ms))
	b := topology.New("app")
	b.Stream[string, string]("in").Process(func(c *processors.Context[string, string]) (processors.Processor[string, string], error) {
		rows, err := store.In(c.Task)
		return processors.Func[string, string](func(r record.Record[string, string]) error {
			was, had, err := rows.PutIfAbsent(r.Key, r.Value)
			if err != nil {
				return err
			}
			n := 0
			for _, err := range rows.All() {
				if err != nil {
					return err
				}
				n++
			}
			return c.Forward(record.WithValue(r, fmt.Sprintf("%s%t%d", was, had, n)))
		}), err
	}, topology.Stores(store)).To("out")
	d := topologytest.New(t, b, topologytest.CommitInterval(time.Hour))
	sendAll(d, "in", "a1@0 a2@9 b1@9 a3@10")
	d.Commit()
	check(t, "what was there", texts(d, "out"), "a=false1@0 a=1true1@9 b=false2@9 a=false2@10")
	check(t, "rows", rows(d, "rows"), "a=3@10 b=1@9")
}

// Restarts, wipes and the size of the cache change nothing about what the rows are.
func TestRowsThatRunOutAgainstARecomputation(t *testing.T) {
	for seed := range uint64(40) {
		random := rand.New(rand.NewPCG(seed, 1))
		b := topology.New("app")
		kept(b).ToStream().To("out")
		d := topologytest.New(t, b, topologytest.ExactlyOnce(), topologytest.CommitInterval(time.Duration(random.IntN(3))*ms), topologytest.Chaos(seed))
		in := d.Input[string, string]("in")
		type row struct {
			value string
			at    int64
		}
		want := map[string]row{}
		latest := int64(0)
		for range 150 {
			key, value, at := string('a'+rune(random.IntN(6))), string('0'+rune(random.IntN(10))), max(0, latest+int64(random.IntN(8))-3)
			in.Send(key, value, at)
			d.Advance(time.Duration(random.IntN(2)) * ms)
			latest = max(latest, at)
			have, ok := want[key]
			if !ok || have.at <= latest-10 {
				have = row{at: at}
			}
			want[key] = row{have.value + value, max(have.at, at)}
		}
		d.Commit()
		var lines []string
		for _, key := range strings.Split("abcdef", "") {
			if r, ok := want[key]; ok && r.at > latest-10 {
				lines = append(lines, fmt.Sprintf("%s=%s@%d", key, r.value, r.at))
			}
		}
		check(t, fmt.Sprintf("seed %d", seed), rows(d, "rows"), strings.Join(lines, " "))
	}
}

func TestADeletionThatFailsIsTriedAgainLater(t *testing.T) {
	b := topology.New("app")
	bad := true
	kept(b, topology.WithoutCache()).ToStream().MapRecords(func(_ context.Context, r record.Record[string, string]) (record.Record[string, string], error) {
		if r.Tombstone && bad {
			return r, errors.New("bad")
		}
		return r, nil
	}).To("out")
	d := topologytest.New(t, b, topologytest.OnProcessError(task.Skip()))
	sendAll(d, "in", "a1@0 b1@12 b2@13")
	if n := len(d.Reports()); n != 1 {
		t.Errorf("%d reports, want one", n)
	}
	bad = false
	sendAll(d, "in", "b3@21 b4@22")
	check(t, "changes", changes(d, "out"), "a=1@0 b=1@12 b=12@13 b=123@21 b=1234@22 a=-@22")
}

func TestTimeToLiveIsForKeyValueStores(t *testing.T) {
	ttl := topology.TimeToLive(time.Second)
	for want, build := range map[string]func(b *topology.Builder){
		"TimeToLive is for key-value stores": func(b *topology.Builder) {
			toOut(b.Stream[string, string]("in").GroupByKey().WindowedBy(window.Tumbling(10*ms)).Reduce(latest, ttl))
		},
		"a History forgets by itself": func(b *topology.Builder) {
			b.Table[string, string]("in", topology.StoreName("rows"), topology.History(time.Hour), ttl).ToStream().To("out")
		},
		"a global table cannot have a TimeToLive": func(b *topology.Builder) {
			g := b.GlobalTable[string, string]("in", ttl)
			b.Stream[string, string]("asks").JoinGlobal(g, func(k, _ string) string { return k }, func(l, r string) string { return l + r }).To("out")
		},
		"TimeToLive needs at least 1 ms, got 1µs": func(b *topology.Builder) {
			b.Stream[string, string]("in").GroupByKey().Reduce(latest, topology.TimeToLive(time.Microsecond)).ToStream().To("out")
		},
	} {
		b := topology.New("app")
		build(b)
		refused(t, b, want)
	}
}
