package runtime

import (
	"bufio"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tidemill/tidemill/internal/task"
)

var rewriteAssign = flag.Bool("rewrite", false, "rewrite the transcripts under testdata")

// grid returns the tasks of subtopologies with these partition counts.
func grid(partitions ...int) []task.ID {
	var out []task.ID
	for s, n := range partitions {
		for p := range n {
			out = append(out, task.ID{Subtopology: s, Partition: int32(p)})
		}
	}
	return out
}

func TestAssignResolvesClaims(t *testing.T) {
	x, y := task.ID{Partition: 0}, task.ID{Partition: 1}
	for _, row := range []struct {
		name    string
		members []member
		want    map[string][]task.ID
	}{
		{"nobody is there", nil, map[string][]task.ID{}},
		{"the newer generation wins",
			[]member{{id: "a", owned: []task.ID{x, y}, generation: 4}, {id: "b", owned: []task.ID{x}, generation: 5}},
			map[string][]task.ID{"a": {y}, "b": {x}}},
		{"the lower id wins within a generation",
			[]member{{id: "b", owned: []task.ID{x}, generation: 5}, {id: "a", owned: []task.ID{x}, generation: 5}},
			map[string][]task.ID{"a": {x}, "b": {y}}},
		{"an old claim that nobody contests holds",
			[]member{{id: "b", owned: []task.ID{y}, generation: -1}, {id: "a", generation: 5}},
			map[string][]task.ID{"a": {x}, "b": {y}}},
		{"a task that is gone is forgotten",
			[]member{{id: "a", owned: []task.ID{{Subtopology: 9}, y}, generation: 1}, {id: "b", generation: 1}},
			map[string][]task.ID{"a": {y}, "b": {x}}},
		{"more members than tasks",
			[]member{{id: "a", generation: 0}, {id: "b", owned: []task.ID{x, y}, generation: 0}, {id: "c", generation: 0}},
			map[string][]task.ID{"a": {y}, "b": {x}, "c": nil}},
	} {
		t.Run(row.name, func(t *testing.T) {
			got := assign([]task.ID{x, y}, row.members)
			if fmt.Sprint(got) != fmt.Sprint(row.want) {
				t.Errorf("got  %v\nwant %v", got, row.want)
			}
		})
	}
}

// A transcript is a list of commands, each followed by the assignment that it
// leads to: "tasks 4 2" for subtopologies with 4 and 2 partitions, "join a b",
// "leave a", "claim a 0_1" for a claim that contradicts the last assignment.
func TestAssignTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/assign/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("transcripts: %v, %v", files, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			old, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := replayAssign(t, string(old))
			if *rewriteAssign {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if got != string(old) {
				t.Errorf("got:\n%s\nwant:\n%s", got, old)
			}
		})
	}
}

func replayAssign(t *testing.T, script string) string {
	t.Helper()
	var out strings.Builder
	g := &groupSim{}
	for lines := bufio.NewScanner(strings.NewReader(script)); lines.Scan(); {
		line := lines.Text()
		words := strings.Fields(line)
		if strings.HasPrefix(line, " ") {
			continue
		}
		fmt.Fprintln(&out, line)
		if len(words) == 0 || words[0] == "#" {
			continue
		}
		if err := g.command(words); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		moved := g.rebalance()
		for _, m := range g.members {
			fmt.Fprintf(&out, "  %s %v\n", m.id, m.owned)
		}
		fmt.Fprintf(&out, "  moved %d\n", moved)
	}
	return out.String()
}

// groupSim is a group whose members claim what the last assignment gave them.
type groupSim struct {
	tasks   []task.ID
	members []member
}

func (g *groupSim) command(words []string) error {
	switch words[0] {
	case "tasks":
		var counts []int
		for _, w := range words[1:] {
			n, err := strconv.Atoi(w)
			if err != nil {
				return err
			}
			counts = append(counts, n)
		}
		g.tasks = grid(counts...)
	case "join":
		for _, w := range words[1:] {
			g.members = append(g.members, member{id: w})
		}
	case "leave":
		g.members = slices.DeleteFunc(g.members, func(m member) bool { return slices.Contains(words[1:], m.id) })
	case "claim":
		var id task.ID
		if _, err := fmt.Sscanf(words[2], "%d_%d", &id.Subtopology, &id.Partition); err != nil {
			return err
		}
		i := slices.IndexFunc(g.members, func(m member) bool { return m.id == words[1] })
		g.members[i].owned = append(g.members[i].owned, id)
		g.members[i].generation++
	default:
		return fmt.Errorf("unknown command %q", words[0])
	}
	return nil
}

// rebalance assigns and returns how many tasks have got a new owner.
func (g *groupSim) rebalance() int {
	moved := 0
	got := assign(g.tasks, g.members)
	for i := range g.members {
		m := &g.members[i]
		for _, id := range got[m.id] {
			if !slices.Contains(m.owned, id) {
				moved++
			}
		}
		m.owned = got[m.id]
	}
	return moved
}

// spread is by how much the members' counts of one subtopology differ at most,
// or of all tasks for subtopology -1.
func spread(got map[string][]task.ID, subtopology int) int {
	low, high := 1<<30, 0
	for _, tasks := range got {
		n := 0
		for _, id := range tasks {
			if subtopology < 0 || id.Subtopology == subtopology {
				n++
			}
		}
		low, high = min(low, n), max(high, n)
	}
	return high - low
}

func checkComplete(t *testing.T, g *groupSim) {
	t.Helper()
	got := make(map[string][]task.ID)
	var all []task.ID
	for _, m := range g.members {
		got[m.id] = m.owned
		all = append(all, m.owned...)
	}
	slices.SortFunc(all, task.ID.Compare)
	if !reflect.DeepEqual(all, g.tasks) {
		t.Fatalf("assigned %v, have %v", all, g.tasks)
	}
	if n := spread(got, -1); n > 1 {
		t.Fatalf("task counts differ by %d: %v", n, got)
	}
}

// seeded returns a source of randomness and logs its seed for the reader of a
// failure.
func seeded(t *testing.T) *rand.Rand {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

func randomTasks(r *rand.Rand) []task.ID {
	var partitions []int
	for range 1 + r.IntN(6) {
		partitions = append(partitions, 1+r.IntN(24))
	}
	return grid(partitions...)
}

func TestAssignIsStickyAndBalancedThroughJoinsAndLeaves(t *testing.T) {
	r := seeded(t)
	for range 300 {
		g := &groupSim{tasks: randomTasks(r)}
		for step := range 25 {
			var left []task.ID
			if n := len(g.members); n < 2 || r.IntN(2) == 0 {
				g.members = append(g.members, member{id: strconv.Itoa(step)})
			} else {
				i := r.IntN(n)
				left = g.members[i].owned
				g.members = slices.Delete(g.members, i, i+1)
			}
			limit := len(left)
			if left == nil && len(g.members) > 1 {
				limit = (len(g.tasks) + len(g.members) - 1) / len(g.members)
			}
			moved := g.rebalance()
			if step > 0 && moved > limit {
				t.Fatalf("step %d: %d tasks moved, at most %d had to", step, moved, limit)
			}
			checkComplete(t, g)
		}
	}
}

func TestAssignSpreadsEachSubtopologyOfANewGroup(t *testing.T) {
	r := seeded(t)
	for range 300 {
		tasks := randomTasks(r)
		var members []member
		for i := range 1 + r.IntN(12) {
			members = append(members, member{id: strconv.Itoa(i)})
		}
		got := assign(tasks, members)
		for s := range 6 {
			if n := spread(got, s); n > 1 {
				t.Fatalf("subtopology %d is spread by %d: %v", s, n, got)
			}
		}
	}
}

// A rolling restart is where a careless choice of tasks would add up.
func TestAssignKeepsSubtopologiesSpreadThroughRollingRestarts(t *testing.T) {
	g := &groupSim{tasks: grid(24, 12, 16, 8)}
	for i := range 8 {
		g.members = append(g.members, member{id: strconv.Itoa(i)})
	}
	g.rebalance()
	for i := range 200 {
		g.members = slices.Delete(g.members, 0, 1)
		g.rebalance()
		g.members = append(g.members, member{id: strconv.Itoa(i + 8)})
		g.rebalance()
		checkComplete(t, g)
		got := make(map[string][]task.ID)
		for _, m := range g.members {
			got[m.id] = m.owned
		}
		for s := range 4 {
			if n := spread(got, s); n > 3 {
				t.Fatalf("restart %d: subtopology %d is spread by %d: %v", i, s, n, got)
			}
		}
	}
}

func TestAssignDoesNotDependOnTheOrderOfItsInput(t *testing.T) {
	r := seeded(t)
	for range 200 {
		tasks := randomTasks(r)
		var members []member
		for i := range 1 + r.IntN(9) {
			m := member{id: strconv.Itoa(i), generation: int32(r.IntN(3))}
			for _, id := range tasks {
				if r.IntN(4) == 0 {
					m.owned = append(m.owned, id)
				}
			}
			members = append(members, m)
		}
		want := assign(tasks, members)
		r.Shuffle(len(tasks), func(i, j int) { tasks[i], tasks[j] = tasks[j], tasks[i] })
		r.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
		for _, m := range members {
			r.Shuffle(len(m.owned), func(i, j int) { m.owned[i], m.owned[j] = m.owned[j], m.owned[i] })
		}
		if got := assign(tasks, members); !reflect.DeepEqual(got, want) {
			t.Fatalf("got  %v\nwant %v", got, want)
		}
	}
}

func TestAssignManyMembersAndTasks(t *testing.T) {
	g := &groupSim{tasks: grid(2000, 2000, 2000, 2000, 1000, 1000)}
	for i := range 1000 {
		g.members = append(g.members, member{id: fmt.Sprintf("worker-%04d", i)})
	}
	for _, step := range []struct {
		name   string
		change func()
	}{
		{"a new group", func() {}},
		{"nothing changed", func() {}},
		{"a tenth leaves", func() { g.members = slices.Delete(g.members, 300, 400) }},
		{"one takes over from all", func() { g.members = g.members[:1] }},
		{"a thousand join one", func() {
			for i := range 1000 {
				g.members = append(g.members, member{id: fmt.Sprintf("new-%04d", i)})
			}
		}},
	} {
		step.change()
		start := time.Now()
		assign(g.tasks, g.members)
		t.Logf("%s: %v", step.name, time.Since(start))
		g.rebalance()
		checkComplete(t, g)
	}
	if ids := slices.Collect(maps.Keys(assign(g.tasks, g.members))); len(ids) != len(g.members) {
		t.Errorf("%d of %d members are in the result", len(ids), len(g.members))
	}
}
