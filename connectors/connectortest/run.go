package connectortest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strconv"
	"testing"
	"time"

	"github.com/tidemill/tidemill/connectors"
)

// Subject is a target with what the kit has to know about it. Keys and values are
// plain words.
type Subject[T any] struct {
	Target connectors.Target[T]
	// Put sets a key and Delete removes it. Add adds to the number of a key, which must
	// not be repeated.
	Put    func(key, value string) T
	Delete func(key string) T
	Add    func(key string, n int) T
	// Poison is an item that the target refuses.
	Poison func() T
	// Get reads what a key was set to, and Sum what was added to it.
	Get func(key string) (string, bool)
	Sum func(key string) int
	// Interrupt makes the target unreachable until restore is called: see Gate.
	Interrupt func() (restore func())
	// Slow has the target answer only after this long until restore is called. It may be
	// nil: then it is not checked that a deadline is kept, only what comes of it.
	Slow func(delay time.Duration) (restore func())
}

// Run checks a target. open makes a new, empty one for each test.
func Run[T any](t *testing.T, open func(*testing.T) Subject[T]) {
	for _, test := range []struct {
		name string
		run  func(*kit[T])
	}{
		{"items are applied in order", (*kit[T]).order},
		{"positions are stored with the data", (*kit[T]).positions},
		{"a batch that comes again is applied once", (*kit[T]).repeated},
		{"a new session shuts out the one before", (*kit[T]).fenced},
		{"refused items are told, noted and forgotten when settled", (*kit[T]).refused},
		{"sinks and partitions have positions of their own", (*kit[T]).independent},
		{"sessions that end anywhere repeat and lose nothing", (*kit[T]).crashes},
		{"an unreachable target is told from a fault", (*kit[T]).unreachable},
		{"a slow target is given up and tried again", (*kit[T]).slow},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(&kit[T]{T: t, Subject: open(t)}) })
	}
}

type kit[T any] struct {
	*testing.T
	Subject[T]
	number int64
}

var one = connectors.Task{Application: "kit", Sink: "one", Partition: 3}

// open opens a session and reads what is stored.
func (k *kit[T]) open(task connectors.Task) (connectors.Session[T], connectors.Stored) {
	k.Helper()
	s, err := k.Target.Open(k.Context(), task)
	if err != nil {
		k.Fatalf("open: %v", err)
	}
	k.Cleanup(func() { _ = s.Close() })
	stored, err := s.Load(k.Context())
	if err != nil {
		k.Fatalf("load: %v", err)
	}
	return s, stored
}

// batch is one of items that come from offsets next-n to next-1 of topic "t".
func (k *kit[T]) batch(next int64, items ...T) *connectors.Batch[T] {
	k.number++
	b := &connectors.Batch[T]{Number: k.number, Items: items, Positions: []connectors.Position{{Topic: "t", Next: next}}}
	for i := range items {
		b.Origins = append(b.Origins, connectors.Origin{Topic: "t", Offset: next - int64(len(items)-i)})
	}
	return b
}

func (k *kit[T]) write(s connectors.Session[T], b *connectors.Batch[T]) []connectors.Refused {
	k.Helper()
	refused, err := s.Write(k.Context(), b)
	if err != nil {
		k.Fatalf("write batch %d: %v", b.Number, err)
	}
	return refused
}

func (k *kit[T]) want(key, value string) {
	k.Helper()
	if got, ok := k.Get(key); got != value || ok != (value != "") {
		k.Errorf("%s is %q (there: %v), want %q", key, got, ok, value)
	}
}

func (k *kit[T]) wantSum(key string, n int) {
	k.Helper()
	if got := k.Sum(key); got != n {
		k.Errorf("the sum of %s is %d, want %d", key, got, n)
	}
}

func (k *kit[T]) order() {
	s, _ := k.open(one)
	k.write(s, k.batch(6, k.Put("a", "first"), k.Delete("a"), k.Put("b", "gone"), k.Put("a", "last"), k.Delete("b"), k.Put("c", "only")))
	k.want("a", "last")
	k.want("b", "")
	k.want("c", "only")
	var items []T
	for i := range 500 {
		items = append(items, k.Put("k"+strconv.Itoa(i%7), strconv.Itoa(i)))
	}
	k.write(s, k.batch(506, items...))
	for i := 493; i < 500; i++ {
		k.want("k"+strconv.Itoa(i%7), strconv.Itoa(i))
	}
}

func (k *kit[T]) positions() {
	s, stored := k.open(one)
	if len(stored.Positions) != 0 || len(stored.Refused) != 0 {
		k.Errorf("a target that is new holds %+v", stored)
	}
	k.write(s, k.batch(10))
	k.write(s, k.batch(12, k.Put("a", "x")))
	b := k.batch(15)
	b.Positions = append(b.Positions, connectors.Position{Topic: "u", Next: 1 << 40})
	k.write(s, b)
	_, stored = k.open(one)
	got := map[string]int64{}
	for _, p := range stored.Positions {
		got[p.Topic] = p.Next
	}
	if want := map[string]int64{"t": 15, "u": 1 << 40}; !reflect.DeepEqual(got, want) {
		k.Errorf("positions %v are stored, want %v", got, want)
	}
}

func (k *kit[T]) repeated() {
	s, _ := k.open(one)
	first, second := k.batch(2, k.Add("n", 3), k.Poison()), k.batch(3, k.Add("n", 4))
	for range 3 {
		if refused := k.write(s, first); len(refused) != 1 || refused[0].Item != 1 {
			k.Errorf("refused %v, want item 1", refused)
		}
	}
	for range 2 {
		k.write(s, second)
	}
	k.wantSum("n", 7)
}

func (k *kit[T]) fenced() {
	old, _ := k.open(one)
	k.write(old, k.batch(1, k.Add("n", 1)))
	fresh, _ := k.open(one)
	k.write(fresh, k.batch(1))
	if _, err := old.Write(k.Context(), k.batch(2, k.Add("n", 10))); !errors.Is(err, connectors.ErrMoved) {
		k.Errorf("the old session's write ended with %v, want ErrMoved", err)
	}
	k.write(fresh, k.batch(2, k.Add("n", 100)))
	k.wantSum("n", 101)
}

func (k *kit[T]) refused() {
	s, _ := k.open(one)
	refused := k.write(s, k.batch(14, k.Add("n", 1), k.Poison(), k.Add("n", 2), k.Poison()))
	if len(refused) != 2 || refused[0].Item != 1 || refused[1].Item != 3 || refused[0].Err == nil {
		k.Fatalf("refused %v, want items 1 and 3 with errors", refused)
	}
	k.wantSum("n", 3)
	k.write(s, k.batch(15, k.Add("n", 1)))
	s, stored := k.open(one)
	if want := []connectors.Origin{{Topic: "t", Offset: 11}, {Topic: "t", Offset: 13}}; !reflect.DeepEqual(stored.Refused, want) {
		k.Errorf("noted are %v, want %v", stored.Refused, want)
	}
	b := k.batch(16, k.Poison())
	b.Settled = true
	k.write(s, b)
	_, stored = k.open(one)
	if want := []connectors.Origin{{Topic: "t", Offset: 15}}; !reflect.DeepEqual(stored.Refused, want) {
		k.Errorf("noted after settling are %v, want %v", stored.Refused, want)
	}
}

func (k *kit[T]) independent() {
	tasks := []connectors.Task{one, one, one, one}
	tasks[1].Partition, tasks[2].Sink, tasks[3].Application = 4, "two", "other"
	var sessions []connectors.Session[T]
	for i, task := range tasks {
		s, stored := k.open(task)
		if len(stored.Positions) != 0 {
			k.Errorf("%+v begins with %v", task, stored.Positions)
		}
		sessions = append(sessions, s)
		k.write(s, k.batch(int64(i+1), k.Add("n", 1)))
	}
	for i, s := range sessions {
		k.write(s, k.batch(int64(i+2), k.Add("n", 1)))
	}
	k.wantSum("n", 2*len(tasks))
}

// crashes writes records whose sessions end now and then, with a batch written or not,
// and goes on from what is stored.
func (k *kit[T]) crashes() {
	seed := rand.Uint64()
	k.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	const records = 300
	want := map[string]int{}
	for i := range records {
		want[fmt.Sprint("n", i%5)] += i + 1
	}
	for next := int64(0); next < records; {
		s, stored := k.open(one)
		if len(stored.Positions) > 0 {
			next = stored.Positions[0].Next
		}
		for next < records {
			var items []T
			for range min(1+random.Int64N(20), records-next) {
				items = append(items, k.Add(fmt.Sprint("n", next%5), int(next)+1))
				next++
			}
			ctx, cancel := context.WithCancel(k.Context())
			if random.IntN(4) == 0 {
				cancel() // whether it is applied is not known
			}
			_, err := s.Write(ctx, k.batch(next, items...))
			cancel()
			if err != nil || random.IntN(5) == 0 {
				break
			}
		}
		next = 0
		if _, stored := k.open(one); len(stored.Positions) > 0 {
			next = stored.Positions[0].Next
		}
	}
	for key, sum := range want {
		k.wantSum(key, sum)
	}
}
