package topology

import (
	"slices"
	"testing"

	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/record"
)

func discard(*processors.Context[string, int64]) (processors.Processor[string, int64], error) {
	return processors.Func[string, int64](func(record.Record[string, int64]) error { return nil }), nil
}

func keep(*processors.Context[string, string]) (processors.Processor[string, string], error) {
	return processors.Func[string, string](func(record.Record[string, string]) error { return nil }), nil
}

func flushed(t *testing.T, b *Builder) []string {
	t.Helper()
	plan, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, store := range plan.Subtopologies[0].Stores {
		names = append(names, store.Name)
	}
	return names
}

func TestStoresAreFlushedBeforeThoseThatTheyWriteTo(t *testing.T) {
	b := New("app")
	shared := KeyValueStore[string, string]("shared")
	s := b.Stream[string, string]("in")
	s.Process(keep, Stores(shared))
	s.GroupByKey().Count(StoreName("first")).ToStream().
		GroupByKey().Count(StoreName("second")).ToStream().
		Process(discard, Stores(shared))
	if got, want := flushed(t, b), []string{"first", "second", "shared"}; !slices.Equal(got, want) {
		t.Errorf("the flush order is %v, want %v: what second forwards is written to shared", got, want)
	}
}

func TestATableReadLaterIsFlushedWhereItIsWritten(t *testing.T) {
	b := New("app")
	table := b.Table[string, string]("t", StoreName("table"))
	table.ToStream().GroupByKey().Count(StoreName("count"))
	b.Stream[string, string]("in").Process(keep, Stores(table.Rows()))
	if got, want := flushed(t, b), []string{"table", "count"}; !slices.Equal(got, want) {
		t.Errorf("the flush order is %v, want %v: what table forwards is written to count", got, want)
	}
}

func TestAStoreMayBeUsedInSeveralTopologies(t *testing.T) {
	shared := KeyValueStore[string, string]("shared")
	for range 2 {
		b := New("app")
		b.Stream[string, string]("other")
		b.Stream[string, string]("in").Process(keep, Stores(shared))
		plan, err := b.Build()
		if err != nil {
			t.Fatal(err)
		}
		if n := len(plan.Subtopologies[1].Stores); n != 1 {
			t.Errorf("the second subtopology has %d stores, want 1", n)
		}
	}
}

func TestATableIsKeptOnlyIfSomethingNeedsItsRows(t *testing.T) {
	for name, c := range map[string]struct {
		use  func(b *Builder, t *Table[string, string])
		want string
	}{
		"only its changes": {func(_ *Builder, t *Table[string, string]) { t.ToStream().To("out") }, ""},
		"a join": {func(b *Builder, t *Table[string, string]) {
			b.Stream[string, string]("in").Join(t, func(v, _ string) string { return v })
		}, "t-STATE-STORE-0000000000"},
		"a processor": {func(b *Builder, t *Table[string, string]) {
			b.Stream[string, string]("in").Process(keep, Stores(t.Rows()))
		}, "t-STATE-STORE-0000000000"},
	} {
		b := New("app")
		table := b.Table[string, string]("t")
		c.use(b, table)
		if got := table.StoreName(); got != c.want {
			t.Errorf("%s: StoreName = %q, want %q", name, got, c.want)
		}
	}
}

func TestJoinsShareARepartitionAndKeepNullKeysIfOneWantsThem(t *testing.T) {
	b := New("app")
	table, other := b.Table[string, string]("t"), b.Table[string, string]("u")
	s := b.Stream[string, string]("in").SelectKey(func(_, v string) string { return v })
	s.Join(table, func(v, _ string) string { return v })
	s.LeftJoin(other, func(v string, _ *string) string { return v })
	if _, err := b.Build(); err != nil {
		t.Fatal(err)
	}
	if n := len(b.repartition); n != 1 {
		t.Fatalf("there are %d repartition topics, want 1", n)
	}
	if !b.repartition[0].nullKeys {
		t.Error("the shared repartition drops null keys, which the left join has to see")
	}
}

func TestAnExplicitRepartitionIsNeverShared(t *testing.T) {
	b := New("app")
	s := b.Stream[string, string]("in").SelectKey(func(_, v string) string { return v })
	s.Repartition(Named("r"), Partitions(3))
	s.GroupByKey(Named("r")).Count()
	if _, err := b.Build(); err == nil {
		t.Error("Build accepts two repartitions of one name with different settings")
	}
}
