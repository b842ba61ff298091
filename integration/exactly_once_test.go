//go:build integration

package integration

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tidemill/tidemill/topology"
	"github.com/tidemill/tidemill/window"
)

// Values of the chaos test's input are <number>|<group>; a group of skipped is
// filtered out.
const skipped = "skipped"

func groupOf(value string) string { return value[strings.IndexByte(value, '|')+1:] }

const chaosWindow = 10 * time.Second

// chaosTopology copies everything, counts by group behind a repartition, and
// counts by key in windows.
func chaosTopology(j job) *topology.Builder {
	b := topology.New(j.Application)
	read := b.Stream[string, string](j.Topics["in"])
	read.To(j.Topics["copy"])
	kept := read.Filter(func(_, value string) bool { return groupOf(value) != skipped })
	kept.GroupBy(func(_, value string) string { return groupOf(value) }).
		Count(topology.StoreName("groups")).
		ToStream().
		To(j.Topics["counts"])
	kept.GroupByKey().
		WindowedBy(window.Tumbling(chaosWindow)).
		EmitFinal().
		Count(topology.StoreName("windows")).
		ToStream().
		Map(func(w window.Key[string], n int64) (string, int64) { return windowName(w.Key, w.Start), n }).
		To(j.Topics["windows"])
	return b
}

func windowName(key string, start int64) string { return fmt.Sprintf("%s@%d", key, start) }

func TestExactlyOnceLosesAndDuplicatesNothingUnderFire(t *testing.T) {
	runChaos(t, chaosRun{exactlyOnce: true, kills: 24, records: 60_000}).exact(t)
}

// Each of two workers keeps copies of all that the other has.
func TestExactlyOnceLosesAndDuplicatesNothingUnderFireWithStandbys(t *testing.T) {
	runChaos(t, chaosRun{exactlyOnce: true, kills: 16, records: 40_000, standbys: 1}).exact(t)
}

// exact fails unless everything was done once.
func (l *ledger) exact(t *testing.T) {
	t.Helper()
	for id, n := range l.copies {
		if n != 1 {
			t.Errorf("input %s was copied %d times", id, n)
		}
	}
	for key, counts := range l.counts {
		for i, n := range counts {
			if i > 0 && n <= counts[i-1] {
				t.Errorf("count of %s went from %d to %d", key, counts[i-1], n)
			}
		}
		if last := counts[len(counts)-1]; last != l.want.counts[key] {
			t.Errorf("count of %s is %d, want %d", key, last, l.want.counts[key])
		}
	}
	for key, counts := range l.windows {
		if len(counts) != 1 || counts[0] != l.want.windows[key] {
			t.Errorf("window %s was emitted as %v, want %d once", key, counts, l.want.windows[key])
		}
	}
}

func TestAtLeastOnceLosesNothingUnderFire(t *testing.T) {
	l := runChaos(t, chaosRun{kills: 8, records: 20_000, standbys: 1})
	for key, counts := range l.counts {
		if last := counts[len(counts)-1]; last < l.want.counts[key] {
			t.Errorf("count of %s is %d, want at least %d", key, last, l.want.counts[key])
		}
	}
	for key, counts := range l.windows {
		if last := counts[len(counts)-1]; last < l.want.windows[key] {
			t.Errorf("window %s was emitted as %v, want at least %d", key, counts, l.want.windows[key])
		}
	}
}

// chaosRun says how often workers are killed while at least so many records are fed.
type chaosRun struct {
	exactlyOnce              bool
	kills, records, standbys int
}

// runChaos feeds two workers while they are killed, and returns all of their
// output when it is complete. Nothing may be missing.
func runChaos(t *testing.T, run chaosRun) *ledger {
	const partitions = 6
	f := newFixture(t)
	j := job{
		Application: f.app, Topology: "chaos", Brokers: f.brokers, ExactlyOnce: run.exactlyOnce, Standbys: run.standbys,
		Topics:         map[string]string{"in": f.topic("in", partitions)},
		SessionTimeout: 3 * time.Second, CheckpointInterval: time.Second,
	}
	if run.exactlyOnce {
		j.TransactionTimeout = 3 * time.Second
	}
	for _, name := range []string{"copy", "counts", "windows"} {
		j.Topics[name] = f.topic(name, partitions)
	}
	c := newChaos(f, j)
	l := newLedger()
	feeding, calm := make(chan error, 1), make(chan struct{})
	go func() {
		feeding <- feed(f, j.Topics["in"], partitions, l, func(n int) bool { return n < run.records || !ended(calm) })
	}()
	c.run(run.kills)
	close(calm)
	if err := <-feeding; err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	watching := f.newClient(kgo.ConsumeTopics(j.Topics["copy"], j.Topics["counts"], j.Topics["windows"]), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	seen := newLedger()
	seen.want = l.want
	complete := func() bool {
		fetches := watching.PollFetches(timeout(t, 50*time.Millisecond))
		fetches.EachRecord(func(r *kgo.Record) { seen.note(j, r) })
		return seen.missing() == ""
	}
	deadline := time.Now().Add(60 * time.Second)
	for !complete() {
		if time.Now().After(deadline) {
			break
		}
	}
	t.Logf("all outputs there %v after the last input", time.Since(began).Round(time.Millisecond))
	c.end()
	for _, r := range f.read(j.Topics["copy"], j.Topics["counts"], j.Topics["windows"]) {
		l.note(j, r)
	}
	if missing := l.missing(); missing != "" {
		t.Fatalf("lost: %s", missing)
	}
	t.Logf("%d inputs, %d groups, %d windows", len(l.want.copies), len(l.want.counts), len(l.want.windows))
	return l
}

// note enters an output of the chaos topology.
func (l *ledger) note(j job, r *kgo.Record) {
	number := func() int64 {
		var n int64
		for _, b := range r.Value {
			n = n<<8 | int64(b)
		}
		return n
	}
	switch r.Topic {
	case j.Topics["copy"]:
		l.copies[string(r.Value)]++
	case j.Topics["counts"]:
		l.counts[string(r.Key)] = append(l.counts[string(r.Key)], number())
	case j.Topics["windows"]:
		l.windows[string(r.Key)] = append(l.windows[string(r.Key)], number())
	}
}

// feed writes the input at a bounded rate as long as more says so, and in the end
// closes all windows. Event time passes four times as fast as the clock.
func feed(f *fixture, topic string, partitions int, l *ledger, more func(n int) bool) error {
	const perTick, tickLength = 20, 25 * time.Millisecond
	tick := time.NewTicker(tickLength)
	defer tick.Stop()
	event := time.Now().Add(-6 * time.Hour)
	var failed firstError
	n := 0
	write := func(r *kgo.Record) {
		f.client.Produce(f.t.Context(), r, func(_ *kgo.Record, err error) { failed.set(err) })
	}
	for more(n) {
		<-tick.C
		event = event.Add(4 * tickLength)
		for range perTick {
			key, group := "k"+strconv.Itoa(n*7919%500), "g"+strconv.Itoa(n*104729%1000)
			if n%10 == 3 {
				group = skipped
			}
			r := &kgo.Record{Topic: topic, Key: []byte(key), Value: []byte(strconv.Itoa(n) + "|" + group), Timestamp: event}
			l.expect(r)
			write(r)
			n++
		}
	}
	for p := range partitions {
		r := in(p, &kgo.Record{Topic: topic, Key: []byte("closing"), Value: []byte("closing-" + strconv.Itoa(p) + "|closing"), Timestamp: event.Add(time.Minute)})
		l.want.copies[string(r.Value)]++
		l.want.counts["closing"]++
		write(r)
	}
	if err := f.client.Flush(f.t.Context()); err != nil {
		return err
	}
	return failed.err
}
