package runtime

import (
	"slices"

	"github.com/tidemill/tidemill/internal/task"
)

// planGroup plans tasks, and the standbys of the members that can keep them, as many as the
// one wants that wants the most: during a change of the setting it does not matter who leads.
// If there are to be any, tasks move when their new owners have a copy: warm are those of
// the standbys that tasks wait for. logged says which tasks standbys can follow.
func planGroup(tasks []task.ID, logged func(task.ID) bool, members []member) (planned, standbys, warm map[string][]task.ID) {
	wanted := 0
	for _, m := range members {
		wanted = max(wanted, m.wanted)
	}
	planned = assign(tasks, members)
	if wanted > 0 {
		members = adopt(logged, planned, members)
		planned, warm = warmUp(logged, assign(tasks, members), members)
	}
	followed := slices.DeleteFunc(slices.Clone(tasks), func(t task.ID) bool { return !logged(t) })
	keepers := slices.DeleteFunc(slices.Clone(members), func(m member) bool { return !m.able })
	standbys = assignStandbys(wanted, followed, planned, keepers)
	for id, wait := range warm {
		for _, t := range wait {
			if !slices.Contains(standbys[id], t) {
				standbys[id] = append(standbys[id], t)
			}
		}
	}
	return planned, standbys, warm
}

// warmUp has tasks that are to move stay with their owners until who is to get them has a
// copy that is not far behind. It returns the plan with those tasks where they are now,
// and who is to build up a copy of which. planned is what assign returned.
//
// A member that has its copies asks for the next rebalance, in which assign gives it those
// tasks, or others that it has a copy of, if the members are the same.
func warmUp(logged func(task.ID) bool, planned map[string][]task.ID, members []member) (now, warm map[string][]task.ID) {
	members = byID(members)
	owner := owners(members)
	now, warm = make(map[string][]task.ID, len(planned)), make(map[string][]task.ID)
	for id := range planned {
		now[id] = nil
	}
	for _, m := range members {
		for _, t := range planned[m.id] {
			o, owned := owner[t]
			if !owned || members[o].id == m.id || !m.able || !logged(t) || m.near(t) {
				now[m.id] = append(now[m.id], t)
				continue
			}
			now[members[o].id] = append(now[members[o].id], t)
			warm[m.id] = append(warm[m.id], t)
		}
	}
	for _, list := range now {
		slices.SortFunc(list, task.ID.Compare)
	}
	return now, warm
}

// adopt has tasks that nobody has go on at once with members whose copies are not far
// behind: with those that the plan gives them to, or with others, even if these have enough
// to do. It returns the members as if they had them already, so that the tasks stay there
// until their new owners have copies too.
func adopt(logged func(task.ID) bool, planned map[string][]task.ID, members []member) []member {
	members = byID(members)
	owner := owners(members)
	for i := range members {
		for _, t := range planned[members[i].id] {
			if _, owned := owner[t]; owned || !logged(t) {
				continue
			}
			keeper := i
			if !members[i].near(t) {
				keeper = leastNear(members, t)
			}
			if keeper >= 0 {
				members[keeper].owned = append(slices.Clip(members[keeper].owned), t)
			}
		}
	}
	return members
}

// leastNear is the member with the fewest tasks of those that have a copy of a task that is
// not far behind, or -1.
func leastNear(members []member, t task.ID) int {
	best := -1
	for i, m := range members {
		if m.near(t) && (best < 0 || len(m.owned) < len(members[best].owned)) {
			best = i
		}
	}
	return best
}

// near says whether a member has a copy of a task that is not far behind.
func (m member) near(t task.ID) bool {
	return slices.ContainsFunc(m.standbys, func(h held) bool { return h.task == t && !h.far() })
}
