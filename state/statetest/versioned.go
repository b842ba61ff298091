package statetest

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/serde"
	"github.com/tidemill/tidemill/state"
)

var versionedChecks = []check{
	{"a versioned store agrees with a list of all versions, whatever is rolled back, checkpointed, lost or compacted", func(t *testing.T, b state.Backend) {
		for _, retention := range []int64{0, 7, 500} {
			t.Run(fmt.Sprint("retention ", retention), func(t *testing.T) { runVersioned(t, b, retention) })
		}
	}},
	{"a versioned store is rebuilt for a retention of another magnitude", rebuiltForRetention},
	{"a versioned store keeps no row of what has expired", expiredRowsGo},
}

// versionedKeys are prefixes of each other, and hold what could be taken for a part
// of the layout.
var versionedKeys = []string{"", "a", "a\x00", "a\x00\x00\x00\x00\x00\x00\x00\x00", "ab", "b", "\x00", "\xff", "\xff\xff"}

// versionedTest is a versioned store, the model that it is compared with, and the
// changelog that it is rebuilt from.
type versionedTest struct {
	t     *testing.T
	r     *rand.Rand
	space state.Space

	outbox record.Outbox
	store  *state.Versioned[string, *int64]
	model  *versions
	// puts is how many versions were put since the last commit.
	puts int
	// committed is the model at the last commit; changelog holds everything logged
	// up to it. Of that, what is before compacted has been compacted.
	committed *versions
	changelog []record.Output
}

func newVersionedTest(t *testing.T, b state.Backend, retention int64) *versionedTest {
	directory, err := state.OpenDirectory(b)
	if err != nil {
		t.Fatal(err)
	}
	space, err := directory.Space(fmt.Sprint("versioned", retention), 3)
	if err != nil {
		t.Fatal(err)
	}
	v := &versionedTest{
		t: t, r: rand.New(rand.NewPCG(newSeed(t), 1)), space: space,
		model: newVersions(retention), committed: newVersions(retention),
	}
	v.reopen()
	return v
}

func runVersioned(t *testing.T, b state.Backend, retention int64) {
	v := newVersionedTest(t, b, retention)
	for step := 0; step < 1500 && !t.Failed(); step++ {
		switch n := v.r.IntN(100); {
		case n < 60:
			v.unit()
		case n < 85:
			v.compare()
		case n < 93:
			v.commit()
		case n < 97:
			v.commit()
			v.checkpoint(v.unit)
		case n < 99:
			v.crash()
		default:
			v.lose()
		}
	}
}

func (v *versionedTest) must(err error) {
	v.t.Helper()
	if err != nil {
		v.t.Fatal(err)
	}
}

func (v *versionedTest) key() string { return versionedKeys[v.r.IntN(len(versionedKeys))] }

// at is a time around the history: mostly in it, sometimes at its very edge.
func (v *versionedTest) at() int64 {
	now, retention := max(v.model.time, 0), v.model.retention
	switch v.r.IntN(8) {
	case 0:
		return max(now-retention-v.r.Int64N(3)+1, 0)
	case 1:
		return max(now-2*retention+v.r.Int64N(retention+1), 0)
	case 2, 3:
		return now + v.r.Int64N(retention/20+3)
	default:
		return max(now-v.r.Int64N(retention+1), 0)
	}
}

// unit makes a few writes as one unit of work and sometimes takes them back.
func (v *versionedTest) unit() {
	lifecycle := v.store.Lifecycle()
	lifecycle.Mark()
	mark := v.outbox.Mark()
	before, puts := v.model.clone(), v.puts
	for range 1 + v.r.IntN(4) {
		v.put()
	}
	if v.r.IntN(3) == 0 {
		v.outbox.Rollback(mark)
		lifecycle.Rollback()
		v.model, v.puts = before, puts
	}
}

func (v *versionedTest) put() {
	key, ts := v.key(), v.at()
	if v.r.IntN(6) == 0 {
		v.puts++
		want := v.model.asOf(key, ts)
		if _, accepted := v.model.put(key, nil, ts); !accepted {
			want = "none"
		}
		old, had, err := v.store.Delete(key, ts)
		v.must(err)
		if have := renderedVersion(old, had); have != want {
			v.t.Errorf("Delete(%q, %d) = %s, want %s", key, ts, have, want)
		}
		return
	}
	value := new(int64)
	*value = v.r.Int64N(1000)
	if v.r.IntN(6) == 0 {
		value = nil
	}
	v.set(key, value, ts)
}

func (v *versionedTest) set(key string, value *int64, ts int64) {
	v.puts++
	to, accepted, err := v.store.Put(key, value, ts)
	v.must(err)
	if wantTo, want := v.model.put(key, value, ts); accepted != want || to != wantTo {
		v.t.Errorf("Put(%q, %d) = %d, %v; want %d, %v", key, ts, to, accepted, wantTo, want)
	}
}

func (v *versionedTest) compare() {
	key, at, to := v.key(), v.at(), v.at()
	if found, ok, err := v.store.Get(key); err != nil || renderedVersion(found, ok) != v.model.asOf(key, state.Forever) {
		v.t.Errorf("Get(%q) = %s, %v; want %s", key, renderedVersion(found, ok), err, v.model.asOf(key, state.Forever))
	}
	if found, ok, err := v.store.GetAsOf(key, at); err != nil || renderedVersion(found, ok) != v.model.asOf(key, at) {
		v.t.Errorf("GetAsOf(%q, %d) = %s, %v; want %s", key, at, renderedVersion(found, ok), err, v.model.asOf(key, at))
	}
	want := v.model.history(key, at, to)
	if have := v.collect(v.store.History(key, at, to)); !slices.Equal(have, want) {
		v.t.Errorf("History(%q, %d, %d) = %v, want %v", key, at, to, have, want)
	}
	slices.Reverse(want)
	if have := v.collect(v.store.ReverseHistory(key, at, to)); !slices.Equal(have, want) {
		v.t.Errorf("ReverseHistory(%q, %d, %d) = %v, want %v", key, at, to, have, want)
	}
	if v.r.IntN(4) == 0 {
		v.compareAll(v.model)
	}
}

func (v *versionedTest) collect(history iter.Seq2[state.Version[*int64], error]) []string {
	var out []string
	for version, err := range history {
		v.must(err)
		out = append(out, renderedVersion(version, true))
	}
	return out
}

func (v *versionedTest) compareAll(model *versions) {
	var have []string
	for item, err := range v.store.All() {
		v.must(err)
		have = append(have, item.Key+" "+rendered(*item.Value, item.Timestamp, state.Forever))
	}
	if want := model.all(); !slices.Equal(have, want) {
		v.t.Errorf("the newest versions are %q, want %q", have, want)
	}
}

// commit flushes and makes everything so far count. Every put must have been logged
// by then, and afterwards the last that was logged of each key must be its newest
// version.
func (v *versionedTest) commit() {
	if v.outbox.Pending() != v.puts {
		v.t.Errorf("%d records were logged for %d puts", v.outbox.Pending(), v.puts)
	}
	for {
		logged, err := v.store.Lifecycle().FlushLog()
		v.must(err)
		if !logged {
			break
		}
		v.must(v.store.Lifecycle().FlushForward())
	}
	for _, batch := range v.outbox.Take(nil) {
		v.changelog = append(v.changelog, batch.Outputs...)
	}
	v.puts, v.committed = 0, v.model.clone()
	last := map[string]record.Output{}
	for _, out := range v.changelog {
		last[string(out.Key)] = out
	}
	for key, out := range last {
		want := v.model.asOf(key, state.Forever)
		if have := logged(v.t, out); have != want && !(want == "none" && out.Value == nil) {
			v.t.Errorf("the last that was logged of %q is %s, want %s", key, have, want)
		}
	}
}

func logged(t *testing.T, out record.Output) string {
	if out.Value == nil {
		return "none"
	}
	value, err := serde.Int64().Decode(out.Value)
	if err != nil {
		t.Fatal(err)
	}
	return rendered(value, out.Timestamp, state.Forever)
}

func (v *versionedTest) checkpoint(during func()) {
	b := v.space.NewBatch()
	v.must(v.store.Lifecycle().Checkpoint(b))
	v.space.SetPosition(b, state.Position{Offset: int64(len(v.changelog))})
	during()
	v.must(b.Commit())
	v.store.Lifecycle().Checkpointed()
}

// crash loses everything in memory and rebuilds the store from the backend and
// the rest of the changelog.
func (v *versionedTest) crash() {
	v.outbox, v.puts = record.Outbox{}, 0
	v.model = v.committed.clone()
	v.reopen()
}

// lose loses the backend's state too, and sometimes compacts the changelog before.
// Then the history may be gone, but not the newest versions.
func (v *versionedTest) lose() {
	v.must(v.space.Clear())
	if v.r.IntN(2) == 0 {
		v.crash()
		return
	}
	v.changelog = compacted(v.changelog, v.r.IntN(len(v.changelog)+1))
	before := v.committed
	v.committed = newVersions(before.retention)
	for _, out := range v.changelog {
		value, err := decoded(out)
		v.must(err)
		if out.Headers != nil {
			v.committed.keep(string(out.Key), value, out.Timestamp)
		} else {
			v.committed.put(string(out.Key), value, out.Timestamp)
		}
	}
	v.crash()
	v.compareAll(before)
	if v.committed.time != before.time {
		v.t.Errorf("compaction has lost the time of the store: %d, want %d", v.committed.time, before.time)
	}
}

func decoded(out record.Output) (*int64, error) {
	if out.Value == nil {
		return nil, nil
	}
	value, err := serde.Int64().Decode(out.Value)
	return &value, err
}

// compacted keeps of each key the last record among the first n, and all others.
func compacted(log []record.Output, n int) []record.Output {
	last := map[string]int{}
	for i, out := range log[:n] {
		last[string(out.Key)] = i
	}
	var kept []record.Output
	for i, out := range log {
		if i >= n || last[string(out.Key)] == i {
			kept = append(kept, out)
		}
	}
	return kept
}

func (v *versionedTest) open(retention int64) *state.Versioned[string, *int64] {
	return state.NewVersioned("versioned", retention, serde.String(), serde.Pointer(serde.Int64()), state.Options{
		Space: v.space, Caching: true, Capacity: 4 << 10,
		Log: &state.Changelog{Outbox: &v.outbox, Topic: "changelog", Partition: 3, Number: 1},
	})
}

// reopen opens the store and replays what its local state lacks, in batches.
func (v *versionedTest) reopen() {
	v.store = v.open(v.model.retention)
	at, _, err := v.space.Position()
	v.must(err)
	for rest := v.changelog[at.Offset:]; ; {
		n := min(len(rest), 1+v.r.IntN(200))
		b := v.space.NewBatch()
		v.must(state.Replay(v.store.Lifecycle(), b, replayed(rest[:n])))
		rest = rest[n:]
		v.space.SetPosition(b, state.Position{Offset: int64(len(v.changelog) - len(rest))})
		v.must(b.Commit())
		if len(rest) == 0 {
			return
		}
	}
}

func rebuiltForRetention(t *testing.T, b state.Backend) {
	v := newVersionedTest(t, b, 1000)
	for ts := range int64(2000) {
		v.set("a", &ts, ts)
	}
	v.commit()
	v.checkpoint(func() {})
	for _, retention := range []int64{1001, 10} {
		v.store = v.open(retention)
		_, known, err := v.space.Position()
		v.must(err)
		if rows := len(scan(t, b, nil, nil, false)); known != (retention == 1001) || known != (rows > 1000) {
			t.Errorf("reopened with a retention of %d: %d rows, position known: %v", retention, rows, known)
		}
	}
}

func expiredRowsGo(t *testing.T, b state.Backend) {
	v := newVersionedTest(t, b, 1000)
	for ts := range int64(500) {
		v.set(strings.Repeat("a", int(ts)%7), &ts, ts)
	}
	for key := range 6 {
		v.set(strings.Repeat("a", key), nil, 500)
	}
	v.commit()
	v.checkpoint(func() {})
	before := len(scan(t, b, nil, nil, false))
	last := int64(500 + 1000 + 300)
	v.set("b", &last, last)
	v.commit()
	v.checkpoint(func() {})
	// What is left are the newest versions of the seventh key and of b, the store's
	// row about itself, its position and its name.
	if after := len(scan(t, b, nil, nil, false)); before < 500 || after != 5 {
		t.Errorf("%d rows before and %d after everything has expired, want more than 500 and 5", before, after)
	}
}
