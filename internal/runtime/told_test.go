package runtime

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/tidemill/tidemill/internal/task"
)

var loggedTopics = []subtopologyTopics{{id: 0, topics: []string{"a", "b"}, logged: true}}

// keeper is the balancer of a member that wants n standbys and keeps these.
func keeper(n int, keeps ...held) *balancer {
	b := newBalancer(loggedTopics, "host:1")
	b.told = func() told { return told{wanted: n, held: keeps} }
	return b
}

// earlier is the balancer of a member of a version that knows no standbys: what it tells
// is what the protocol knows and no more.
func earlier() *balancer { return newBalancer(loggedTopics, "host:2") }

func TestWhatIsToldOfStandbysComesBack(t *testing.T) {
	r := seeded(t)
	for range 200 {
		want := told{wanted: r.IntN(4)}
		for range r.IntN(5) {
			want.held = append(want.held, held{task.ID{Subtopology: r.IntN(300), Partition: int32(r.IntN(3000))}, r.Int64N(unknownLag + 1)})
		}
		b := keeper(want.wanted, want.held...)
		if r.IntN(2) == 0 {
			b.rack = "rack"
		}
		data := b.JoinGroupMetadata([]string{"a", "b"}, map[string][]int32{"a": {1}}, 7)
		var meta kmsg.ConsumerMemberMetadata
		if err := meta.ReadFrom(data); err != nil {
			t.Fatal(err)
		}
		if got, ok := toldBy(&meta, data); !ok || !reflect.DeepEqual(got, want) {
			t.Fatalf("got %+v, %v, want %+v", got, ok, want)
		}
		if got, ok := toldBy(&meta, append(data, "what a later version adds"...)); !ok || !reflect.DeepEqual(got, want) {
			t.Fatalf("with more behind it: got %+v, %v", got, ok)
		}
		var tasks []task.ID
		for _, h := range want.held {
			tasks = append(tasks, h.task)
		}
		if got, _ := decodeStandbys(append(encodeStandbys(tasks, nil), "more"[:min(4, 4*len(tasks))]...)); !slices.Equal(got, tasks) {
			t.Fatalf("standbys %v came back as %v", tasks, got)
		}
	}
}

// A member of an earlier version reads the metadata as the protocol has it, and so do
// Kafka's tools.
func TestEarlierVersionsReadTheMetadataOfAMemberWithStandbys(t *testing.T) {
	owned := map[string][]int32{"a": {1}, "b": {0, 1}}
	data := keeper(2, held{task.ID{Partition: 3}, 5}).JoinGroupMetadata([]string{"a", "b"}, owned, 7)
	plain := newBalancer(loggedTopics, "host:1").JoinGroupMetadata([]string{"a", "b"}, owned, 7)
	if !bytes.HasPrefix(data, plain) || len(data) == len(plain) {
		t.Errorf("the metadata does not begin with what earlier versions write:\n%x\n%x", data, plain)
	}
	var meta kmsg.ConsumerMemberMetadata
	if err := meta.ReadFrom(data); err != nil {
		t.Fatal(err)
	}
	if got := decodeAddress(meta.UserData); got != "host:1" || meta.Generation != 7 || len(meta.OwnedPartitions) != 2 {
		t.Errorf("address %q, generation %d, owned %v", got, meta.Generation, meta.OwnedPartitions)
	}
	if _, ok := toldBy(&meta, plain); ok {
		t.Error("a member of an earlier version can keep standbys")
	}
}

// assignments are what a leader sends to each member.
func assignments(t *testing.T, leader *balancer, partitions int32, members ...kmsg.JoinGroupResponseMember) map[string][]byte {
	t.Helper()
	mb, _, err := leader.MemberBalancer(members)
	if err != nil {
		t.Fatal(err)
	}
	into, err := mb.(kgo.GroupMemberBalancerOrError).BalanceOrError(map[string]int32{"a": partitions, "b": partitions})
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]byte{}
	for _, one := range into.IntoSyncAssignment() {
		out[one.MemberID] = one.MemberAssignment
	}
	return out
}

// received is what a member makes of its assignment.
func received(t *testing.T, assignment []byte) (partitions map[string][]int32, standbys []task.ID) {
	t.Helper()
	b := keeper(0)
	b.keep = func(ids, _ []task.ID) { standbys = ids }
	partitions, err := b.ParseSyncAssignment(assignment)
	if err != nil {
		t.Fatal(err)
	}
	return partitions, standbys
}

func TestMembersAreToldWhichStandbysToKeep(t *testing.T) {
	got := assignments(t, keeper(0), 4, joiner(keeper(1), "m1", "", -1, nil), joiner(keeper(0), "m2", "", -1, nil))
	kept := map[task.ID]int{}
	for id, assignment := range got {
		partitions, standbys := received(t, assignment)
		if len(partitions["a"]) != 2 || len(standbys) != 2 {
			t.Errorf("%s is given %v and is to keep %v", id, partitions, standbys)
		}
		for _, one := range standbys {
			kept[one]++
			if slices.Contains(partitions["a"], one.Partition) {
				t.Errorf("%s is given task %s and is to keep a standby of it", id, one)
			}
		}
	}
	if len(kept) != 4 {
		t.Errorf("standbys of %v, want four tasks", kept)
	}
}

func TestMembersOfEarlierVersionsAreGivenTasksAndNoStandbys(t *testing.T) {
	members := []kmsg.JoinGroupResponseMember{joiner(keeper(1), "m1", "", -1, nil), joiner(earlier(), "m2", "", -1, nil), joiner(keeper(1), "m3", "", -1, nil)}
	got := assignments(t, keeper(1), 6, members...)
	for id, assignment := range got {
		partitions, standbys := received(t, assignment)
		if old := id == "m2"; len(partitions["a"]) != 2 || old && standbys != nil || !old && len(standbys) != 3 {
			t.Errorf("%s is given %v and is to keep %v", id, partitions, standbys)
		}
	}
	for i := range members { // as a leader of an earlier version sees them
		var meta kmsg.ConsumerMemberMetadata
		if err := meta.ReadFrom(members[i].ProtocolMetadata); err != nil {
			t.Fatal(err)
		}
		members[i].ProtocolMetadata = meta.AppendTo(nil)
	}
	before := assignments(t, earlier(), 6, members...)
	for id, assignment := range before {
		partitions, standbys := received(t, assignment)
		if len(partitions["a"]) != 2 || standbys != nil {
			t.Errorf("under a leader of an earlier version %s is given %v and is to keep %v", id, partitions, standbys)
		}
		if id == "m2" && !bytes.Equal(assignment, got[id]) {
			t.Errorf("a member of an earlier version is told\n%x\nwhere it was told\n%x", got[id], assignment)
		}
	}
}

func TestARestartedStaticMemberIsToldItsStandbysAgain(t *testing.T) {
	leader := keeper(1)
	first := assignments(t, leader, 6, joiner(keeper(1), "m1", "x", -1, nil), joiner(keeper(1), "m2", "y", -1, nil), joiner(keeper(1), "m3", "z", -1, nil))
	var members []kmsg.JoinGroupResponseMember
	for id, instance := range map[string]string{"m2": "y", "m3": "z"} {
		partitions, standbys := received(t, first[id])
		var keeps []held
		for _, one := range standbys {
			keeps = append(keeps, held{one, 0})
		}
		members = append(members, joiner(keeper(1, keeps...), id, instance, 3, partitions))
	}
	members = append(members, joiner(keeper(1), "m4", "x", -1, nil))
	again := assignments(t, leader, 6, members...)
	_, want := received(t, first["m1"])
	if _, got := received(t, again["m4"]); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("it is to keep %v, and kept %v before", got, want)
	}
}

func FuzzToldBy(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 10 {
		f.Add(keeper(r.IntN(3), held{task.ID{Partition: r.Int32N(100)}, r.Int64N(1 << 40)}).JoinGroupMetadata([]string{"a"}, nil, 1), encodeStandbys([]task.ID{{Partition: 3}}, []task.ID{{Partition: 3}}))
	}
	f.Fuzz(func(t *testing.T, metadata, assigned []byte) {
		var meta kmsg.ConsumerMemberMetadata
		if meta.ReadFrom(metadata) == nil {
			if got, _ := toldBy(&meta, metadata); got.wanted < 0 || len(got.held) > len(metadata) {
				t.Errorf("%d bytes tell %+v", len(metadata), got)
			}
		}
		if got, _ := decodeStandbys(assigned); len(got) > len(assigned) {
			t.Errorf("%d bytes are %d standbys", len(assigned), len(got))
		}
	})
}
