package runtime

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tidemill/tidemill/internal/task"
	"github.com/tidemill/tidemill/status"
)

// groupOptions are the topics and callbacks of the member client.
func (w *Worker) groupOptions() []kgo.Opt {
	var topics []string
	var patterns bool
	for _, sub := range topicsOf(w.plan) {
		topics = append(topics, sub.topics...)
		patterns = patterns || len(sub.patterns) > 0
	}
	opts := []kgo.Opt{
		kgo.OnPartitionsAssigned(w.onAssigned), kgo.OnPartitionsRevoked(w.onRevoked), kgo.OnPartitionsLost(w.onLost),
		kgo.WithHooks(groupHook(w.fail)),
	}
	if patterns {
		opts = append(opts, kgo.ConsumeRegex())
		for i, topic := range topics {
			topics[i] = "^" + regexp.QuoteMeta(topic) + "$"
		}
		for _, sub := range topicsOf(w.plan) {
			for _, p := range sub.patterns {
				topics = append(topics, p.String())
			}
		}
	}
	return append(opts, kgo.ConsumeTopics(topics...))
}

// groupHook ends the worker with what keeps it out of the group for good. The
// client by itself would go on trying in silence.
type groupHook func(error)

// OnGroupManageError is called by the member client, behind onLost.
func (fail groupHook) OnGroupManageError(err error) {
	var refused *kerr.Error
	if errors.As(err, &refused) && !recoverable(err) || errors.Is(err, errCopartitioning) {
		fail(fmt.Errorf("group: %w", withHint(err)))
	}
}

// onAssigned is called by the member client. Nothing waits for it: tasks begin
// when they are ready, and others go on meanwhile.
func (w *Worker) onAssigned(_ context.Context, cl *kgo.Client, assigned map[string][]int32) {
	topics := make([]string, 0, len(assigned))
	for topic := range assigned {
		topics = append(topics, topic)
	}
	if len(topics) > 0 {
		cl.PauseFetchTopics(topics...)
	}
	w.lost.Store(false)
	w.post(func() {
		eachPartition(assigned, func(p topicPartition) { w.owned[p] = true })
		w.counts.rebalanced(func(r *status.Rebalances) { r.Assigned++ })
		w.followStandbys() // before tasks are opened that were among them
		w.open()
		w.publish()
	})
}

// onRevoked gives tasks away: it returns when what they did is committed.
func (w *Worker) onRevoked(_ context.Context, _ *kgo.Client, revoked map[string][]int32) {
	w.call(func() {
		if w.closing || len(revoked) == 0 {
			return
		}
		eachPartition(revoked, func(p topicPartition) { delete(w.owned, p) })
		w.counts.rebalanced(func(r *status.Rebalances) { r.Revoked++ })
		defer w.followStandbys()
		gone := w.unowned()
		if len(gone) == 0 {
			w.restartOpening()
			return
		}
		if err := w.commitAnd(func() { w.drop(gone) }); err != nil {
			w.fail(err)
		}
		w.restartOpening()
	})
}

// onLost is called when the group has gone on without this member: what is not
// committed is somebody else's to do again.
func (w *Worker) onLost(_ context.Context, _ *kgo.Client, lost map[string][]int32) {
	w.lost.Store(true)
	w.call(func() {
		if w.closing || len(w.owned) == 0 {
			return // there is nothing to go back with
		}
		eachPartition(lost, func(p topicPartition) { delete(w.owned, p) })
		w.counts.rebalanced(func(r *status.Rebalances) { r.Lost++ })
		if err := w.recover(errLost); err != nil {
			w.fail(err)
		}
	})
}

func eachPartition(m map[string][]int32, f func(topicPartition)) {
	for topic, partitions := range m {
		for _, p := range partitions {
			f(topicPartition{topic, p})
		}
	}
}

// wanted groups the owned partitions into tasks. Their order is that of the
// subtopology's sources, then of the topics' names.
func (w *Worker) wanted() map[task.ID][]task.Input {
	out := map[task.ID][]task.Input{}
	for p := range w.owned {
		for _, sub := range w.plan.Subtopologies {
			if sub.Global {
				continue
			}
			for i, source := range sub.Sources {
				if source.Matches(p.topic) {
					id := task.ID{Subtopology: sub.ID, Partition: p.partition}
					out[id] = append(out[id], task.Input{Topic: p.topic, Partition: p.partition, Source: i})
				}
			}
		}
	}
	for _, inputs := range out {
		slices.SortFunc(inputs, func(a, b task.Input) int {
			if a.Source != b.Source {
				return a.Source - b.Source
			}
			if a.Topic < b.Topic {
				return -1
			}
			return 1
		})
	}
	return out
}

// unowned are the running tasks of which a partition was taken away.
func (w *Worker) unowned() []*hosted {
	var gone []*hosted
	for _, h := range w.hosted {
		for _, in := range h.inputs {
			if !w.owned[topicPartition{in.Topic, in.Partition}] {
				gone = append(gone, h)
				break
			}
		}
	}
	return gone
}
