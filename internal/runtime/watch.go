package runtime

import (
	"context"
	"maps"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/tidemill/tidemill/internal/task"
)

// watchEvery is how often the worker looks at the ends of what it reads, at the depth
// of the dead letters and at its disk.
const watchEvery = 5 * time.Second

// watch looks around until the worker has to stop.
func (w *Worker) watch() {
	ctx, cancel := context.WithCancel(w.hard)
	w.running.Go(func() {
		<-w.ended
		cancel()
	})
	w.running.Go(func() {
		tick := time.NewTicker(watchEvery)
		defer tick.Stop()
		for {
			w.look(ctx)
			select {
			case <-tick.C:
			case <-w.glance:
			case <-ctx.Done():
				return
			}
		}
	})
}

// lookSoon has the worker look around before it is due.
func (w *Worker) lookSoon() {
	select {
	case w.glance <- struct{}{}:
	default:
	}
}

// look makes the overview of now. What the cluster does not tell stays as it was.
func (w *Worker) look(ctx context.Context) {
	if w.standbys.warm.ready(w.standbys.list()) {
		w.log.Info("tasks are asked for whose copies have caught up")
		w.post(func() { w.member.ForceRebalance() })
	}
	ctx, cancel := context.WithTimeout(ctx, watchEvery)
	defer cancel()
	next := overview{at: time.Now(), disk: diskOf(w.dir.path), sizes: w.sizes()}
	before := w.overview.Load()
	if before == nil {
		before = &overview{}
	}
	next.ends, next.err = w.listEnds(ctx)
	if next.err == nil {
		next.depths, next.err = w.depths(ctx)
	}
	if next.err != nil {
		if next.err = withHint(next.err); ctx.Err() == context.Canceled {
			return
		}
		next.ends, next.depths, next.down = before.ends, before.depths, before.down
		if next.down.IsZero() {
			next.down = next.at
		}
	}
	w.overview.Store(&next)
	if w.config.Standbys > 0 {
		_, _ = w.Members(ctx) // so that who keeps standbys is known when the group rebalances
	}
}

// listEnds asks where the inputs of the worker's tasks end.
func (w *Worker) listEnds(ctx context.Context) (map[topicPartition]int64, error) {
	topics := map[string]bool{}
	v := w.view.Load()
	for _, h := range v.running {
		for _, in := range h.inputs {
			topics[in.Topic] = true
		}
	}
	names := make([]string, 0, len(topics))
	for name := range maps.Keys(topics) {
		names = append(names, name)
	}
	admin := kadm.NewClient(w.restorer.client)
	list := admin.ListEndOffsets
	if w.config.ExactlyOnce {
		list = admin.ListCommittedOffsets
	}
	if len(names) == 0 {
		_, err := admin.BrokerMetadata(ctx)
		return nil, err
	}
	listed, err := list(ctx, names...)
	if err != nil {
		return nil, err
	}
	ends := map[topicPartition]int64{}
	listed.Each(func(o kadm.ListedOffset) {
		if o.Err == nil {
			ends[topicPartition{o.Topic, o.Partition}] = o.Offset
		}
	})
	return ends, nil
}

// sizes are those of the stores on disk.
func (w *Worker) sizes() map[task.ID][]int64 {
	out := map[task.ID][]int64{}
	for _, h := range w.view.Load().running {
		for _, store := range h.task.Stores() {
			out[h.id] = append(out[h.id], store.Space().DiskBytes())
		}
	}
	return out
}
