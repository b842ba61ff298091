package runtime

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/tidemill/tidemill/internal/task"
)

// subtopologyTopics says which topics feed a subtopology. Task (id, p) owns
// partition p of each of them that has more than p partitions, and there are as
// many tasks as the largest has partitions.
type subtopologyTopics struct {
	id       int
	topics   []string
	patterns []*regexp.Regexp
	// copartitioned are groups of topics that must have equally many partitions.
	copartitioned [][]string
	// logged says that there are stores with changelogs, which standbys can follow.
	logged bool
}

// topicPartition names one partition of one topic.
type topicPartition struct {
	topic     string
	partition int32
}

// subtopologyOf returns the id of the subtopology that reads the topic. A topic
// that is named exactly belongs there; otherwise the first pattern decides.
func subtopologyOf(subs []subtopologyTopics, topic string) (int, bool) {
	for _, s := range subs {
		if slices.Contains(s.topics, topic) {
			return s.id, true
		}
	}
	for _, s := range subs {
		for _, p := range s.patterns {
			if p.MatchString(topic) {
				return s.id, true
			}
		}
	}
	return 0, false
}

// layOut returns every task with its partitions, for topics with these numbers
// of partitions. A subtopology with a named topic that does not exist has no
// tasks yet. Every fault of co-partitioning is in the error.
func layOut(subs []subtopologyTopics, counts map[string]int32) (map[task.ID][]topicPartition, error) {
	out := make(map[task.ID][]topicPartition)
	var faults []string
	absent := make(map[int]bool)
	for _, s := range subs {
		absent[s.id] = slices.ContainsFunc(s.topics, func(t string) bool { return counts[t] <= 0 })
		for _, group := range s.copartitioned {
			if fault := copartitionFault(s.id, group, counts); fault != "" {
				faults = append(faults, fault)
			}
		}
	}
	if len(faults) > 0 {
		return nil, fmt.Errorf("%w: %s", errCopartitioning, strings.Join(faults, "; "))
	}
	for topic, n := range counts {
		id, reads := subtopologyOf(subs, topic)
		if !reads || absent[id] {
			continue
		}
		for p := range n {
			t := task.ID{Subtopology: id, Partition: p}
			out[t] = append(out[t], topicPartition{topic, p})
		}
	}
	return out, nil
}

// errCopartitioning is what the faults of a layout have in common.
var errCopartitioning = errors.New("topics that are joined need the same number of partitions")

// copartitionFault describes how the topics of a group differ, or is empty.
// Topics that do not exist yet are left out.
func copartitionFault(subtopology int, group []string, counts map[string]int32) string {
	var described []string
	var first int32
	differ := false
	for _, topic := range slices.Sorted(slices.Values(group)) {
		n := counts[topic]
		if n <= 0 {
			continue
		}
		if first == 0 {
			first = n
		}
		differ = differ || n != first
		described = append(described, fmt.Sprintf("%q has %d", topic, n))
	}
	if !differ {
		return ""
	}
	return fmt.Sprintf("subtopology %d: %s; recreate one of them, or repartition the stream", subtopology, strings.Join(described, ", "))
}

// balancer is the group protocol: it moves whole tasks, cooperatively, over the
// pure assign. Its metadata and assignments are those of Kafka's consumer
// protocol, so that Kafka's own tools can show them.
type balancer struct {
	subs []subtopologyTopics
	// address is told to the group, and so is told, if it is not nil. keep is given
	// the standbys that this member is to keep from now on, and those of them whose
	// tasks it gets when they have caught up; it must not wait.
	address string
	told    func() told
	keep    func(standbys, warm []task.ID)
	// rack is the user's, which the client would otherwise put into the metadata by
	// writing it anew, without what it does not know.
	rack string

	mu sync.Mutex
	// last is what this leader last planned for each static member, by instance
	// id: a restarted one owns nothing, but its state is still on its disk.
	last map[string]lastPlan
}

type lastPlan struct{ tasks, standbys []task.ID }

var _ kgo.GroupBalancer = (*balancer)(nil)

func newBalancer(subs []subtopologyTopics, address string) *balancer {
	return &balancer{subs: subs, address: address, last: make(map[string]lastPlan)}
}

func (*balancer) ProtocolName() string { return "tidemill-cooperative" }

func (*balancer) IsCooperative() bool { return true }

func (b *balancer) JoinGroupMetadata(topics []string, current map[string][]int32, generation int32) []byte {
	meta := kmsg.NewConsumerMemberMetadata()
	meta.Version = 3
	meta.Topics = topics
	meta.Generation = generation
	meta.UserData = encodeAddress(b.address)
	for topic, partitions := range current {
		owned := kmsg.NewConsumerMemberMetadataOwnedPartition()
		owned.Topic, owned.Partitions = topic, partitions
		meta.OwnedPartitions = append(meta.OwnedPartitions, owned)
	}
	slices.SortFunc(meta.OwnedPartitions, func(x, y kmsg.ConsumerMemberMetadataOwnedPartition) int {
		return strings.Compare(x.Topic, y.Topic)
	})
	if b.rack != "" {
		meta.Rack = &b.rack
	}
	if b.told == nil {
		return meta.AppendTo(nil)
	}
	return b.told().append(meta.AppendTo(nil))
}

func (b *balancer) ParseSyncAssignment(assignment []byte) (map[string][]int32, error) {
	if b.keep != nil {
		parsed := kmsg.NewConsumerMemberAssignment()
		if err := parsed.ReadFrom(assignment); err == nil {
			b.keep(decodeStandbys(parsed.UserData))
		}
	}
	return kgo.ParseConsumerSyncAssignment(assignment)
}

func (b *balancer) MemberBalancer(members []kmsg.JoinGroupResponseMember) (kgo.GroupMemberBalancer, map[string]struct{}, error) {
	cb, err := kgo.NewConsumerBalancer(b, members)
	if err != nil {
		return nil, nil, err
	}
	return cb, cb.MemberTopics(), nil
}

// Balance plans the next generation. A fault is set on the balancer, whose
// client then fails the rebalance with it.
func (b *balancer) Balance(cb *kgo.ConsumerBalancer, counts map[string]int32) kgo.IntoSyncAssignment {
	layout, err := layOut(b.subs, counts)
	if err != nil {
		cb.SetError(err)
		return nil
	}
	tasks := make([]task.ID, 0, len(layout))
	for id := range layout {
		tasks = append(tasks, id)
	}
	members := b.members(cb, layout)
	planned, standbys, warm := planGroup(tasks, b.logged, members)
	b.remember(cb, planned, standbys)

	owners := claims(cb)
	plan, told := cb.NewPlan(), make(map[string][]byte)
	cb.EachMember(func(m *kmsg.JoinGroupResponseMember, _ *kmsg.ConsumerMemberMetadata) {
		for _, id := range planned[memberKey(m)] {
			if owners.mustRevoke(layout[id], m.MemberID) {
				continue
			}
			for _, tp := range layout[id] {
				plan.AddPartition(m, tp.topic, tp.partition)
			}
		}
		if kept := standbys[memberKey(m)]; len(kept) > 0 {
			told[m.MemberID] = encodeStandbys(kept, warm[memberKey(m)])
		}
	})
	return &planWithStandbys{plan: plan, told: told}
}

// planWithStandbys adds to a plan what members are told to keep as standbys.
type planWithStandbys struct {
	plan *kgo.BalancePlan
	told map[string][]byte
}

// IntoSyncAssignment implements kgo.IntoSyncAssignment.
func (p *planWithStandbys) IntoSyncAssignment() []kmsg.SyncGroupRequestGroupAssignment {
	out := p.plan.IntoSyncAssignment()
	for i := range out {
		parsed := kmsg.NewConsumerMemberAssignment()
		if kept := p.told[out[i].MemberID]; kept != nil && parsed.ReadFrom(out[i].MemberAssignment) == nil {
			parsed.UserData = kept
			out[i].MemberAssignment = parsed.AppendTo(nil)
		}
	}
	return out
}

// logged says whether a task has stores that standbys can follow.
func (b *balancer) logged(t task.ID) bool {
	return slices.ContainsFunc(b.subs, func(s subtopologyTopics) bool { return s.id == t.Subtopology && s.logged })
}

// memberKey orders static members by their instance ids, before the others.
func memberKey(m *kmsg.JoinGroupResponseMember) string {
	if m.InstanceID != nil {
		return "\x00" + *m.InstanceID
	}
	return m.MemberID
}

// members turns the claimed partitions into claimed tasks. A task is owned by
// who owns all of its partitions.
func (b *balancer) members(cb *kgo.ConsumerBalancer, layout map[task.ID][]topicPartition) []member {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []member
	cb.EachMember(func(m *kmsg.JoinGroupResponseMember, meta *kmsg.ConsumerMemberMetadata) {
		one := member{id: memberKey(m), generation: meta.Generation}
		parts := make(map[task.ID]int)
		for _, owned := range meta.OwnedPartitions {
			id, reads := subtopologyOf(b.subs, owned.Topic)
			if !reads {
				continue
			}
			for _, p := range owned.Partitions {
				parts[task.ID{Subtopology: id, Partition: p}]++
			}
		}
		for id, n := range parts {
			if n >= len(layout[id]) {
				one.owned = append(one.owned, id)
			}
		}
		told, able := toldBy(meta, m.ProtocolMetadata)
		one.standbys, one.able, one.wanted = told.held, able, told.wanted
		if m.InstanceID != nil && meta.Generation < 0 && len(one.owned) == 0 {
			last := b.last[*m.InstanceID]
			one.owned = last.tasks
			for _, t := range last.standbys {
				one.standbys = append(one.standbys, held{t, unknownLag})
			}
		}
		out = append(out, one)
	})
	return out
}

func (b *balancer) remember(cb *kgo.ConsumerBalancer, planned, standbys map[string][]task.ID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	clear(b.last)
	cb.EachMember(func(m *kmsg.JoinGroupResponseMember, _ *kmsg.ConsumerMemberMetadata) {
		if m.InstanceID != nil {
			b.last[*m.InstanceID] = lastPlan{planned[memberKey(m)], standbys[memberKey(m)]}
		}
	})
}

// ownership says which members claim a partition, and in which generation.
type ownership map[topicPartition]map[string]int32

func claims(cb *kgo.ConsumerBalancer) ownership {
	out := make(ownership)
	cb.EachMember(func(m *kmsg.JoinGroupResponseMember, meta *kmsg.ConsumerMemberMetadata) {
		for _, owned := range meta.OwnedPartitions {
			for _, p := range owned.Partitions {
				tp := topicPartition{owned.Topic, p}
				if out[tp] == nil {
					out[tp] = make(map[string]int32)
				}
				out[tp][m.MemberID] = meta.Generation
			}
		}
	})
	return out
}

// mustRevoke says whether somebody else may still be at work on one of a task's
// partitions. The whole task then waits for the rebalance that follows once they
// have been revoked. Somebody who has a claim of the newest generation is at
// work himself, whatever older claims there are.
func (o ownership) mustRevoke(partitions []topicPartition, memberID string) bool {
	for _, tp := range partitions {
		mine, claimed := o[tp][memberID]
		for other, generation := range o[tp] {
			if other != memberID && (!claimed || generation > mine) {
				return true
			}
		}
	}
	return false
}
