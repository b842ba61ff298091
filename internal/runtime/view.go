package runtime

import (
	"slices"
	"time"

	"github.com/tidemill/tidemill/internal/task"
	"github.com/tidemill/tidemill/status"
)

// view is what others than the worker's goroutine see of its tasks. It is made anew
// whenever they change.
type view struct {
	state            status.State
	running, opening []*hosted
}

// publish makes the view of now. Only the worker's goroutine calls it.
func (w *Worker) publish() {
	v := &view{state: status.Running}
	for _, h := range w.hosted {
		v.running = append(v.running, h)
	}
	if w.opening != nil {
		v.opening, v.state = w.opening.tasks, status.Restoring
	}
	if len(w.owned) == 0 {
		v.state = status.Joining
	}
	if w.closing {
		v.state = status.Stopped
	}
	slices.SortFunc(v.running, func(a, b *hosted) int { return a.id.Compare(b.id) })
	w.view.Store(v)
}

// hostedBy is the task with this id that runs, or nil; opening says that it will.
func (v *view) hostedBy(id task.ID) (h *hosted, opening bool) {
	is := func(h *hosted) bool { return h.id == id }
	if i := slices.IndexFunc(v.running, is); i >= 0 {
		return v.running[i], false
	}
	return nil, slices.ContainsFunc(v.opening, is)
}

// end says where a partition ended when somebody last looked, or -1.
func (o *overview) end(topic string, partition int32) int64 {
	if end, ok := o.ends[topicPartition{topic, partition}]; ok {
		return end
	}
	return -1
}

// overview is what the worker last saw of the cluster and of its disk. It is not
// changed once it has been made.
type overview struct {
	at     time.Time
	ends   map[topicPartition]int64
	depths map[string]int64
	down   time.Time
	err    error
	disk   status.Disk
	// sizes are on disk, by the stores of each task.
	sizes map[task.ID][]int64
}
