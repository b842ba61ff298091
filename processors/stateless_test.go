package processors_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/tidemill/tidemill/internal/task/tasktest"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/topology"
)

type (
	strs = topology.Stream[string, string]
	raws = topology.Stream[[]byte, []byte]
)

// input has a record for each case that operators have to tell apart.
var input = []string{"a=1@10 h:x", "b=-@20 h:y", "-=3@30", "=@40", "-=-@50"}

func hasValue(_, v string) bool      { return v != "" }
func upper(v string) string          { return strings.ToUpper(v) + "!" }
func value(_, v string) string       { return v }
func swap(k, v string) (a, b string) { return v, k }

// Types without nil: callbacks never see a null value, and a null key is zero.
func TestOperatorsOnTypesWithoutNil(t *testing.T) {
	for _, c := range []struct {
		name  string
		apply func(*strs) *strs
		want  []string
	}{
		{"Filter drops nulls", func(s *strs) *strs { return s.Filter(hasValue) }, []string{"out a=1@10 h:x", "out -=3@30"}},
		{"FilterNot drops nulls too", func(s *strs) *strs { return s.FilterNot(hasValue) }, []string{"out =@40"}},
		{"MapValues passes nulls on", func(s *strs) *strs { return s.MapValues(upper) }, []string{
			"out a=1!@10 h:x", "out b=-@20 h:y", "out -=3!@30", "out =!@40", "out -=-@50",
		}},
		{"Peek passes nulls on", func(s *strs) *strs { return s.Peek(func(_, v string) { _ = v[:0] }) }, []string{
			"out a=1@10 h:x", "out b=-@20 h:y", "out -=3@30", "out =@40", "out -=-@50",
		}},
		{"Map drops nulls and makes keys", func(s *strs) *strs { return s.Map(swap) }, []string{
			"out 1=a@10 h:x", "out 3=@30", "out =@40",
		}},
		{"SelectKey drops nulls and makes keys", func(s *strs) *strs { return s.SelectKey(value) }, []string{
			"out 1=1@10 h:x", "out 3=3@30", "out =@40",
		}},
		{"FlatMap emits in order", func(s *strs) *strs {
			return s.FlatMap(func(k, v string, emit func(string, string)) {
				emit(k+"1", v)
				emit(k+"2", v+v)
			})
		}, []string{"out a1=1@10 h:x", "out a2=11@10 h:x", "out 1=3@30", "out 2=33@30", "out 1=@40", "out 2=@40"}},
		{"FlatMapValues keeps the key, null or not", func(s *strs) *strs {
			return s.FlatMapValues(func(v string) []string { return strings.Split(v+",z", ",") })
		}, []string{"out a=1@10 h:x", "out a=z@10 h:x", "out -=3@30", "out -=z@30", "out =@40", "out =z@40"}},
		{"Merge lets all pass", func(s *strs) *strs { return s.Merge(s.Filter(hasValue)) }, []string{
			"out a=1@10 h:x", "out a=1@10 h:x", "out b=-@20 h:y", "out -=3@30", "out -=3@30", "out =@40", "out -=-@50",
		}},
		{"MapRecords sees and sets everything", func(s *strs) *strs { return s.MapRecords(describe) }, []string{
			"out a=value 1@11 h:x seen:1", "out b=-@21 h:y seen:1", "out -=value 3@31 seen:1", "out =value @41 seen:1", "out -=-@51 seen:1",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := topology.New("app")
			c.apply(b.Stream[string, string]("in")).To("out")
			d := tasktest.Start(t, b)
			d.Send("in", input...)
			d.Run()
			tasktest.Want(t, d.Written(), c.want...)
		})
	}
}

// describe is a MapRecords that keeps nulls.
func describe(_ context.Context, r record.Record[string, string]) (record.Record[string, string], error) {
	r.Headers, r.Timestamp = r.Headers.With("seen", []byte("1")), r.Timestamp+1
	if !r.Tombstone {
		r.Value = "value " + r.Value
	}
	return r, nil
}

// Types with nil: null is nil, seen and returned like any value.
func TestOperatorsOnTypesWithNil(t *testing.T) {
	whole := func(k, v []byte) bool { return k != nil && v != nil }
	for _, c := range []struct {
		name  string
		apply func(*raws) *raws
		want  []string
	}{
		{"Filter sees nulls", func(s *raws) *raws { return s.FilterNot(whole) }, []string{"out b=-@20 h:y", "out -=3@30", "out -=-@50"}},
		{"MapValues sees and makes nulls", func(s *raws) *raws {
			return s.MapValues(func(v []byte) []byte {
				if v == nil {
					return []byte("null")
				}
				return nil
			})
		}, []string{"out a=-@10 h:x", "out b=null@20 h:y", "out -=-@30", "out =-@40", "out -=null@50"}},
		{"Map makes null keys and values", func(s *raws) *raws {
			return s.Map(func(k, v []byte) ([]byte, []byte) { return v, k })
		}, []string{"out 1=a@10 h:x", "out -=b@20 h:y", "out 3=-@30", "out =@40", "out -=-@50"}},
		{"SelectKey makes null keys", func(s *raws) *raws {
			return s.SelectKey(func(_, v []byte) []byte { return v })
		}, []string{"out 1=1@10 h:x", "out -=-@20 h:y", "out 3=3@30", "out =@40", "out -=-@50"}},
		{"FlatMap emits nulls", func(s *raws) *raws {
			return s.FlatMap(func(k, _ []byte, emit func([]byte, []byte)) { emit(nil, k) })
		}, []string{"out -=a@10 h:x", "out -=b@20 h:y", "out -=-@30", "out -=@40", "out -=-@50"}},
		{"FlatMapValues emits nulls", func(s *raws) *raws {
			return s.FlatMapValues(func(v []byte) [][]byte { return [][]byte{nil, v} })
		}, []string{
			"out a=-@10 h:x", "out a=1@10 h:x", "out b=-@20 h:y", "out b=-@20 h:y", "out -=-@30", "out -=3@30",
			"out =-@40", "out =@40", "out -=-@50", "out -=-@50",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := topology.New("app")
			c.apply(b.Stream[[]byte, []byte]("in")).To("out")
			d := tasktest.Start(t, b)
			d.Send("in", input...)
			d.Run()
			tasktest.Want(t, d.Written(), c.want...)
		})
	}
}

func TestDropsAreCountedByReason(t *testing.T) {
	b := topology.New("app")
	s := b.Stream[string, string]("in")
	s.Filter(hasValue)
	s.Repartition(topology.Named("r"))
	s.ToChosen(func(r record.Record[string, string]) string { return r.Key })
	d := tasktest.Start(t, b)
	d.Send("in", input...)
	d.Run()
	want := map[string]int64{"null value": 2, "null key": 2, "no topic": 3}
	for reason, n := range want {
		if got := d.Dropped()[reason]; got != n {
			t.Errorf("%d records dropped for %q, want %d", got, reason, n)
		}
	}
	tasktest.Want(t, d.Written(),
		"app-r-repartition a=1@10 h:x", "a a=1@10 h:x", "app-r-repartition b=-@20 h:y", "b b=-@20 h:y", "app-r-repartition =@40")
}

func TestARecordGoesToTheFirstBranchThatAcceptsIt(t *testing.T) {
	b := topology.New("app")
	split := b.Stream[string, string]("in").Split()
	split.Branch(func(_, v string) bool { return v > "5" }).To("high")
	split.Branch(func(_, v string) bool { return v > "2" }).To("middle")
	split.Default().To("rest")
	d := tasktest.Start(t, b)
	d.Send("in", "a=9@1", "a=3@2", "a=1@3", "a=-@4", "-=7@5")
	d.Run()
	tasktest.Want(t, d.Written(), "high a=9@1", "middle a=3@2", "rest a=1@3", "rest a=-@4", "high -=7@5")
}

func TestWithoutDefaultWhatNoBranchAcceptsIsDropped(t *testing.T) {
	b := topology.New("app")
	b.Stream[string, string]("in").Split().Branch(hasValue).To("out")
	d := tasktest.Start(t, b)
	d.Send("in", input...)
	d.Run()
	tasktest.Want(t, d.Written(), "out a=1@10 h:x", "out -=3@30")
}

func TestChildrenGetARecordOneAfterTheOther(t *testing.T) {
	var order []string
	note := func(who string) func(string, string) {
		return func(k, _ string) { order = append(order, who+k) }
	}
	b := topology.New("app")
	s := b.Stream[string, string]("in")
	s.Peek(note("first ")).Peek(note("behind first "))
	s.ForEach(note("second "))
	d := tasktest.Start(t, b)
	d.Send("in", "a=1@1", "b=1@2")
	d.Run()
	tasktest.Want(t, order, "first a", "behind first a", "second a", "first b", "behind first b", "second b")
}

func TestFlatMapStopsAtTheFirstErrorBehindIt(t *testing.T) {
	b := topology.New("app")
	calls := 0
	bad := errors.New("behind")
	b.Stream[string, string]("in").
		FlatMap(func(k, v string, emit func(string, int)) {
			for n := range 3 {
				emit(k, n)
			}
		}).
		MapRecords(func(_ context.Context, r record.Record[string, int]) (record.Record[string, string], error) {
			calls++
			return record.WithValue(r, strconv.Itoa(r.Value)), bad
		})
	d := tasktest.Start(t, b)
	d.Send("in", "a=1@1")
	if err := d.TryRun(); !errors.Is(err, bad) {
		t.Errorf("the error is %v, want that of the operator behind", err)
	}
	if calls != 1 {
		t.Errorf("the operator behind was called %d times, want once", calls)
	}
}
