package beyond_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/topology"
	"github.com/tidemill/tidemill/topologytest"
)

const near = 10 * time.Millisecond

func itself(_, value string) string { return value }

// byValue drops records of a key with the same value.
func byValue() *topology.Builder {
	b := topology.New("app")
	b.Stream[string, string]("in").
		DeduplicateBy(itself, near, topology.Named("once"), topology.StoreName("ids"), topology.OnLate(func(late *topology.Stream[string, string]) { late.To("late") })).
		To("out")
	return b
}

func TestTheFirstRecordOfAnIDPasses(t *testing.T) {
	d := topologytest.New(t, byValue())
	in := d.Input[string, string]("in")
	for _, r := range []struct {
		key, value string
		at         int64
	}{
		{"a", "x", 20}, {"a", "x", 29}, {"b", "x", 29}, {"a", "y", 25}, // near, another key, another id
		{"a", "x", 30},                                 // the time has passed since what was passed on
		{"a", "y", 21}, {"a", "z", 21}, {"a", "z", 30}, // out of order: near a later one, and then near an earlier one
		{"a", "w", 20}, // late: the highest time is 30
		{"ab", "c", 30}, {"a", "bc", 30},
	} {
		in.Send(r.key, r.value, r.at)
	}
	check(t, "passed", texts(d, "out"), "a=x@20 b=x@29 a=y@25 a=x@30 a=z@21 ab=c@30 a=bc@30")
	check(t, "late", texts(d, "late"), "a=w@20")
	if got := d.Dropped(); got["duplicate"] != 3 || got["late"] != 1 {
		t.Errorf("dropped %v, want 3 duplicates and 1 late record", got)
	}
}

func TestDeduplicateNeedsAKey(t *testing.T) {
	b := topology.New("app")
	b.Stream[string, string]("in").Deduplicate(near).To("out")
	d := topologytest.New(t, b)
	in := d.Input[string, string]("in")
	in.SendRecord(record.Record[string, string]{NullKey: true, Value: "v", Timestamp: 1})
	in.Delete("a", int64(1))
	in.Send("a", "v", int64(2))
	if got := d.Output[string, string]("out").All(); len(got) != 1 || !got[0].Tombstone {
		t.Errorf("got %v, want the tombstone alone", got)
	}
	if got := d.Dropped()["null key or value"]; got != 1 {
		t.Errorf("%d records without a key were counted, want 1", got)
	}
}

func TestDeduplicateBearsClocksThatJump(t *testing.T) {
	const century = 100 * 365 * 24 * 3600_000
	b := topology.New("app")
	b.Stream[string, string]("in").Deduplicate(near).To("out")
	d := topologytest.New(t, b)
	in := d.Input[string, string]("in")
	for i, at := range []int64{0, century, 1, century + 9, 1<<63 - 1, 1<<63 - 2, century + 20} {
		in.Send("a", fmt.Sprint(i), at)
	}
	check(t, "passed", texts(d, "out"), fmt.Sprintf("a=0@0 a=1@%d a=4@%d", int64(century), int64(1<<63-1)))
}

func TestChangedKeysMeetInOneTask(t *testing.T) {
	b := topology.New("app")
	b.Stream[string, string]("in").SelectKey(itself).Deduplicate(near, topology.Named("once")).To("out")
	d := topologytest.New(t, b, topologytest.Partitions(4))
	in := d.Input[string, string]("in")
	for i := range 20 {
		in.Send(fmt.Sprint("k", i), "x", int64(i/2))
	}
	check(t, "passed", texts(d, "out"), "x=x@0")
}

// onceEach is what passes, computed in the plainest way.
func onceEach(values []string, times []int64) string {
	var out []string
	passed := map[string][]int64{}
	latest := int64(-1)
next:
	for i, at := range times {
		latest = max(latest, at)
		if at <= latest-near.Milliseconds() {
			continue
		}
		for _, other := range passed[values[i]] {
			if max(at, other)-min(at, other) < near.Milliseconds() {
				continue next
			}
		}
		passed[values[i]] = append(passed[values[i]], at)
		out = append(out, fmt.Sprintf("k=%s@%d", values[i], at))
	}
	return strings.Join(out, " ")
}

func TestDeduplicateAgreesWithAPlainModelWhateverFails(t *testing.T) {
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 1))
		var values []string
		var times []int64
		for i := range 200 {
			values, times = append(values, fmt.Sprint("v", r.IntN(4))), append(times, int64(i)+r.Int64N(15))
		}
		options := []topologytest.Option{topologytest.ExactlyOnce(), topologytest.Chaos(seed)}
		if seed%2 == 1 {
			options = append(options, topologytest.CommitInterval(10*time.Millisecond), topologytest.CheckpointInterval(25*time.Millisecond))
		}
		d := topologytest.New(t, byValue(), options...)
		in := d.Input[string, string]("in")
		for i, value := range values {
			in.Send("k", value, times[i])
			d.Advance(time.Duration(r.IntN(4)) * time.Millisecond)
		}
		d.Commit()
		check(t, fmt.Sprint("seed ", seed), texts(d, "out"), onceEach(values, times))
	}
}

func TestDeduplicateRefusesAbsurdTimes(t *testing.T) {
	for _, within := range []time.Duration{0, -time.Second, time.Microsecond, time.Millisecond + 1} {
		b := topology.New("app")
		b.Stream[string, string]("in").Deduplicate(within).To("out")
		if _, err := b.Build(); err == nil || !strings.Contains(err.Error(), "whole milliseconds, 1 or more, got "+within.String()) {
			t.Errorf("Deduplicate(%v): %v", within, err)
		}
	}
	b := topology.New("app")
	b.Stream[string, string]("in").Deduplicate(1<<63 - 1 - (1<<63-1)%time.Millisecond).To("out")
	d := topologytest.New(t, b)
	in := d.Input[string, string]("in")
	in.Send("a", "1", int64(5))
	in.Send("a", "2", time.Now().UnixMilli())
	check(t, "in all time", texts(d, "out"), "a=1@5")
}
