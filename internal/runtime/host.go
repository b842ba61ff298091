package runtime

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/status"
)

// host gives tasks that are ready to the lanes and begins to fetch for them.
func (w *Worker) host(tasks []*hosted) {
	release, err := w.pause(false)
	defer release()
	if err != nil {
		w.fail(err)
		return
	}
	w.fetcher.stop()
	for _, h := range tasks {
		least := w.lanes[0]
		for _, l := range w.lanes {
			if len(l.tasks) < len(least.tasks) {
				least = l
			}
		}
		h.lane, h.checkpointed = least, time.Now()
		least.tasks = append(least.tasks, h)
		w.hosted[h.id] = h
		w.observe(Event{Kind: TaskStarted, Task: h.id.String()})
	}
	w.fetcher.add(tasks)
	w.divideCache()
	w.fetcher.start()
	w.publish()
	w.lookSoon()
}

// drop ends tasks whose work is committed. The lanes must stand.
func (w *Worker) drop(tasks []*hosted) {
	w.fetcher.stop()
	defer w.fetcher.start()
	if err := w.checkpointNow(tasks); err != nil {
		w.fail(err)
	}
	for _, h := range tasks {
		w.unhost(h)
	}
	w.divideCache()
	w.publish()
}

// unhost takes a task from its lane. The lanes and the fetcher must stand.
func (w *Worker) unhost(h *hosted) {
	for i, other := range h.lane.tasks {
		if other == h {
			h.lane.tasks = append(h.lane.tasks[:i:i], h.lane.tasks[i+1:]...)
			break
		}
	}
	delete(w.hosted, h.id)
	w.fetcher.remove(h)
	h.forget()
	w.pinned.forget(h)
	w.closeTask(h)
	w.observe(Event{Kind: TaskStopped, Task: h.id.String()})
}

func (w *Worker) closeTask(h *hosted) {
	h.calls.cancel(errGivenUp)
	if err := h.task.Close(); err != nil {
		w.log.Warn("closing a processor failed", "task", h.id.String(), "error", err)
	}
}

// divideCache shares the cache out among the stores of all tasks.
func (w *Worker) divideCache() {
	stores := 0
	for _, h := range w.hosted {
		stores += len(h.task.Stores())
	}
	for _, h := range w.hosted {
		for _, store := range h.task.Stores() {
			store.Capacity(w.config.CacheBytes / stores)
		}
	}
}

// patience is how long a worker goes on beginning anew without having committed
// anything in between, as long as Kafka Streams' task.timeout.ms.
const patience = 5 * time.Minute

// recover goes back to what is committed: it aborts, forgets all tasks and makes
// those that the worker owns again, from their offsets and changelogs.
func (w *Worker) recover(cause error) error {
	if w.retries++; w.retries == 1 {
		w.troubled = time.Now()
	} else if time.Since(w.troubled) > patience {
		return fmt.Errorf("nothing could be committed for %v, in %d attempts: %w", patience, w.retries, cause)
	}
	w.log.Warn("going back to what is committed", "cause", cause, "attempt", w.retries)
	w.observe(Event{Kind: Aborted, Err: cause})
	w.counts.rebalanced(func(r *status.Rebalances) { r.Recoveries++ })
	w.stopOpening()
	release, _ := w.pause(false)
	w.fetcher.stop()
	w.abort()
	for _, h := range w.hosted {
		w.unhost(h)
	}
	for _, l := range w.lanes {
		l.failure = nil
	}
	release()
	w.fetcher.start()
	w.publish()
	w.drainFailures()
	w.backOff()
	ctx, cancel := context.WithTimeout(w.hard, w.config.TransactionTimeout+brokerPatience)
	defer cancel()
	if err := w.startProducer(ctx); err != nil {
		w.fail(err)
		return nil
	}
	for _, l := range w.lanes {
		l.worked.Store(false)
	}
	w.open()
	return nil
}

// backOff waits before another attempt, longer each time up to two seconds.
func (w *Worker) backOff() {
	if w.retries < 2 {
		return
	}
	select {
	case <-w.hard.Done():
	case <-time.After(min(time.Duration(w.retries)*100*time.Millisecond, 2*time.Second)):
	}
}

// abort ends the transaction and the producer. A producer that is made next with
// the same transactional id ends the transaction for good, so a failure here only
// costs time.
func (w *Worker) abort() {
	ctx, cancel := context.WithTimeout(w.hard, time.Second)
	defer cancel()
	if err := w.commits.abort(ctx); err != nil {
		w.log.Debug("abort", "error", err)
	}
	w.producer.Close()
}

// drainFailures forgets failures that the same cause has led to.
func (w *Worker) drainFailures() {
	for {
		select {
		case err := <-w.failures:
			w.log.Debug("failure of the same cause", "error", err)
		default:
			return
		}
	}
}

// shutdown ends a worker: in good order if all is well, else without committing.
func (w *Worker) shutdown(well bool) (err error) {
	w.stopOpening()
	w.closing = true
	w.standbys.pause()
	w.publish()
	if well {
		err = w.commitAnd(func() {
			if err := w.checkpointNow(w.all()); err != nil {
				w.log.Warn("the last checkpoint failed: more has to be restored at the next start", "error", err)
			}
			w.endTasks()
		})
	}
	if !well || err != nil {
		release, _ := w.pause(false)
		w.abort()
		w.endTasks()
		release()
	}
	return err
}

func (w *Worker) all() []*hosted {
	var all []*hosted
	for _, h := range w.hosted {
		all = append(all, h)
	}
	return all
}

// endTasks ends all tasks for good. The lanes must stand.
func (w *Worker) endTasks() {
	w.fetcher.stop()
	for _, h := range w.all() {
		w.unhost(h)
	}
}

// release frees everything that prepare and join have made, as far as they came.
func (w *Worker) release() error {
	var errs []error
	if w.member != nil {
		done := make(chan error, 1)
		ctx, cancel := context.WithTimeout(context.WithoutCancel(w.hard), 5*time.Second)
		defer cancel()
		go func() { done <- leave(ctx, w.member, w.config.InstanceID != "") }()
		for waiting := true; waiting; {
			select {
			case event := <-w.events:
				event()
			case err := <-done:
				if err != nil {
					w.log.Warn("leaving the group failed: its other members notice at the session timeout", "error", err)
				}
				waiting = false
			}
		}
	}
	close(w.ended)
	if w.member != nil {
		w.member.Close()
	}
	if w.fetcher != nil {
		w.fetcher.stop()
		w.fetcher.client.Close()
	}
	if w.producer != nil {
		w.producer.Close()
	}
	w.globals.stop()
	w.standbys.stop()
	for _, l := range w.lanes {
		close(l.control)
	}
	w.running.Wait()
	errs = append(errs, w.awaitCalls())
	if w.restorer != nil {
		w.restorer.client.Close()
	}
	if w.dir != nil {
		errs = append(errs, w.dir.close())
	}
	return errors.Join(errs...)
}

// report counts a record that a policy left behind, and logs it unless many like it
// have been logged lately.
func (w *Worker) report(e *record.Error, policy string) {
	action := actionOf(policy)
	letters := ""
	if action == "dead-letter" {
		letters = w.config.Policies.For(e.Stage).DeadLetterTopic()
	}
	w.counts.failed(e, action, letters)
	more, ok := w.repeats.next(repeated{node: e.Node, stage: e.Stage, action: action}, time.Now())
	if !ok {
		return
	}
	w.log.Warn("a record failed", "policy", policy, "stage", string(e.Stage), "node", e.Node, "topic", e.Topic, "partition", e.Partition, "offset", e.Offset, "error", e.Err, "notLogged", more)
}

func (w *Worker) observe(e Event) {
	if w.config.Observe != nil {
		w.observing.Lock()
		defer w.observing.Unlock()
		w.config.Observe(e)
	}
}
