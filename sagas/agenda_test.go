package sagas

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tidemill/tidemill/serde"
	"github.com/tidemill/tidemill/state"
	"github.com/tidemill/tidemill/state/memory"
)

// newRows is a store of its own.
func newRows(tb testing.TB, backend state.Backend) rows {
	tb.Helper()
	d, err := state.OpenDirectory(backend)
	if err != nil {
		tb.Fatal(err)
	}
	space, err := d.Space("store", 0)
	if err != nil {
		tb.Fatal(err)
	}
	return state.NewKeyValue("store", serde.String(), serde.Bytes(), state.Options{Space: space, Capacity: 1 << 10})
}

// checkpoint moves what a store holds to its backend.
func checkpoint(tb testing.TB, r rows, backend state.Backend) {
	tb.Helper()
	batch := backend.NewBatch()
	if err := r.Lifecycle().Checkpoint(batch); err != nil {
		tb.Fatal(err)
	}
	if err := batch.Commit(); err != nil {
		tb.Fatal(err)
	}
	r.Lifecycle().Checkpointed()
}

func (a *agenda) must(tb testing.TB, now int64, most int) (names []string) {
	tb.Helper()
	due, err := a.take(now, most)
	if err != nil {
		tb.Fatal(err)
	}
	for _, e := range due {
		names = append(names, fmt.Sprintf("%d %s %s", e.due, e.name, e.owner))
	}
	return names
}

func TestTimersComeDueInTheOrderOfTheirTimes(t *testing.T) {
	a := agenda{rows: newRows(t, memory.New())}
	for _, e := range []entry{{300, "late", "x/y"}, {20, "b", "x"}, {100, "", "x/y"}, {20, "a", "x"}, {100, "gone", "x"}} {
		if err := a.set(e); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.cancel(entry{100, "gone", "x"}); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		now  int64
		most int
		want string
		next int64
	}{
		{19, 9, "", 20},
		{20, 1, "20 a x", 20},
		{20, 9, "20 b x", 20},
		{99, 9, "", 100},
		{100, 9, "100  x/y", 100},
		{101, 9, "", 300},
		{1 << 40, 9, "300 late x/y", 300},
		{1 << 40, 9, "", 1<<63 - 1},
	} {
		if got := strings.Join(a.must(t, step.now, step.most), ", "); got != step.want || a.next != step.next {
			t.Errorf("at %d: %q is due and the next at %d, want %q and %d", step.now, got, a.next, step.want, step.next)
		}
	}
	if err := a.set(entry{5, "new", "z"}); err != nil {
		t.Fatal(err)
	}
	if got := a.must(t, 5, 9); len(got) != 1 {
		t.Errorf("due are %q", got)
	}
}

// counting counts the rows that scans look at.
type counting struct {
	state.Backend
	scanned int
}

func (c *counting) Scan(from, to []byte, reverse bool, row func(key, value []byte) bool) error {
	return c.Backend.Scan(from, to, reverse, func(key, value []byte) bool {
		c.scanned++
		return row(key, value)
	})
}

func TestOfManyPendingTimersNoneIsLookedAtBeforeItIsDue(t *testing.T) {
	backend := &counting{Backend: memory.New()}
	a := agenda{rows: newRows(t, backend)}
	const n = 100_000
	for i := range int64(n) {
		if err := a.set(entry{1000 + i, "step", fmt.Sprint("saga-", i)}); err != nil {
			t.Fatal(err)
		}
	}
	checkpoint(t, a.rows, backend)
	backend.scanned = 0
	for now := range int64(1000) {
		if due := a.must(t, now, n); len(due) > 0 {
			t.Fatalf("at %d: %q is due", now, due)
		}
	}
	if backend.scanned > 1 {
		t.Errorf("%d rows were looked at before any was due", backend.scanned)
	}
	if due := a.must(t, 1009, n); len(due) != 10 || backend.scanned < 10 || backend.scanned > 12 {
		t.Errorf("%d are due, want 10; %d rows were looked at", len(due), backend.scanned)
	}
	checkpoint(t, a.rows, backend)
	a, backend.scanned = agenda{rows: newRows(t, backend)}, 0
	for now := range int64(1010) {
		if due := a.must(t, now, n); len(due) > 0 {
			t.Fatalf("behind a restart, at %d: %q is due", now, due)
		}
	}
	if backend.scanned > 1 {
		t.Errorf("behind a restart, %d rows were looked at before any was due", backend.scanned)
	}
	if due := a.must(t, 1010, n); len(due) != 1 {
		t.Errorf("behind a restart, %d are due, want 1", len(due))
	}
}

func TestAKeyThatIsNoTimerIsReported(t *testing.T) {
	for _, key := range []string{"", "123", strings.Repeat("x", 20)} {
		if _, err := parseAgendaKey(key); err == nil {
			t.Errorf("%q is a timer", key)
		}
	}
}

func FuzzAgendaKey(f *testing.F) {
	f.Add(int64(12), "step", "saga/with/slashes")
	f.Fuzz(func(t *testing.T, due int64, name, owner string) {
		e := entry{due & (1<<49 - 1), strings.ReplaceAll(name, "/", ""), owner}
		if got, err := parseAgendaKey(agendaKey(e)); err != nil || got != e {
			t.Errorf("%+v became %+v, %v", e, got, err)
		}
	})
}
