package runtime

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/tidemill/tidemill/internal/task"
)

var joinedTopics = []subtopologyTopics{{id: 0, topics: []string{"a", "b"}, copartitioned: [][]string{{"a", "b"}}}}

func TestLayOut(t *testing.T) {
	mixed := []subtopologyTopics{
		{id: 0, topics: []string{"a", "b"}},
		{id: 2, topics: []string{"c"}, patterns: []*regexp.Regexp{regexp.MustCompile(`^x\.`), regexp.MustCompile("^a$")}},
	}
	for _, row := range []struct {
		name   string
		subs   []subtopologyTopics
		counts map[string]int32
		want   string
	}{
		{"a task owns what its topics have", mixed, map[string]int32{"a": 1, "b": 2, "c": 1, "x.1": 1, "x.2": 2, "other": 7},
			"0_0:[a-0 b-0] 0_1:[b-1] 2_0:[c-0 x.1-0 x.2-0] 2_1:[x.2-1]"},
		{"a subtopology waits for all of its topics", mixed, map[string]int32{"a": 1, "c": 1}, "2_0:[c-0]"},
		{"a topic without partitions does not exist", mixed, map[string]int32{"a": 1, "b": 0, "c": 1}, "2_0:[c-0]"},
		{"equal counts are co-partitioned", joinedTopics, map[string]int32{"a": 1, "b": 1}, "0_0:[a-0 b-0]"},
		{"different counts are not", joinedTopics, map[string]int32{"a": 2, "b": 4},
			`topics that are joined need the same number of partitions: subtopology 0: "a" has 2, "b" has 4; ` +
				`recreate one of them, or repartition the stream`},
	} {
		t.Run(row.name, func(t *testing.T) {
			layout, err := layOut(row.subs, row.counts)
			got := ""
			if err != nil {
				got = err.Error()
			}
			for i, id := range slices.SortedFunc(maps.Keys(layout), task.ID.Compare) {
				var names []string
				for _, tp := range layout[id] {
					names = append(names, fmt.Sprintf("%s-%d", tp.topic, tp.partition))
				}
				slices.Sort(names)
				got += strings.Repeat(" ", min(i, 1)) + fmt.Sprintf("%v:%v", id, names)
			}
			if got != row.want {
				t.Errorf("got  %s\nwant %s", got, row.want)
			}
		})
	}
}

// joiner is a member as the leader sees it in the response to its JoinGroup.
func joiner(b *balancer, id, instance string, generation int32, owned map[string][]int32) kmsg.JoinGroupResponseMember {
	m := kmsg.NewJoinGroupResponseMember()
	m.MemberID = id
	if instance != "" {
		m.InstanceID = &instance
	}
	m.ProtocolMetadata = b.JoinGroupMetadata([]string{"a", "b"}, owned, generation)
	return m
}

func planOf(t *testing.T, b *balancer, counts map[string]int32, members ...kmsg.JoinGroupResponseMember) map[string]map[string][]int32 {
	t.Helper()
	mb, topics, err := b.MemberBalancer(members)
	if err != nil {
		t.Fatal(err)
	}
	if want := map[string]struct{}{"a": {}, "b": {}}; !maps.Equal(topics, want) {
		t.Fatalf("topics %v", topics)
	}
	into, err := mb.(kgo.GroupMemberBalancerOrError).BalanceOrError(counts)
	if err != nil {
		t.Fatal(err)
	}
	out := make(map[string]map[string][]int32)
	for _, one := range into.IntoSyncAssignment() {
		if out[one.MemberID], err = b.ParseSyncAssignment(one.MemberAssignment); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func TestBalancerMovesATaskOnlyAfterItsOwnerGaveItUp(t *testing.T) {
	b := newBalancer(joinedTopics, "")
	counts := map[string]int32{"a": 2, "b": 2}
	all := map[string][]int32{"a": {0, 1}, "b": {0, 1}}
	half := map[string][]int32{"a": {0}, "b": {0}}
	other := map[string][]int32{"a": {1}, "b": {1}}

	got := planOf(t, b, counts, joiner(b, "m1", "", 3, all), joiner(b, "m2", "", -1, nil))
	if fmt.Sprint(got) != fmt.Sprint(map[string]any{"m1": half, "m2": map[string]any{}}) {
		t.Errorf("before the revocation: %v", got)
	}
	got = planOf(t, b, counts, joiner(b, "m1", "", 4, half), joiner(b, "m2", "", 4, nil))
	if fmt.Sprint(got) != fmt.Sprint(map[string]any{"m1": half, "m2": other}) {
		t.Errorf("after the revocation: %v", got)
	}
}

func TestBalancerNeverSplitsATask(t *testing.T) {
	b := newBalancer(joinedTopics, "")
	counts := map[string]int32{"a": 1, "b": 1}
	// m2 owns half of the task and may get the other half only when m1 is done.
	got := planOf(t, b, counts,
		joiner(b, "m1", "", 3, map[string][]int32{"a": {0}}),
		joiner(b, "m2", "", 3, map[string][]int32{"b": {0}}))
	if fmt.Sprint(got) != "map[m1:map[] m2:map[]]" {
		t.Errorf("plan %v", got)
	}
}

func TestBalancerIgnoresAStaleClaim(t *testing.T) {
	b := newBalancer(joinedTopics, "")
	counts := map[string]int32{"a": 1, "b": 1}
	both := map[string][]int32{"a": {0}, "b": {0}}
	got := planOf(t, b, counts, joiner(b, "m1", "", 2, both), joiner(b, "m2", "", 3, both))
	if fmt.Sprint(got) != fmt.Sprint(map[string]any{"m1": map[string]any{}, "m2": both}) {
		t.Errorf("plan %v", got)
	}
}

func TestBalancerGivesRestartedStaticMembersTheirTasksBack(t *testing.T) {
	b := newBalancer(joinedTopics, "")
	counts := map[string]int32{"a": 3, "b": 3}
	tasks := func(p int32) map[string][]int32 { return map[string][]int32{"a": {p}, "b": {p}} }
	first := planOf(t, b, counts, joiner(b, "m1", "x", 3, tasks(2)), joiner(b, "m2", "y", 3, tasks(0)), joiner(b, "m3", "z", 3, tasks(1)))
	again := planOf(t, b, counts, joiner(b, "m4", "x", -1, nil), joiner(b, "m5", "y", -1, nil), joiner(b, "m3", "z", 3, tasks(1)))
	want := map[string]map[string][]int32{"m4": first["m1"], "m5": first["m2"], "m3": first["m3"]}
	if fmt.Sprint(again) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", again, want)
	}
}

func TestBalancerReportsWhatIsNotCopartitioned(t *testing.T) {
	b := newBalancer(joinedTopics, "")
	mb, _, err := b.MemberBalancer([]kmsg.JoinGroupResponseMember{joiner(b, "m1", "", -1, nil)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err = mb.(kgo.GroupMemberBalancerOrError).BalanceOrError(map[string]int32{"a": 1, "b": 2}); err == nil ||
		!strings.Contains(err.Error(), `"a" has 1, "b" has 2`) {
		t.Errorf("error %v", err)
	}
}

// ledger records who owns which partition, across the members of a group, and
// whether two ever did at once.
type ledger struct {
	mu      sync.Mutex
	owner   map[topicPartition]string
	faults  []string
	changed chan struct{}
}

func newLedger() *ledger {
	return &ledger{owner: make(map[topicPartition]string), changed: make(chan struct{}, 1)}
}

func (l *ledger) update(name string, parts map[string][]int32, owns bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for topic, ps := range parts {
		for _, p := range ps {
			tp := topicPartition{topic, p}
			if other := l.owner[tp]; owns && other != "" {
				l.faults = append(l.faults, fmt.Sprintf("%v: %s got it while %s had it", tp, name, other))
			}
			if owns {
				l.owner[tp] = name
			} else if l.owner[tp] == name {
				delete(l.owner, tp)
			}
		}
	}
	l.notify()
}

func (l *ledger) notify() {
	select {
	case l.changed <- struct{}{}:
	default:
	}
}

// forget drops everything a dead member had.
func (l *ledger) forget(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	maps.DeleteFunc(l.owner, func(_ topicPartition, owner string) bool { return owner == name })
	l.notify()
}

// settle waits until every partition has an owner, no task is split, and the
// numbers of tasks of the members differ by at most one.
func (l *ledger) settle(t *testing.T, partitions int32, members ...string) map[int32]string {
	t.Helper()
	deadline := time.After(time.Minute)
	for {
		if owners := l.balanced(partitions, members); owners != nil {
			return owners
		}
		select {
		case <-l.changed:
		case <-deadline:
			l.mu.Lock()
			defer l.mu.Unlock()
			t.Fatalf("not settled over %v: %v", members, l.owner)
		}
	}
}

func (l *ledger) balanced(partitions int32, members []string) map[int32]string {
	l.mu.Lock()
	defer l.mu.Unlock()
	owners, count := make(map[int32]string), make(map[string]int)
	for p := range partitions {
		owner := l.owner[topicPartition{"a", p}]
		if owner == "" || owner != l.owner[topicPartition{"b", p}] {
			return nil
		}
		owners[p] = owner
		count[owner]++
	}
	for _, m := range members {
		if n := count[m]; n < int(partitions)/len(members) {
			return nil
		}
	}
	if len(count) != len(members) {
		return nil
	}
	return owners
}

// groupWorker is one member whose connections can be cut.
type groupWorker struct {
	*kgo.Client
	mu    sync.Mutex
	dead  bool
	conns []net.Conn
}

func (w *groupWorker) dial(ctx context.Context, network, host string) (net.Conn, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, network, host)
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil || w.dead {
		return nil, errors.Join(err, net.ErrClosed)
	}
	w.conns = append(w.conns, conn)
	return conn, nil
}

// crash cuts all connections for good; the group finds out by its own means.
func (w *groupWorker) crash() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.dead = true
	for _, c := range w.conns {
		_ = c.Close()
	}
}

func startGroupWorker(t *testing.T, c *kfake.Cluster, l *ledger, name string, opts ...kgo.Opt) *groupWorker {
	t.Helper()
	w := &groupWorker{}
	alive := func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return !w.dead
	}
	on := func(owns bool) func(context.Context, *kgo.Client, map[string][]int32) {
		return func(_ context.Context, _ *kgo.Client, parts map[string][]int32) {
			if alive() {
				l.update(name, parts, owns)
			}
		}
	}
	cl, err := kgo.NewClient(append(opts, kgo.SeedBrokers(c.ListenAddrs()...), kgo.Dialer(w.dial), kgo.ConsumerGroup("g"),
		kgo.ConsumeTopics("a", "b"), kgo.Balancers(newBalancer(joinedTopics, "")),
		kgo.SessionTimeout(time.Second), kgo.HeartbeatInterval(100*time.Millisecond), kgo.RebalanceTimeout(5*time.Second), kgo.RetryTimeout(time.Second),
		kgo.OnPartitionsAssigned(on(true)), kgo.OnPartitionsRevoked(on(false)), kgo.OnPartitionsLost(on(false)))...)
	if err != nil {
		t.Fatal(err)
	}
	w.Client = cl
	t.Cleanup(cl.Close)
	return w
}

func newGroupCluster(t *testing.T, partitions int32) *kfake.Cluster {
	t.Helper()
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(partitions, "a", "b"),
		kfake.GroupMinSessionTimeout(100*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// lostTasks counts the tasks that a member had and no longer has.
func lostTasks(before, after map[int32]string, member string) int {
	n := 0
	for p, owner := range before {
		if owner == member && after[p] != member {
			n++
		}
	}
	return n
}

func TestBalancerInAGroupThatMembersJoinLeaveAndCrashIn(t *testing.T) {
	const partitions = 7
	c := newGroupCluster(t, partitions)
	l := newLedger()
	startGroupWorker(t, c, l, "w1")
	l.settle(t, partitions, "w1")
	w2 := startGroupWorker(t, c, l, "w2")
	two := l.settle(t, partitions, "w1", "w2")
	w3 := startGroupWorker(t, c, l, "w3")
	three := l.settle(t, partitions, "w1", "w2", "w3")
	if n := lostTasks(two, three, "w1") + lostTasks(two, three, "w2"); n > 3 {
		t.Errorf("%d tasks moved when one joinedTopics: %v, then %v", n, two, three)
	}
	w2.Close()
	left := l.settle(t, partitions, "w1", "w3")
	if lostTasks(three, left, "w1")+lostTasks(three, left, "w3") > 0 {
		t.Errorf("tasks of others moved when one left: %v, then %v", three, left)
	}
	w3.crash()
	l.forget("w3")
	crashed := l.settle(t, partitions, "w1")
	if lostTasks(left, crashed, "w1") > 0 {
		t.Errorf("tasks of the survivor moved: %v, then %v", left, crashed)
	}
	if len(l.faults) > 0 {
		t.Errorf("owned twice: %v", l.faults)
	}
}

func TestBalancerRestartOfStaticMembersKeepsTheirTasks(t *testing.T) {
	const partitions = 6
	c := newGroupCluster(t, partitions)
	l := newLedger()
	names := []string{"x", "y", "z"}
	workers := make(map[string]*groupWorker)
	for i, name := range names {
		workers[name] = startGroupWorker(t, c, l, name, kgo.InstanceID(name))
		l.settle(t, partitions, names[:i+1]...)
	}
	before := l.settle(t, partitions, names...)
	// x is the leader, y is not; a static member does not leave the group when
	// its client closes.
	for _, name := range []string{"y", "x"} {
		workers[name].Close()
		l.forget(name)
		startGroupWorker(t, c, l, name, kgo.InstanceID(name))
		if after := l.settle(t, partitions, names...); !maps.Equal(before, after) {
			t.Errorf("restart of %s: %v, then %v", name, before, after)
		}
	}
	if len(l.faults) > 0 {
		t.Errorf("owned twice: %v", l.faults)
	}
}
