package runtime

import (
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/tidemill/tidemill/internal/task"
)

// warmSim is a group whose members build up copies, and get their tasks when they have
// them.
type warmSim struct{ standbySim }

// newWarmSim is a group of at least so many members, who have all tasks.
func newWarmSim(t *testing.T, r *rand.Rand, least int) *warmSim {
	t.Helper()
	g := &warmSim{}
	for i := range 1 + r.IntN(20) {
		g.tasks = append(g.tasks, task.ID{Subtopology: i % 3, Partition: int32(i / 3)})
	}
	for i := range least + r.IntN(4) {
		g.join(strconv.Itoa(i))
	}
	if _, warm := g.rebalance(0); len(warm) > 0 {
		t.Fatalf("%v wait though nobody had them", warm)
	}
	return g
}

func (g *warmSim) join(id string) {
	g.members = append(g.members, member{id: id, able: true})
}

// rebalance returns what is planned for now and what tasks wait for. Members take all of
// it, and their copies are then as far behind as they are said to be.
func (g *warmSim) rebalance(lag int64) (now, warm map[string][]task.ID) {
	members := adopt(always, assign(g.tasks, g.members), g.members)
	now, warm = warmUp(always, assign(g.tasks, members), members)
	standbys := assignStandbys(1, g.tasks, now, g.members)
	for i := range g.members {
		m := &g.members[i]
		m.owned, m.standbys, m.generation = now[m.id], nil, m.generation+1
		for _, t := range slices.Concat(standbys[m.id], warm[m.id]) {
			m.standbys = append(m.standbys, held{t, lag})
		}
	}
	return now, warm
}

func always(task.ID) bool { return true }

func TestTasksMoveWhenTheirCopiesHaveCaughtUp(t *testing.T) {
	r := seeded(t)
	for range 300 {
		g := newWarmSim(t, r, 1)
		before, _ := g.rebalance(0)
		for i := range 1 + r.IntN(3) {
			g.join("new" + strconv.Itoa(i))
		}
		want := assign(g.tasks, g.members)
		now, warm := g.rebalance(unknownLag)
		for id, list := range before {
			if !slices.Equal(now[id], list) {
				t.Fatalf("%s has %v, want %v, until the copies are there", id, now[id], list)
			}
		}
		for _, m := range g.members {
			if id := m.id; id[0] == 'n' && (len(now[id]) > 0 || !sameTasks(warm[id], want[id])) {
				t.Fatalf("%s has %v and waits for %v, want %v", id, now[id], warm[id], want[id])
			}
		}
		if later, still := g.rebalance(nearLag); !reflect.DeepEqual(later, now) || !reflect.DeepEqual(still, warm) {
			t.Fatalf("%v and %v became %v and %v though no copy has caught up", now, warm, later, still)
		}
		if later, still := g.rebalance(0); len(still) > 0 || !maps.EqualFunc(later, want, sameTasks) {
			t.Fatalf("%v with copies that have caught up, want %v; %v still wait", later, want, still)
		}
	}
}

func TestTasksOfADeadMemberGoOnWithTheirCopiesWhoeverHasJoined(t *testing.T) {
	r := seeded(t)
	for range 300 {
		g := newWarmSim(t, r, 2)
		g.rebalance(0)
		had := map[task.ID]string{}
		for _, m := range g.members[1:] {
			for _, h := range m.standbys {
				had[h.task] = m.id
			}
		}
		for _, m := range g.members[1:] {
			for _, one := range m.owned {
				had[one] = m.id
			}
		}
		g.leave("0")
		g.join("new")
		now, _ := g.rebalance(unknownLag)
		n := 0
		for id, list := range now {
			for _, one := range list {
				if n++; id != had[one] {
					t.Fatalf("task %v goes to %s, want %s, which has all of it", one, id, had[one])
				}
			}
		}
		if n != len(g.tasks) {
			t.Fatalf("%d of %d tasks are planned: %v", n, len(g.tasks), now)
		}
		for range 3 {
			g.rebalance(0)
		}
		now, warm := g.rebalance(0)
		low, high := len(g.tasks), 0
		for _, m := range g.members {
			low, high = min(low, len(now[m.id])), max(high, len(now[m.id]))
		}
		if len(warm) > 0 || high-low > 1 {
			t.Fatalf("%v, and %v still wait", now, warm)
		}
	}
}

func sameTasks(x, y []task.ID) bool {
	return slices.Equal(slices.SortedFunc(slices.Values(x), task.ID.Compare), slices.SortedFunc(slices.Values(y), task.ID.Compare))
}

func TestTasksDoNotWaitForWhoCannotHaveACopy(t *testing.T) {
	x, y := task.ID{Partition: 0}, task.ID{Partition: 1}
	planned := map[string][]task.ID{"a": {x}, "b": {y}}
	for name, row := range map[string]struct {
		logged func(task.ID) bool
		able   bool
	}{
		"no changelog":       {func(t task.ID) bool { return t == x }, true},
		"an earlier version": {always, false},
	} {
		members := []member{{id: "a", owned: []task.ID{x, y}, generation: 1, able: true}, {id: "b", generation: -1, able: row.able}}
		if now, warm := warmUp(row.logged, planned, members); len(warm) > 0 || !reflect.DeepEqual(now, planned) {
			t.Errorf("%s: %v, and %v wait", name, now, warm)
		}
	}
}

func TestAWorkerAsksForTasksWhenAllCopiesHaveCaughtUpOrItIsTooLate(t *testing.T) {
	x, y := task.ID{Partition: 0}, task.ID{Partition: 1}
	w := &Worker{glance: make(chan struct{}, 1)}
	copies := func(ids ...task.ID) (out []*standby) {
		for _, id := range ids {
			s := &standby{w: w, id: id}
			s.copies = []*storeCopy{{of: s, at: sight{next: -1, end: -1}}}
			out = append(out, s)
		}
		return out
	}
	var u warmUps
	both := copies(x, y)
	ask := func(want bool, when string) {
		t.Helper()
		if got := u.ready(both); got != want {
			t.Errorf("%s: it asks: %v", when, got)
		}
	}
	ask(false, "nothing to wait for")
	tells := func(lags ...int64) {
		t.Helper()
		if got, want := u.held(both), []held{{x, lags[0]}, {y, lags[1]}}; !slices.Equal(got, want) {
			t.Errorf("it tells of %v, want %v", got, want)
		}
	}
	u.plan([]task.ID{x, y})
	ask(false, "no copy has caught up")
	both[0].copies[0].see(sight{next: 5, end: 5})
	ask(false, "one has caught up")
	tells(0, unknownLag)
	both[1].copies[0].see(sight{next: 0, end: 7})
	tells(0, nearLag+1)
	both[1].copies[0].see(sight{next: 7, end: 7})
	ask(true, "both have caught up")
	ask(false, "it has just asked")
	u.asked = time.Time{}
	both[1].copies[0].complete, both[1].copies[0].at.end = false, 1<<20
	ask(false, "a copy was built up anew")
	u.since[y] = time.Now().Add(-2 * warmPatience)
	u.plan([]task.ID{x, y}) // it is not waited for longer because of another rebalance
	ask(true, "a copy does not catch up")
	tells(0, nearLag)
	u.asked, both = time.Time{}, both[:1]
	ask(true, "there is no copy at all")
	tells(0, nearLag)
	u.asked, both[0].copies[0].complete = time.Time{}, false
	ask(false, "there may be a copy of the other")
}
