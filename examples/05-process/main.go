// Process finds machines that have fallen silent: a processor of one's own, with
// a store that remembers when each machine was last heard of, and a punctuation
// that looks through the store every minute of event time.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/tidemill/tidemill/examples/stage"
	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/state"
	"github.com/tidemill/tidemill/topology"
)

// patience is how long a machine may be silent.
const patience = time.Minute

// lastHeard is when each machine was last heard of.
var lastHeard = topology.KeyValueStore[string, time.Time]("last-heard")

func build() *topology.Builder {
	b := topology.New("process")
	b.Stream[string, string]("machine-status").
		Process(newWatchman, topology.Stores(lastHeard)).
		To("silent-machines")
	return b
}

// watchman is the processor of one task. The store that it uses holds the
// machines of the task's partition.
type watchman struct {
	task *processors.Context[string, time.Time]
	seen *state.KeyValue[string, time.Time]
}

func newWatchman(c *processors.Context[string, time.Time]) (processors.Processor[string, string], error) {
	seen, err := lastHeard.In(c.Task)
	if err != nil {
		return nil, err
	}
	w := &watchman{c, seen}
	_, err = c.Schedule(time.Minute, processors.StreamTime, w.look)
	return w, err
}

// Process is called for each record, with one at a time.
func (w *watchman) Process(r record.Record[string, string]) error {
	return w.seen.Put(r.Key, r.Time())
}

// look reports the machines that have been silent for too long, and forgets them.
func (w *watchman) look(now int64) error {
	var silent []state.Item[string, time.Time]
	for item, err := range w.seen.All() {
		if err != nil {
			return err
		}
		if time.UnixMilli(now).Sub(item.Value) > patience {
			silent = append(silent, item)
		}
	}
	for _, item := range silent {
		if _, _, err := w.seen.Delete(item.Key); err != nil {
			return err
		}
		if err := w.task.Forward(record.Record[string, time.Time]{Key: item.Key, Value: item.Value, Timestamp: now}); err != nil {
			return err
		}
	}
	return nil
}

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer) (err error) {
	s, err := stage.Open("machine-status", "silent-machines")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if err := s.Write(ctx, "machine-status",
		stage.Event(0, "press", "ok"),
		stage.Event(10, "lathe", "ok"),
		stage.Event(50, "press", "ok"),
		stage.Event(90, "drill", "ok"),  // behind 12:01: finds lathe
		stage.Event(130, "drill", "ok"), // behind 12:02: finds press
		stage.Event(250, "lathe", "ok"), // behind 12:04: finds drill
	); err != nil {
		return err
	}
	return s.Run(ctx, build(), func(ctx context.Context) error {
		silent, err := s.Read[string, time.Time](ctx, "silent-machines", 3)
		for _, r := range silent {
			fmt.Fprintf(out, "%s %s is silent since %s\n", r.Time().Format("15:04:05"), r.Key, r.Value.UTC().Format("15:04:05"))
		}
		return err
	})
}
