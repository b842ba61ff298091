package runtime

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/tidemill/tidemill/internal/task"
	"github.com/tidemill/tidemill/query"
	"github.com/tidemill/tidemill/status"
)

// addressVersion begins what a member tells the group beside its topics: its admin
// address.
const addressVersion = 1

func encodeAddress(address string) []byte {
	if address == "" {
		return nil
	}
	return append([]byte{addressVersion}, address...)
}

// decodeAddress is the address in what a member tells, empty if there is none.
func decodeAddress(told []byte) string {
	if len(told) == 0 || told[0] != addressVersion {
		return ""
	}
	return string(told[1:])
}

// membersAge is how long a description of the group is believed.
const membersAge = time.Second

// members is the group as it was described last.
type members struct {
	at  time.Time
	all []status.Member
}

// Members are the workers of the group and their tasks, as the group's coordinator knows
// them. While the group rebalances it is query.ErrRebalancing.
func (w *Worker) Members(ctx context.Context) ([]status.Member, error) {
	if w.view.Load() == nil || w.counts.stopped.Load() {
		return nil, query.ErrStopped
	}
	select { // one asks, for all
	case w.describing <- struct{}{}:
	case <-ctx.Done():
		return nil, fmt.Errorf("describe the group: %w", context.Cause(ctx))
	}
	defer func() { <-w.describing }()
	if last := w.members.Load(); last != nil && time.Since(last.at) < membersAge {
		return last.all, nil
	}
	all, err := w.describeGroup(ctx)
	if err == nil {
		w.members.Store(&members{time.Now(), all})
	}
	return all, err
}

func (w *Worker) describeGroup(ctx context.Context) ([]status.Member, error) {
	described, err := kadm.NewClient(w.restorer.client).DescribeGroups(ctx, w.plan.Application)
	if err != nil {
		return nil, fmt.Errorf("describe the group: %w", withHint(err))
	}
	group := described[w.plan.Application]
	if group.Err != nil {
		return nil, fmt.Errorf("describe the group: %w", withHint(group.Err))
	}
	if group.State != "Stable" {
		return nil, query.ErrRebalancing
	}
	self, _ := w.member.GroupMetadata()
	var all []status.Member
	for _, m := range group.Members {
		one := status.Member{ID: m.MemberID, Host: m.ClientHost, Self: m.MemberID == self}
		if joined, ok := m.Join.AsConsumer(); ok {
			one.Address = decodeAddress(joined.UserData)
		}
		if assigned, ok := m.Assigned.AsConsumer(); ok {
			for _, t := range assigned.Topics {
				one.Tasks = append(one.Tasks, w.taskNames(t.Topic, t.Partitions)...)
			}
			standbys, _ := decodeStandbys(assigned.UserData)
			for _, id := range standbys {
				one.Standbys = append(one.Standbys, id.String())
			}
		}
		slices.Sort(one.Tasks)
		one.Tasks = slices.Compact(one.Tasks)
		all = append(all, one)
	}
	slices.SortFunc(all, func(a, b status.Member) int { return cmp.Compare(a.ID, b.ID) })
	return all, nil
}

func (w *Worker) taskNames(topic string, partitions []int32) []string {
	sub, ok := subtopologyOf(topicsOf(w.plan), topic)
	if !ok {
		return nil
	}
	var names []string
	for _, p := range partitions {
		names = append(names, task.ID{Subtopology: sub, Partition: p}.String())
	}
	return names
}

// elsewhere fills in who has a task that this worker has not, and who keeps a standby of
// it. If a standby will do, members from before a rebalance are better than none.
func (w *Worker) elsewhere(ctx context.Context, subtopology int, e *query.ElsewhereError, stale bool) error {
	members, err := w.Members(ctx)
	if err != nil {
		if members = w.lastMembers(); !stale || len(members) == 0 {
			return err
		}
	}
	name := task.ID{Subtopology: subtopology, Partition: e.Partition}.String()
	known, own := false, false
	for _, m := range members {
		if slices.Contains(m.Tasks, name) {
			known, own, e.Address = true, m.Self, m.Address
		}
		if !m.Self && m.Address != "" && slices.Contains(m.Standbys, name) {
			e.Standbys = append(e.Standbys, m.Address)
		}
	}
	switch {
	case stale && len(e.Standbys) > 0:
		return e
	case own:
		return query.ErrRestoring // it is on its way to here
	case known:
		return e
	}
	return query.ErrRebalancing
}

// lastMembers are the members as they were described last.
func (w *Worker) lastMembers() []status.Member {
	if last := w.members.Load(); last != nil {
		return last.all
	}
	return nil
}

// Advertise sets where other workers find this one's admin address. It comes before Run.
func (w *Worker) Advertise(address string) { w.config.Address = address }
