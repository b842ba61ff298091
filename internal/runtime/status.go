package runtime

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tidemill/tidemill/status"
)

// answerPatience is how long a status waits for a lane, stuckFor after how long a task
// that has records and takes none counts as stuck.
const (
	answerPatience = 500 * time.Millisecond
	stuckFor       = 30 * time.Second
)

// Status is what the worker is doing now. Each lane is asked between two records; a
// task that does not answer in time is shown as it was. It may be called at any time
// and by anybody, and costs the tasks nothing while nobody calls it.
func (w *Worker) Status() status.Worker {
	w.asking.Lock()
	defer w.asking.Unlock()
	out := status.Worker{
		Application: w.plan.Application, At: time.Now(), Started: w.started, State: status.Starting,
		ExactlyOnce: w.config.ExactlyOnce, Tasks: []status.Task{}, Nodes: []status.Node{},
	}
	w.counts.into(&out)
	seen := w.overview.Load()
	if seen == nil {
		seen = &overview{}
	}
	out.Broker = status.Broker{Checked: seen.at, Down: seen.down}
	if seen.err != nil {
		out.Broker.Error = seen.err.Error()
	}
	out.Disk = seen.disk
	out.Cache = status.Cache{PinnedBytes: w.pinned.bytes.Load(), LimitBytes: w.pinned.limit}
	w.letters(&out, seen)
	if v := w.view.Load(); v != nil {
		if out.State = v.state; out.State == status.Joining && out.Rebalances.Assigned > 0 {
			out.State = status.Running // with nothing to do: there are more workers than tasks
		}
		out.Instance = w.dir.instance
		out.MemberID, out.Generation = w.member.GroupMetadata()
		out.BufferedBytes = max(0, w.fetcher.buffered.Load())
		out.Globals = w.globals.status()
		for _, one := range w.standbys.list() {
			out.Standbys = append(out.Standbys, one.status())
		}
		w.describe(&out, v, seen)
	}
	if w.counts.stopped.Load() {
		out.State = status.Stopped
	}
	return out
}

// letters fills in the topics of dead letters.
func (w *Worker) letters(out *status.Worker, seen *overview) {
	for _, topic := range w.letterTopics() {
		if !slices.ContainsFunc(out.DeadLetters, func(d status.DeadLetter) bool { return d.Topic == topic }) {
			out.DeadLetters = append(out.DeadLetters, status.DeadLetter{Topic: topic, Depth: -1})
		}
	}
	for i := range out.DeadLetters {
		if depth, ok := seen.depths[out.DeadLetters[i].Topic]; ok {
			out.DeadLetters[i].Depth = depth
		}
	}
	slices.SortFunc(out.DeadLetters, func(a, b status.DeadLetter) int { return strings.Compare(a.Topic, b.Topic) })
}

// letterTopics are the topics that the policies write dead letters to.
func (w *Worker) letterTopics() []string {
	var topics []string
	p := w.config.Policies
	for _, topic := range [...]string{p.Decode.DeadLetterTopic(), p.Process.DeadLetterTopic(), p.Produce.DeadLetterTopic()} {
		if topic != "" && !slices.Contains(topics, topic) {
			topics = append(topics, topic)
		}
	}
	return topics
}

// describe asks all tasks of a view, those of different lanes at the same time.
func (w *Worker) describe(out *status.Worker, v *view, seen *overview) {
	ctx, cancel := context.WithTimeout(context.Background(), answerPatience)
	defer cancel()
	lanes := map[*lane][]*hosted{}
	for _, h := range v.running {
		lanes[h.lane] = append(lanes[h.lane], h)
	}
	var asked sync.WaitGroup
	for _, of := range lanes {
		asked.Go(func() {
			for _, h := range of {
				w.askStatus(ctx, h, seen)
			}
		})
	}
	asked.Wait()
	passed := map[string]int64{}
	for _, h := range v.running {
		out.Tasks = append(out.Tasks, h.last)
		for name, n := range h.passed {
			passed[name] += n
		}
	}
	for _, h := range v.opening {
		out.Tasks = append(out.Tasks, h.opening(w))
	}
	for _, name := range slices.Sorted(maps.Keys(passed)) {
		out.Nodes = append(out.Nodes, status.Node{Name: name, Passed: passed[name]})
	}
}

// askStatus brings the last status of a task up to date, if its lane answers.
func (w *Worker) askStatus(ctx context.Context, h *hosted, seen *overview) {
	fresh := h.blank(w)
	fresh.Since = h.since
	for i := range fresh.Inputs {
		in := &fresh.Inputs[i]
		in.Position, in.End = h.inputs[i].Offset, seen.end(in.Topic, in.Partition)
	}
	for i := range fresh.Stores {
		if sizes := seen.sizes[h.id]; i < len(sizes) {
			fresh.Stores[i].DiskBytes = sizes[i]
		}
	}
	passed := map[string]int64{}
	err := w.ask(ctx, h, func() error {
		now := time.Now()
		h.task.Describe(&fresh, now.UnixMilli())
		h.task.Passed(func(node string, n int64) { passed[node] += n })
		fresh.Written, fresh.Logged, fresh.Busy = h.written, h.logs, h.busy
		fresh.Worked = time.UnixMilli(max(h.worked, h.since.UnixMilli())).UTC()
		if fresh.State == status.Running && buffered(&fresh) && now.Sub(fresh.Worked) > stuckFor {
			fresh.State = status.Stuck
		}
		return nil
	})
	if err == nil {
		h.last, h.passed, h.answered = fresh, passed, time.Now()
		return
	}
	if h.last.ID == "" {
		h.last = fresh
	}
	h.last.Stale = true
	for i := range h.last.Inputs {
		in := &h.last.Inputs[i]
		in.End = max(in.End, seen.end(in.Topic, in.Partition))
	}
	if time.Since(h.answered) > stuckFor && !h.answered.IsZero() {
		h.last.State = status.Stuck
	}
}

func buffered(t *status.Task) bool {
	return slices.ContainsFunc(t.Inputs, func(in status.Input) bool { return in.Buffered > 0 })
}

// blank is the status of a task before anybody has been asked.
func (h *hosted) blank(w *Worker) status.Task {
	t := status.Task{ID: h.id.String(), Subtopology: h.id.Subtopology, Partition: h.id.Partition, State: status.Running, Restore: h.restoring.status()}
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := range h.inputs {
		in := &h.inputs[i] // whose other fields may be written while the task is made
		t.Inputs = append(t.Inputs, status.Input{Topic: in.Topic, Partition: in.Partition, Position: -1, End: -1, Paused: h.paused[i]})
	}
	for _, store := range w.plan.Subtopologies[h.id.Subtopology].Stores {
		t.Stores = append(t.Stores, status.Store{Name: store.Name, Kind: store.Kind(), DiskBytes: -1})
	}
	return t
}

// opening is the status of a task that is being made.
func (h *hosted) opening(w *Worker) status.Task {
	t := h.blank(w)
	t.State = status.Opening
	if t.Restore != nil {
		t.State = status.Restoring
	}
	return t
}
