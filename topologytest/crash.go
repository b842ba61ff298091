package topologytest

import (
	"fmt"
	"slices"
)

// Crash ends workers without a commit, or all of them if none is named by its number.
// They come back at once and go on from what is committed: their stores are restored
// from the last checkpoint and the changelogs. With ExactlyOnce, what was written
// since the last commit was never there; without it, it stays, and so does its
// effect on the stores, while the records that led to it are processed again.
//
// It ends a failure that Err tells of, too, as starting the program again would.
func (d *Driver) Crash(workers ...int) {
	d.tb.Helper()
	d.check(d.crash(workers, false))
}

// Wipe is Crash with the loss of all local state, so that the stores are restored from
// their changelogs alone.
func (d *Driver) Wipe(workers ...int) {
	d.tb.Helper()
	d.check(d.crash(workers, true))
}

func (d *Driver) crash(workers []int, wipe bool) error {
	for _, n := range workers {
		if n < 0 || n >= len(d.workers) {
			return fmt.Errorf("topologytest: there is no worker %d: there are %d, numbered from 0", n, len(d.workers))
		}
	}
	d.err = nil
	for _, w := range slices.Clone(d.workers) {
		if len(workers) > 0 && !slices.Contains(workers, w.number) {
			continue
		}
		if err := w.restart(wipe); err != nil {
			return err
		}
	}
	return d.run()
}

// Move gives a task to a worker in good order, as a rebalance does. Workers are
// numbered from 0; the next number is a new worker, whose local state is empty. One
// that had the task before goes on from the state that it still has.
func (d *Driver) Move(task string, worker int) {
	d.tb.Helper()
	d.check(d.move(task, worker))
}

func (d *Driver) move(name string, to int) error {
	i := slices.IndexFunc(d.tasks, func(h *hosted) bool { return h.id.String() == name })
	if i < 0 {
		return fmt.Errorf("topologytest: there is no task %q: there are %q", name, d.Tasks())
	}
	if to < 0 || to > len(d.workers) {
		return fmt.Errorf("topologytest: there is no worker %d: there are %d, numbered from 0", to, len(d.workers))
	}
	if to == len(d.workers) {
		if err := d.addWorker(); err != nil {
			return err
		}
	}
	if err := d.tasks[i].move(to); err != nil {
		return err
	}
	return d.run()
}

// Compact compacts all changelogs, as brokers do now and then: of the records of a key
// only the last one stays. A tombstone that is the last one stays too, as it does for
// a day in Kafka. Changelogs of versions keep what is newer than the history and a day.
func (d *Driver) Compact() {
	for _, sub := range d.plan.Subtopologies {
		for _, store := range sub.Stores {
			if store.Changelog != "" {
				d.topics[store.Changelog].compact(d.now)
			}
		}
	}
}

// Tasks are the names of all tasks, such as 0_3 for partition 3 of subtopology 0.
func (d *Driver) Tasks() []string {
	var names []string
	for _, h := range d.tasks {
		names = append(names, h.id.String())
	}
	return names
}

// Checkpoint commits and writes all stores to the local state of their workers.
func (d *Driver) Checkpoint() {
	d.tb.Helper()
	err := d.commitAll()
	for _, w := range d.workers {
		if err == nil && d.err == nil {
			err = w.checkpoint(w.tasks...)
		}
	}
	d.check(err)
}
