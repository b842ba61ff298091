package state_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/serde"
	"github.com/tidemill/tidemill/state"
)

// Who follows a changelog for long is told to drop what has expired, and keeps what the
// store itself still returns.
func TestAStoreThatIsFollowedDropsWhatHasExpired(t *testing.T) {
	const retention = 100
	for name, open := range map[string]func(o state.Options) (state.Lifecycle, func(at int64) error){
		"windows": func(o state.Options) (state.Lifecycle, func(at int64) error) {
			s := state.NewWindow("s", retention, serde.String(), serde.String(), o)
			return s.Lifecycle(), func(at int64) error {
				e, err := s.Lookup("k", at)
				if err != nil {
					return err
				}
				return s.Set(e, "v", at, nil)
			}
		},
		"sessions": func(o state.Options) (state.Lifecycle, func(at int64) error) {
			s := state.NewSession("s", retention, serde.String(), serde.String(), o)
			return s.Lifecycle(), func(at int64) error {
				e, err := s.Lookup("k", at, at)
				if err != nil {
					return err
				}
				return s.Set(e, "v", at, nil)
			}
		},
		"joins": func(o state.Options) (state.Lifecycle, func(at int64) error) {
			s := state.NewJoinWindow("s", retention, serde.String(), serde.String(), o)
			return s.Lifecycle(), func(at int64) error { return s.Put("k", "v", at, nil) }
		},
	} {
		t.Run(name, func(t *testing.T) {
			o, outbox := spanOptions(t)
			_, put := open(o)
			for at := int64(10); at <= 10_000_000; at += 77_777 {
				if err := put(at); err != nil {
					t.Fatal(err)
				}
			}
			var logs []record.Raw
			for _, b := range outbox.Take(nil) {
				for _, out := range b.Outputs {
					logs = append(logs, record.Raw{Key: slices.Clone(out.Key), Value: slices.Clone(out.Value), Timestamp: out.Timestamp})
				}
			}
			space, backend := openSpace(t)
			o.Space = space
			standby, _ := open(o)
			most := 0
			for i := range logs {
				b := space.NewBatch()
				if err := state.Replay(standby, b, slices.Values(logs[i:i+1])); err != nil {
					t.Fatal(err)
				}
				if err := b.Commit(); err != nil {
					t.Fatal(err)
				}
				b = space.NewBatch()
				end, err := standby.(state.Expirer).Outlived()
				if err != nil {
					t.Fatal(err)
				}
				if end != nil {
					standby.(state.Expirer).Drop(b, end)
				}
				if err := b.Commit(); err != nil {
					t.Fatal(err)
				}
				rows := 0
				if err := backend.Scan([]byte{0, 0, 0, 1}, nil, false, func(_, _ []byte) bool { rows++; return true }); err != nil {
					t.Fatal(err)
				}
				most = max(most, rows)
				if rows == 0 {
					t.Fatalf("after %d records nothing is left", i+1)
				}
			}
			t.Logf("%d records, at most %d rows at a time", len(logs), most)
			if most > len(logs)/2 {
				t.Errorf("%d of %d rows were kept", most, len(logs))
			}
		})
	}
}

// A buffer that is followed keeps no places of rows that have gone.
func TestABufferThatIsFollowedLeavesNothingBehind(t *testing.T) {
	space, _ := openSpace(t)
	active := openBuffer(t, space, serde.String(), nil)
	followedSpace, backend := openSpace(t)
	standby := openBuffer(t, followedSpace, serde.String(), nil)
	size := func() (n int) {
		if err := backend.Scan([]byte{0, 0, 0, 1}, nil, false, func(_, _ []byte) bool { n++; return true }); err != nil {
			t.Fatal(err)
		}
		return n
	}
	empty := size()
	for round := range 50 {
		for i := range 3 {
			active.update(fmt.Sprint("k", i), "", "v", int64(round*10+i))
		}
		logs, _ := active.flush()
		if err := standby.replay(logs...); err != nil {
			t.Fatal(err)
		}
		if rows := active.due(math.MaxInt64); len(rows) != 3 {
			t.Fatalf("round %d: %q are due", round, rows)
		}
		logs, _ = active.flush()
		if err := standby.replay(logs...); err != nil {
			t.Fatal(err)
		}
		if n := size(); n > empty {
			t.Fatalf("after round %d %d rows are left, want %d", round, n, empty)
		}
	}
}
