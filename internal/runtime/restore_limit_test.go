package runtime

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

// A store that is restored from a topic of the user has no row of what its task has
// yet to read, even if one batch holds both.
func TestRestoreEndsAtItsLimit(t *testing.T) {
	for _, row := range []struct {
		name          string
		local         []string
		from, limit   int64
		want          string
		next, records int64
		resets        int
	}{
		{"in the middle of a batch", nil, -1, 2, "a=1 b=2", 2, 2, 0},
		{"at the start", nil, -1, 0, "", 0, 0, 0},
		{"at the end", nil, -1, 4, "a=3 b=2 c=4", 4, 4, 0},
		{"of a log that has become shorter", nil, -1, 9, "a=3 b=2 c=4", 4, 4, 0},
		{"that the state has reached", []string{"a=1", "b=2"}, 2, 2, "a=1 b=2", 2, 0, 0},
		{"before the state, which begins anew", []string{"a=3", "b=2"}, 3, 1, "a=1", 1, 1, 1},
		{"behind the state", []string{"a=1"}, 1, 3, "a=3 b=2", 3, 2, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			withChangelogs(t, 1, func(t *testing.T, c *changelogs) {
				c.write("a=1", "b=2", "a=3", "c=4")
				local := newLocalState(row.local...)
				target := local.target("log", 0, row.from)
				target.limited, target.limit = true, row.limit
				var records int64
				whole := target.apply
				target.apply = func(batch []*kgo.Record) error {
					batch = target.cut(batch)
					records += int64(len(batch))
					return whole(batch)
				}
				got, err := newRestorer(c.cl, true).restore(t.Context(), []restoreTarget{target}, nil)
				c.must(err)
				if next := target.upTo(got[0].next); local.String() != row.want || next != row.next || records != row.records || local.resets != row.resets {
					t.Errorf("got  %s, next %d after %d records and %d resets\nwant %s, next %d after %d records and %d resets",
						local, next, records, local.resets, row.want, row.next, row.records, row.resets)
				}
			})
		})
	}
}
