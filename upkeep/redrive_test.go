package upkeep

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tidemill/tidemill"
	"github.com/tidemill/tidemill/internal/runtime"
	"github.com/tidemill/tidemill/topology"
)

// picky is an application that takes only what is mended.
func picky(mended *atomic.Bool) *topology.Builder {
	b := topology.New("picky")
	b.Stream[string, string]("in").Filter(func(_, v string) bool {
		if !mended.Load() && strings.HasPrefix(v, "bad") {
			panic("cannot take " + v)
		}
		return true
	}).To("out")
	return b
}

// letters are the letters of a topic, in short.
func (s *site) letters(topic string) string {
	s.t.Helper()
	var all []string
	s.must(s.Letters(s.t.Context(), "picky", topic, func(l Letter) error {
		all = append(all, fmt.Sprintf("%s of %s: %s dealt %v after %d", l.Value, l.Source, l.Position, l.Dealt, l.Before))
		return nil
	}))
	return strings.Join(all, "\n")
}

func input(partition int32, value string) *kgo.Record {
	return &kgo.Record{
		Topic: "in", Partition: partition, Key: []byte("key"), Value: []byte(value),
		Headers: []kgo.RecordHeader{{Key: "own", Value: []byte("header")}},
	}
}

func TestDeadLettersAreSentBackOnce(t *testing.T) {
	s := newSite(t, "in", "out", "dead")
	s.produce(input(1, "bad1"), input(1, "good"), input(0, "bad2"), input(1, "bad3"))
	mended, dir := &atomic.Bool{}, t.TempDir()
	policy := tidemill.OnProcessError(tidemill.DeadLetter("dead"))
	s.run(picky(mended), dir, func() { s.await("dead", 3); s.await("out", 1) }, policy)
	all := s.letters("dead")
	var chosen Letter
	s.must(s.Letters(t.Context(), "picky", "dead", func(l Letter) error {
		if string(l.Value) == "bad3" {
			chosen = l
		}
		return nil
	}))
	if !strings.Contains(all, "bad1 of in/1/0") || !strings.Contains(all, "bad2 of in/0/0") || chosen.Message == "" || chosen.Node == "" || !strings.Contains(chosen.Trace, "goroutine") {
		t.Fatalf("the letters are\n%s\nchosen is %+v", all, chosen)
	}
	one, err := s.Letter(t.Context(), "picky", "dead", chosen.Position)
	s.must(err)
	if string(one.Value) != "bad3" || string(one.Key) != "key" {
		t.Errorf("the letter is %+v", one)
	}
	s.send(These(chosen.Position), 1)
	back := s.read("in")
	last := back[len(back)-1]
	want := map[string]string{"own": "header", HeaderFrom: "dead/" + chosen.String(), HeaderCount: "1"}
	for _, h := range last.Headers {
		if want[h.Key] != string(h.Value) || len(last.Headers) != 3 {
			t.Errorf("header %s is %s", h.Key, h.Value)
		}
	}
	if len(back) != 5 || last.Partition != 1 || string(last.Value) != "bad3" || string(last.Key) != "key" || last.Timestamp.UnixMilli() != chosen.Time {
		t.Errorf("sent back is %+v", last)
	}
	// It fails again, and the others are still there.
	s.run(picky(mended), dir, func() { s.await("dead", 4) }, policy)
	if again := s.letters("dead"); !strings.Contains(again, "bad3 of in/1/3: ") || !strings.Contains(again, "after 1") || strings.Count(again, "dealt true") != 1 {
		t.Errorf("the letters are\n%s", again)
	}
	mended.Store(true)
	s.send(All(), 3)
	s.send(All(), 0)
	s.run(picky(mended), dir, func() {
		if out := s.await("out", 4); len(out) != 4 {
			t.Errorf("%d records came out, want 4", len(out))
		}
	}, policy)
}

func (s *site) send(choice Choice, want int) {
	s.t.Helper()
	told := 0
	n, err := s.Redrive(s.t.Context(), "picky", "dead", choice, func(done, total int) { told = done })
	s.must(err)
	if n != want || told != want {
		s.t.Fatalf("%d letters were redriven, %d told of, want %d", n, told, want)
	}
}

// known has the application be known to the cluster.
func (s *site) known() {
	s.t.Helper()
	var offsets kadm.Offsets
	offsets.Add(kadm.Offset{Topic: "in", Partition: 0, At: 0, LeaderEpoch: -1})
	s.must(s.admin.CommitAllOffsets(s.t.Context(), "picky", offsets))
}

// letter is a dead letter of a record.
func letter(topic string, partition int32, value string) *kgo.Record {
	r := input(0, value)
	r.Topic = "dead"
	for key, v := range map[string]string{headerTopic: topic, headerPartition: fmt.Sprint(partition), headerOffset: "7", headerMessage: "no good"} {
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: key, Value: []byte(v)})
	}
	return r
}

func TestALetterThatCannotGoBackHoldsAllOthers(t *testing.T) {
	s := newSite(t, "in", "dead")
	s.known()
	s.produce(letter("in", 0, "good"), letter("gone", 0, "a"), letter("in", 5, "b"))
	stray := input(1, "c")
	stray.Topic = "dead"
	s.produce(stray)
	good := Position{0, 0}
	for _, row := range []struct {
		choice Choice
		want   string
	}{
		{These(good, Position{0, 1}), `topic "gone", which does not exist any more`},
		{These(good, Position{0, 2}), `partition 5 of topic "in", which has 2 partitions`},
		{These(good, Position{1, 0}), "does not say where it came from"},
		{These(good, Position{0, 9}), "there is no such dead letter"},
		{All(), "does not say where it came from"},
	} {
		if n, err := s.Redrive(t.Context(), "picky", "dead", row.choice, nil); n != 0 || err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%d redriven, the error is %v, want %q in it", n, err, row.want)
		}
	}
	if n := len(s.read("in")); n != 0 {
		t.Errorf("%d letters went back", n)
	}
	s.send(These(good), 1)
	if _, err := s.Redrive(t.Context(), "picky", "dead", These(good), nil); err == nil || !strings.Contains(err.Error(), "has been dealt with") {
		t.Errorf("the error is %v", err)
	}
	if _, err := s.Redrive(t.Context(), "picky", "nowhere", All(), nil); err == nil || !strings.Contains(err.Error(), `"nowhere" does not exist`) {
		t.Errorf("the error is %v", err)
	}
	if _, err := s.Redrive(t.Context(), "nobody", "dead", All(), nil); !errors.Is(err, ErrNothing) {
		t.Errorf("the error is %v", err)
	}
	if _, err := s.Letter(t.Context(), "picky", "dead", Position{0, 99}); !errors.Is(err, ErrNoLetter) {
		t.Errorf("the error is %v", err)
	}
}

func TestARedriveThatWasCutOffLosesAndDoublesNothing(t *testing.T) {
	s := newSite(t, "in", "dead")
	s.known()
	const n = 2*inOneTransaction + 50
	for i := range n {
		s.produce(letter("in", int32(i%2), fmt.Sprint(i)))
	}
	r, err := s.newRedrive(t.Context(), "picky", "dead")
	s.must(err)
	_, err = r.check(t.Context(), All())
	s.must(err)
	r.told = func() {}
	stop := errors.New("cut off")
	err = r.each(t.Context(), func(l Letter) error {
		if r.batch = append(r.batch, l); len(r.batch) < inOneTransaction {
			return nil
		}
		if r.done == 0 {
			return r.send(t.Context())
		}
		// The second batch is written, but its transaction never ends.
		s.must(r.producer.BeginTransaction())
		for _, l := range r.batch {
			s.must(r.producer.ProduceSync(t.Context(), l.original("dead")).FirstErr())
		}
		_, offsets, err := r.note()
		s.must(err)
		s.must(runtime.CommitGroupOffsets(t.Context(), r.producer, r.id, r.group, "dead", offsets))
		return stop
	})
	if !errors.Is(err, stop) {
		t.Fatal(err)
	}
	s.send(All(), n-inOneTransaction)
	if err := r.producer.EndTransaction(t.Context(), kgo.TryCommit); err == nil {
		t.Error("the redrive that was cut off can still go on")
	}
	r.producer.Close()
	seen := map[string]int{}
	for _, r := range s.read("in") {
		seen[string(r.Value)]++
	}
	for i := range n {
		if seen[fmt.Sprint(i)] != 1 {
			t.Fatalf("letter %d went back %d times", i, seen[fmt.Sprint(i)])
		}
	}
}
