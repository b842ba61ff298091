package runtime

import (
	"cmp"
	"slices"

	"github.com/tidemill/tidemill/internal/task"
)

// member is one member of the group as assign sees it: what it owns, the generation
// in which it got it, and the standbys that it keeps.
type member struct {
	id         string
	owned      []task.ID
	generation int32
	standbys   []held
	// able says that it can keep standbys, wanted how many of each task it wants.
	able   bool
	wanted int
}

// assign distributes tasks over members. It is a pure function, and the order
// in which tasks and members are given has no influence on it.
//
// What it promises, the first most: every task has exactly one member; members'
// task counts differ by at most one; no more tasks change their owner than this
// demands; as far as there is a choice of where they go, tasks go to members that
// keep a standby of them; and as far as there still is one, each subtopology is
// spread evenly too. If several members claim a task, the newest generation wins,
// then the lowest id.
func assign(tasks []task.ID, members []member) map[string][]task.ID {
	out := make(map[string][]task.ID, len(members))
	if len(members) == 0 {
		return out
	}
	a := newAssignment(tasks, members)
	free := a.shed(a.claim(members))
	slices.SortFunc(free, task.ID.Compare)
	for _, t := range a.promote(free, members) {
		a.place(t)
	}
	for _, m := range a.shares {
		slices.SortFunc(m.tasks, task.ID.Compare)
		out[m.id] = m.tasks
	}
	return out
}

// assignment is the state of one run of assign.
type assignment struct {
	tasks  []task.ID
	shares []*share
	// low is what every member gets at least, extra how many get one more.
	low, extra int
	// index numbers the subtopologies.
	index map[int]int
}

// share is what one member has so far, in all and by subtopology.
type share struct {
	id    string
	tasks []task.ID
	count []int
}

func newAssignment(tasks []task.ID, members []member) *assignment {
	a := &assignment{tasks: slices.Clone(tasks), index: make(map[int]int)}
	slices.SortFunc(a.tasks, task.ID.Compare)
	a.tasks = slices.Compact(a.tasks)
	for _, t := range a.tasks {
		if _, known := a.index[t.Subtopology]; !known {
			a.index[t.Subtopology] = len(a.index)
		}
	}
	for _, m := range members {
		a.shares = append(a.shares, &share{id: m.id, count: make([]int, len(a.index))})
	}
	slices.SortFunc(a.shares, func(x, y *share) int { return cmp.Compare(x.id, y.id) })
	a.low, a.extra = len(a.tasks)/len(members), len(a.tasks)%len(members)
	return a
}

// claim gives every task to its owner and returns the tasks that have none.
func (a *assignment) claim(members []member) []task.ID {
	members = byID(members)
	owner := owners(members)
	var free []task.ID
	for _, t := range a.tasks {
		if i, owned := owner[t]; owned {
			a.give(a.shares[i], t)
		} else {
			free = append(free, t)
		}
	}
	return free
}

// byID are members in the order of their ids.
func byID(members []member) []member {
	return slices.SortedFunc(slices.Values(members), func(x, y member) int { return cmp.Compare(x.id, y.id) })
}

// owners are the owners of tasks by their index in members, which are in order.
func owners(members []member) map[task.ID]int {
	owner := make(map[task.ID]int)
	for i, m := range members {
		for _, t := range m.owned {
			if j, taken := owner[t]; !taken || m.generation > members[j].generation {
				owner[t] = i
			}
		}
	}
	return owner
}

func (a *assignment) give(m *share, t task.ID) {
	m.tasks = append(m.tasks, t)
	m.count[a.index[t.Subtopology]]++
}

// shed takes from every member what exceeds its quota and adds it to the free
// tasks. Members that have more than low tasks keep one of the extras while
// there are any, those with most tasks first.
func (a *assignment) shed(free []task.ID) []task.ID {
	takers := a.takers(free)
	byLoad := slices.Clone(a.shares)
	slices.SortStableFunc(byLoad, func(x, y *share) int { return cmp.Compare(len(y.tasks), len(x.tasks)) })
	for _, m := range byLoad {
		quota := a.low
		if len(m.tasks) > a.low && a.extra > 0 {
			quota++
			a.extra--
		}
		if over := len(m.tasks) - quota; over > 0 {
			free = append(free, a.trim(m, over, takers)...)
		}
	}
	return free
}

// takers are the members below their quota taken together: how many there are,
// and how many tasks of each subtopology they have or will get.
type takers struct {
	n     int
	count []int
}

func (a *assignment) takers(free []task.ID) *takers {
	out := &takers{count: make([]int, len(a.index))}
	for _, t := range free {
		out.count[a.index[t.Subtopology]]++
	}
	for _, m := range a.shares {
		if len(m.tasks) >= a.low {
			continue
		}
		out.n++
		for s, n := range m.count {
			out.count[s] += n
		}
	}
	out.n = max(1, out.n)
	return out
}

// trim removes n tasks from a member, each from the subtopology in which it is
// most ahead of the takers; the highest partition goes first.
func (a *assignment) trim(m *share, n int, to *takers) []task.ID {
	held := make([][]task.ID, len(a.index))
	for _, t := range m.tasks {
		s := a.index[t.Subtopology]
		held[s] = append(held[s], t)
	}
	moved := make([]task.ID, 0, n)
	for range n {
		from, ahead := -1, 0
		for s, ts := range held {
			lead := len(ts)*to.n - to.count[s]
			if len(ts) > 0 && (from < 0 || lead >= ahead) {
				from, ahead = s, lead
			}
		}
		last := len(held[from]) - 1
		moved = append(moved, held[from][last])
		held[from] = held[from][:last]
		m.count[from]--
		to.count[from]++
	}
	m.tasks = slices.Concat(held...)
	return moved
}

// place gives a task to the member with the fewest of its subtopology, then the
// fewest in all, among those that have room.
func (a *assignment) place(t task.ID) {
	s := a.index[t.Subtopology]
	var best *share
	for _, m := range a.shares {
		if !a.room(m) {
			continue
		}
		if best == nil || m.count[s] < best.count[s] || m.count[s] == best.count[s] && len(m.tasks) < len(best.tasks) {
			best = m
		}
	}
	a.add(best, t)
}

// room says whether a member may get one more task.
func (a *assignment) room(m *share) bool {
	return len(m.tasks) < a.low || len(m.tasks) == a.low && a.extra > 0
}

// add gives a free task to a member that has room.
func (a *assignment) add(m *share, t task.ID) {
	if len(m.tasks) == a.low {
		a.extra--
	}
	a.give(m, t)
}
