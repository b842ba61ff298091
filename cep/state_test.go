package cep_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tidemill/tidemill/cep"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/state/memory"
	"github.com/tidemill/tidemill/topology"
	"github.com/tidemill/tidemill/topologytest"
)

// random are events of four keys and four letters, a second from each other, with one
// at the end that is far behind.
func random(n int, seed uint64) (events []event) {
	random := rand.New(rand.NewPCG(seed, 0))
	for at := range n {
		events = append(events, event{fmt.Sprint("k", random.IntN(4)), fmt.Sprintf("%c%d", 'a'+rune(random.IntN(4)), at), time.Duration(at) * time.Second})
	}
	return append(events, event{"end", "x", time.Duration(n) * time.Hour})
}

type event struct {
	key, text string
	at        time.Duration
}

var loop = begin("a").FollowedBy("b").Where(is("b")).OneOrMore().FollowedBy("c").Where(is("c")).Within(9 * time.Second)

func TestShuffledEventsWithinGraceLeadToTheSameMatches(t *testing.T) {
	run := func(shuffle bool) []string {
		d := topologytest.New(t, build(loop, cep.Grace(10*time.Second)))
		in := d.Input[string, string]("events")
		events, chance := random(500, 1), rand.New(rand.NewPCG(2, 0))
		for block := range slices.Chunk(events[:500], 10) {
			if shuffle {
				chance.Shuffle(len(block), func(i, j int) { block[i], block[j] = block[j], block[i] })
			}
			for _, e := range block {
				in.Send(e.key, e.text, e.at)
			}
		}
		in.Send("end", "x", events[500].at)
		return lines(d)
	}
	sorted, shuffled := run(false), run(true)
	if len(sorted) < 100 || !slices.Equal(sorted, shuffled) {
		t.Errorf("in order %d findings, out of order %d:\n%q\n%q", len(sorted), len(shuffled), sorted, shuffled)
	}
}

// lines are what a topology has written, in an order that does not depend on that of
// the keys.
func lines(d *topologytest.Driver) (all []string) {
	for _, topic := range []string{"matches", "timed-out"} {
		for _, r := range d.Output[string, string](topic).All() {
			all = append(all, topic+" "+fmt.Sprint(r.Record.Key, r.Value, r.Timestamp))
		}
	}
	slices.Sort(all)
	return all
}

func TestNothingIsLostOrRepeatedWhereThingsGoWrong(t *testing.T) {
	run := func(options ...topologytest.Option) []string {
		b := build(loop, cep.Grace(3*time.Second))
		d := topologytest.New(t, b, append(options, topologytest.ExactlyOnce(), topologytest.Partitions(2), topologytest.CommitInterval(time.Second))...)
		in := d.Input[string, string]("events")
		for i, e := range random(300, 5) {
			if i == 300 { // each partition has its own stream time
				in.To(0).Send(e.key, e.text, e.at)
				in.To(1).Send(e.key, e.text, e.at)
				break
			}
			in.Send(e.key, e.text, e.at)
			if i%7 == 0 {
				d.Advance(time.Second)
			}
		}
		d.Commit()
		return lines(d)
	}
	want := run()
	if len(want) < 50 {
		t.Fatalf("only %d findings", len(want))
	}
	for seed := range uint64(20) {
		if got := run(topologytest.Workers(2), topologytest.Chaos(seed)); !slices.Equal(got, want) {
			t.Errorf("seed %d: got %q\nwant %q", seed, got, want)
		}
	}
}

func TestStateIsRestoredFromItsChangelog(t *testing.T) {
	d := topologytest.New(t, build(begin("a").FollowedBy("b").Where(is("b")).NotFollowedBy("c").Where(is("c")).Within(10*time.Second)))
	in := d.Input[string, string]("events")
	in.Send("k", "a1", 1000)
	d.Wipe()
	in.Send("k", "b2", 2000)
	d.Wipe()
	in.Send("j", "x", 20000)
	if got, want := both(d), "k=a1 b2@11000 | |"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// A million keys have one event each, a thousand of them in a second; those of ten
// seconds are kept.
func TestSilentKeysLeaveNothingBehind(t *testing.T) {
	const keys, perSecond = 1_000_000, 1000
	b := topology.New("cep")
	_, timedOut := cep.DetectTimedOut(b.Stream[string, string]("in"), ab, topology.Named("look"))
	timedOut.MapValues(line).To("timed-out")
	task := newTask(t, b, memory.New())
	raws, early := make([]record.Raw, perSecond), uint64(0)
	for second := range int64(keys / perSecond) {
		for i := range raws {
			at := second*perSecond + int64(i)
			raws[i] = record.Raw{Key: fmt.Append(nil, "key-", at), Value: []byte("a"), Timestamp: at, Offset: at}
		}
		task.process(t, raws...)
		task.commit(t)
		task.drop()
		switch second {
		case 200: // the cache is full by now
			early = heap()
		case keys/perSecond - 1:
			if late := heap(); late > early+8<<20 {
				t.Errorf("%d KiB are in use behind %d keys, and %d KiB behind %d", early>>10, 200*perSecond, late>>10, keys)
			}
		}
	}
	store, ok := task.Store("look-store").(rows)
	if !ok {
		t.Fatal("the task has no store")
	}
	if n := count(t, store); n != 10*perSecond {
		t.Errorf("%d keys are kept, want the %d of the last ten seconds", n, 10*perSecond)
	}
	runtime.KeepAlive(task)
}

// heap is how many bytes are in use.
func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func TestAChangedPatternIsRefusedWhereStatesOfAnotherAre(t *testing.T) {
	detecting := func(p pattern) *topology.Builder {
		b := topology.New("cep")
		cep.Detect(b.Stream[string, string]("in"), p, topology.Named("look")).MapValues(line).To("out")
		return b
	}
	backend := memory.New()
	task := newTask(t, detecting(ab), backend)
	task.process(t, record.Raw{Key: []byte("k"), Value: []byte("a"), Timestamp: 1})
	task.commit(t)
	if _, err := openTask(t, detecting(ab.Where(is("b2"))), backend); err != nil {
		t.Errorf("with other conditions: %v", err)
	}
	_, err := openTask(t, detecting(ab.OneOrMore()), backend)
	if err == nil || !strings.Contains(err.Error(), "give the changed pattern a store of another name") {
		t.Errorf("with another quantifier: got %v", err)
	}
}
