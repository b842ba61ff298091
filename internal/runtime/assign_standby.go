package runtime

import (
	"cmp"
	"slices"

	"github.com/tidemill/tidemill/internal/task"
)

// held is a standby that a member keeps: a task whose stores it follows, and how many
// changelog records it was behind when it told so.
type held struct {
	task task.ID
	lag  int64
}

// unknownLag is that of a standby that has just begun.
const unknownLag = 1 << 62

// nearLag is up to how far behind standbys count as equal where a task has to go.
const nearLag = 10_000

// far says whether a standby is so far behind that another one is better.
func (h held) far() bool { return h.lag > nearLag }

// promote gives free tasks to members that keep a standby of them and have room, and
// returns the others. Those with the fewest standbys choose first.
func (a *assignment) promote(free []task.ID, members []member) []task.ID {
	shares := make(map[string]*share, len(a.shares))
	for _, m := range a.shares {
		shares[m.id] = m
	}
	type keeper struct {
		of  *share
		far bool
	}
	keepers := make(map[task.ID][]keeper)
	for _, m := range byID(members) {
		for _, h := range m.standbys {
			keepers[h.task] = append(keepers[h.task], keeper{shares[m.id], h.far()})
		}
	}
	byNeed := slices.Clone(free)
	slices.SortStableFunc(byNeed, func(x, y task.ID) int { return cmp.Compare(len(keepers[x]), len(keepers[y])) })
	placed := make(map[task.ID]bool)
	for _, t := range byNeed {
		best := keeper{}
		for _, k := range keepers[t] {
			if a.room(k.of) && (best.of == nil || best.far && !k.far || best.far == k.far && len(k.of.tasks) < len(best.of.tasks)) {
				best = k
			}
		}
		if best.of != nil {
			a.add(best.of, t)
			placed[t] = true
		}
	}
	return slices.DeleteFunc(free, func(t task.ID) bool { return placed[t] })
}

// assignStandbys distributes n standbys of each task over members. Like assign it is a
// pure function that does not depend on the order of its input. planned is what
// assign returned; members without standbys may be left out of members.
//
// What it promises, the first most: no member has a standby of a task that is planned
// for it, nor two of one task; each task has n standbys, or as many as there are other
// members; members' counts of standbys differ by at most one; a standby stays where
// one is kept, or where the task itself has just been, unless that is against the
// above; and the standbys of the tasks of one member are spread over the others.
func assignStandbys(n int, tasks []task.ID, planned map[string][]task.ID, members []member) map[string][]task.ID {
	p := newStandbyPlan(planned, members)
	tasks = slices.SortedFunc(slices.Values(tasks), task.ID.Compare)
	tasks = slices.Compact(tasks)
	if n > 0 && len(members) > 0 {
		p.keep(n, tasks, members)
		p.fill(n, tasks)
		for p.even() {
		}
	}
	out := make(map[string][]task.ID, len(members))
	for _, m := range p.members {
		out[m.id] = slices.SortedFunc(slices.Values(m.list), task.ID.Compare)
	}
	return out
}

// standbyPlan is the state of one run of assignStandbys.
type standbyPlan struct {
	members []*standbyShare
	// owner is the number of a task's owner among the members, copies how many
	// standbys it has.
	owner  map[task.ID]int
	copies map[task.ID]int
}

// standbyShare is what one member has so far.
type standbyShare struct {
	id     string
	number int
	active int
	has    map[task.ID]bool
	list   []task.ID
	// of counts the standbys by the owner of their task.
	of map[int]int
}

func newStandbyPlan(planned map[string][]task.ID, members []member) *standbyPlan {
	p := &standbyPlan{owner: make(map[task.ID]int), copies: make(map[task.ID]int)}
	ids := make([]string, 0, len(members))
	for _, m := range members {
		ids = append(ids, m.id)
	}
	slices.Sort(ids)
	for i, id := range ids {
		for _, t := range planned[id] {
			p.owner[t] = i
		}
		p.members = append(p.members, &standbyShare{id: id, number: i, active: len(planned[id]), has: make(map[task.ID]bool), of: make(map[int]int)})
	}
	return p
}

// may says whether a member may have a standby of a task.
func (p *standbyPlan) may(m *standbyShare, t task.ID) bool {
	owner, owned := p.owner[t]
	return !m.has[t] && (!owned || owner != m.number)
}

func (p *standbyPlan) give(m *standbyShare, t task.ID) {
	m.has[t] = true
	m.list = append(m.list, t)
	m.of[p.owner[t]]++
	p.copies[t]++
}

func (p *standbyPlan) take(m *standbyShare, t task.ID) {
	delete(m.has, t)
	i := slices.Index(m.list, t)
	m.list = append(m.list[:i], m.list[i+1:]...)
	m.of[p.owner[t]]--
	p.copies[t]--
}

// keep leaves standbys where they are, up to n of each task. Who owned a task until
// now has all of it.
func (p *standbyPlan) keep(n int, tasks []task.ID, members []member) {
	wanted := make(map[task.ID]bool, len(tasks))
	for _, t := range tasks {
		wanted[t] = true
	}
	type kept struct {
		held
		by *standbyShare
	}
	var all []kept
	members = byID(members)
	for i, m := range members {
		for _, t := range m.owned {
			all = append(all, kept{held{task: t}, p.members[i]})
		}
		for _, h := range m.standbys {
			all = append(all, kept{h, p.members[i]})
		}
	}
	slices.SortStableFunc(all, func(x, y kept) int {
		return cmp.Or(x.task.Compare(y.task), cmp.Compare(x.lag, y.lag), cmp.Compare(x.by.number, y.by.number))
	})
	for _, k := range all {
		if wanted[k.task] && p.copies[k.task] < n && p.may(k.by, k.task) {
			p.give(k.by, k.task)
		}
	}
}

// fill gives standbys that are missing to the members with the fewest.
func (p *standbyPlan) fill(n int, tasks []task.ID) {
	for _, t := range tasks {
		for p.copies[t] < n {
			var best *standbyShare
			for _, m := range p.members {
				if p.may(m, t) && (best == nil || p.prefer(m, best, t)) {
					best = m
				}
			}
			if best == nil {
				break
			}
			p.give(best, t)
		}
	}
}

func (p *standbyPlan) prefer(x, y *standbyShare, t task.ID) bool {
	of := p.owner[t]
	return cmp.Or(cmp.Compare(len(x.list), len(y.list)), cmp.Compare(x.of[of], y.of[of]), cmp.Compare(x.active, y.active)) < 0
}

// even moves standbys so that a member with many has one less and one with two less
// than that has one more. It reports whether there was anything to move.
func (p *standbyPlan) even() bool {
	byLoad := slices.Clone(p.members)
	slices.SortStableFunc(byLoad, func(x, y *standbyShare) int {
		return cmp.Or(cmp.Compare(len(x.list), len(y.list)), cmp.Compare(x.active, y.active))
	})
	least := len(byLoad[0].list)
	stuck := make(map[int]bool)
	for i := len(byLoad) - 1; i >= 0 && len(byLoad[i].list) >= least+2; i-- {
		if p.relieve(byLoad[i], byLoad, stuck) {
			return true
		}
	}
	return false
}

// relieve finds the shortest way over members by which one with many standbys gets rid
// of one. stuck are members from which there is none.
func (p *standbyPlan) relieve(from *standbyShare, byLoad []*standbyShare, stuck map[int]bool) bool {
	type step struct {
		at   *standbyShare
		back int
	}
	if stuck[from.number] {
		return false
	}
	stuck[from.number] = true
	way := []step{{from, -1}}
	for i := 0; i < len(way); i++ {
		for _, to := range byLoad {
			if stuck[to.number] {
				continue
			}
			if _, movable := p.movable(way[i].at, to); !movable {
				continue
			}
			stuck[to.number] = true
			way = append(way, step{to, i})
			if len(to.list) > len(from.list)-2 {
				continue
			}
			for at := len(way) - 1; way[at].back >= 0; at = way[at].back {
				giver := way[way[at].back].at
				t, _ := p.movable(giver, way[at].at)
				p.take(giver, t)
				p.give(way[at].at, t)
			}
			return true
		}
	}
	return false
}

// movable is the standby that goes best from one member to another: one of an owner of
// whom the first has many and the second few.
func (p *standbyPlan) movable(from, to *standbyShare) (best task.ID, ok bool) {
	score := 0
	for _, t := range from.list {
		if !p.may(to, t) {
			continue
		}
		of := p.owner[t]
		gain := from.of[of] - to.of[of]
		if !ok || gain > score || gain == score && t.Compare(best) < 0 {
			best, score, ok = t, gain, true
		}
	}
	return best, ok
}
