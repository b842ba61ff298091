package runtime

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/tidemill/tidemill/internal/task"
)

// standbySim is a group whose members keep the standbys that the last assignment gave
// them.
type standbySim struct {
	n       int
	tasks   []task.ID
	members []member
}

// rebalance assigns tasks and standbys and returns what was assigned.
func (g *standbySim) rebalance() (planned, standbys map[string][]task.ID) {
	planned = assign(g.tasks, g.members)
	standbys = assignStandbys(g.n, g.tasks, planned, g.members)
	for i := range g.members {
		m := &g.members[i]
		m.owned, m.standbys = planned[m.id], nil
		for _, t := range standbys[m.id] {
			m.standbys = append(m.standbys, held{task: t})
		}
	}
	return planned, standbys
}

func (g *standbySim) leave(id string) {
	g.members = slices.DeleteFunc(g.members, func(m member) bool { return m.id == id })
}

// check fails unless every promise of assignStandbys is kept.
func (g *standbySim) check(t *testing.T, planned, standbys map[string][]task.ID) {
	t.Helper()
	copies := map[task.ID]int{}
	low, high := 1<<30, 0
	for id, of := range standbys {
		low, high = min(low, len(of)), max(high, len(of))
		for i, one := range of {
			copies[one]++
			if slices.Contains(planned[id], one) {
				t.Fatalf("%s owns task %s and has a standby of it", id, one)
			}
			if i > 0 && of[i-1] == one {
				t.Fatalf("%s has two standbys of task %s", id, one)
			}
		}
	}
	for _, one := range g.tasks {
		if want := min(g.n, len(g.members)-1); copies[one] != want {
			t.Fatalf("task %s has %d standbys, want %d", one, copies[one], want)
		}
	}
	if high-low > 1 {
		t.Fatalf("members have %d to %d standbys: %v", low, high, standbys)
	}
}

func TestStandbysAreCompleteEvenAndNeverOnTheOwner(t *testing.T) {
	r := seeded(t)
	for range 200 {
		g := &standbySim{n: 1 + r.IntN(3), tasks: randomTasks(r)}
		for step := range 15 {
			if n := len(g.members); n < 2 || r.IntN(2) == 0 {
				g.members = append(g.members, member{id: strconv.Itoa(step)})
			} else {
				g.leave(g.members[r.IntN(n)].id)
			}
			planned, standbys := g.rebalance()
			g.check(t, planned, standbys)
			checkComplete(t, &groupSim{tasks: g.tasks, members: g.members})
		}
	}
}

func TestStandbysStayWhenNothingChanges(t *testing.T) {
	r := seeded(t)
	for range 200 {
		g := randomStandbys(r)
		_, before := g.rebalance()
		r.Shuffle(len(g.members), func(i, j int) { g.members[i], g.members[j] = g.members[j], g.members[i] })
		if _, after := g.rebalance(); !reflect.DeepEqual(before, after) {
			t.Fatalf("standbys moved for no reason:\n%v\n%v", before, after)
		}
	}
}

func randomStandbys(r *rand.Rand) *standbySim {
	g := &standbySim{n: 1 + r.IntN(2), tasks: randomTasks(r)}
	for i := range 2 + r.IntN(8) {
		g.members = append(g.members, member{id: strconv.Itoa(i)})
	}
	return g
}

// The tasks of a member that dies are spread over those that have a standby, and only
// what balance forbids goes elsewhere.
func TestTasksOfADeadMemberGoToTheirStandbys(t *testing.T) {
	r := seeded(t)
	moved, warm := 0, 0
	for range 300 {
		g := randomStandbys(r)
		_, standbys := g.rebalance()
		dead := g.members[r.IntN(len(g.members))]
		g.leave(dead.id)
		planned, _ := g.rebalance()
		for id, tasks := range planned {
			for _, one := range tasks {
				if slices.Contains(dead.owned, one) {
					moved++
					if slices.Contains(standbys[id], one) {
						warm++
					}
				}
			}
		}
	}
	t.Logf("%d of %d tasks went to a standby", warm, moved)
	if warm < moved*95/100 {
		t.Errorf("%d of %d tasks went to a standby, want nearly all", warm, moved)
	}
}

func TestOneJoinOrLeaveMovesFewStandbys(t *testing.T) {
	r := seeded(t)
	for range 200 {
		g := randomStandbys(r)
		_, before := g.rebalance()
		joins := r.IntN(2) == 0
		if joins {
			g.members = append(g.members, member{id: "new"})
		} else {
			g.leave(g.members[r.IntN(len(g.members))].id)
		}
		_, after := g.rebalance()
		total, moved := 0, 0
		for id, of := range after {
			total += len(of)
			for _, one := range of {
				if !slices.Contains(before[id], one) {
					moved++
				}
			}
		}
		// What a member has in all is the least that has to go to a new one, or to
		// others when one has left; tasks that move displace standbys beside that.
		share := (len(g.tasks)*(g.n+1) + len(g.members) - 1) / len(g.members)
		if moved > 2*share+g.n {
			t.Fatalf("joins %v: %d of %d standbys moved, a member's share is %d", joins, moved, total, share)
		}
	}
}

func TestStandbysDoNotDependOnTheOrderOfTheirInput(t *testing.T) {
	r := seeded(t)
	for range 200 {
		g := randomStandbys(r)
		for i := range g.members {
			for _, one := range g.tasks {
				if r.IntN(4) == 0 {
					g.members[i].standbys = append(g.members[i].standbys, held{one, int64(r.IntN(3))})
				}
			}
		}
		planned := assign(g.tasks, g.members)
		want := assignStandbys(g.n, g.tasks, planned, g.members)
		r.Shuffle(len(g.tasks), func(i, j int) { g.tasks[i], g.tasks[j] = g.tasks[j], g.tasks[i] })
		r.Shuffle(len(g.members), func(i, j int) { g.members[i], g.members[j] = g.members[j], g.members[i] })
		for _, m := range g.members {
			r.Shuffle(len(m.standbys), func(i, j int) { m.standbys[i], m.standbys[j] = m.standbys[j], m.standbys[i] })
		}
		if again := assign(g.tasks, g.members); !reflect.DeepEqual(again, planned) {
			t.Fatalf("tasks: got %v, want %v", again, planned)
		}
		if got := assignStandbys(g.n, g.tasks, planned, g.members); !reflect.DeepEqual(got, want) {
			t.Fatalf("got  %v\nwant %v", got, want)
		}
	}
}

func TestStandbysInSpecialCases(t *testing.T) {
	x, y := task.ID{Partition: 0}, task.ID{Partition: 1}
	for _, row := range []struct {
		name    string
		n       int
		planned map[string][]task.ID
		members []member
		want    map[string][]task.ID
	}{
		{"nobody is there", 1, nil, nil, map[string][]task.ID{}},
		{"one member is alone", 1, map[string][]task.ID{"a": {x, y}}, []member{{id: "a"}}, map[string][]task.ID{"a": nil}},
		{"none are wanted", 0, map[string][]task.ID{"a": {x}, "b": {y}}, []member{{id: "a"}, {id: "b", standbys: []held{{x, 0}}}}, map[string][]task.ID{"a": nil, "b": nil}},
		{"who is the least behind keeps it", 1, map[string][]task.ID{"a": {x}, "b": nil, "c": nil},
			[]member{{id: "a"}, {id: "b", standbys: []held{{x, 9}}}, {id: "c", standbys: []held{{x, 3}}}},
			map[string][]task.ID{"a": nil, "b": {y}, "c": {x}}},
		{"who had the task until now keeps it as a standby", 1, map[string][]task.ID{"a": {x}, "b": {y}, "c": nil},
			[]member{{id: "a"}, {id: "b"}, {id: "c", owned: []task.ID{x}}},
			map[string][]task.ID{"a": {y}, "b": nil, "c": {x}}},
		{"a member that keeps none is left out", 5, map[string][]task.ID{"a": {x}, "old": {y}},
			[]member{{id: "a"}}, map[string][]task.ID{"a": {y}}},
	} {
		t.Run(row.name, func(t *testing.T) {
			got := assignStandbys(row.n, []task.ID{x, y}, row.planned, row.members)
			if fmt.Sprint(got) != fmt.Sprint(row.want) {
				t.Errorf("got  %v\nwant %v", got, row.want)
			}
		})
	}
}

func TestStandbysOfManyMembersAndTasks(t *testing.T) {
	g := &standbySim{n: 2, tasks: grid(2000, 2000, 1000)}
	for i := range 300 {
		g.members = append(g.members, member{id: fmt.Sprintf("worker-%04d", i)})
	}
	for _, step := range []struct {
		name   string
		change func()
	}{
		{"a new group", func() {}},
		{"nothing changed", func() {}},
		{"a tenth leaves", func() { g.members = slices.Delete(g.members, 100, 130) }},
		{"as many join", func() {
			for i := range 270 {
				g.members = append(g.members, member{id: fmt.Sprintf("new-%04d", i)})
			}
		}},
	} {
		step.change()
		planned := assign(g.tasks, g.members)
		start := time.Now()
		assignStandbys(g.n, g.tasks, planned, g.members)
		t.Logf("%s: %v", step.name, time.Since(start))
		p, s := g.rebalance()
		g.check(t, p, s)
		if ids := slices.Collect(maps.Keys(s)); len(ids) != len(g.members) {
			t.Errorf("%d of %d members are in the result", len(ids), len(g.members))
		}
	}
}
