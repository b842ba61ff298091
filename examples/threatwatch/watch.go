package main

import (
	"context"
	"encoding/json/v2"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// watch follows the results and shows them. On a terminal it keeps a status line
// at the bottom; elsewhere it writes one now and then.
type watch struct {
	out      io.Writer
	terminal bool
	start    time.Time
	written  *atomic.Int64
	high     int64
	alerts   int64
	closed   atomic.Int64

	shown        time.Time // when the status was shown last
	then, urgent int64     // written and high at that time
}

func newWatch(out io.Writer, start time.Time, written *atomic.Int64) *watch {
	return &watch{out: out, terminal: isTerminal(out), start: start, written: written, shown: time.Now()}
}

// isTerminal says whether somebody looks at out who can see it move.
func isTerminal(out io.Writer) bool {
	file, ok := out.(*os.File)
	if !ok || os.Getenv("TERM") == "dumb" {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// run reads the results until ctx ends. Only its own goroutine writes to out.
func (w *watch) run(ctx context.Context, results *kgo.Client) error {
	every := 5 * time.Second
	if w.terminal {
		every = 250 * time.Millisecond
		defer fmt.Fprintln(w.out)
	}
	for ctx.Err() == nil {
		poll, cancel := context.WithTimeout(ctx, every)
		fetches := results.PollFetches(poll)
		cancel()
		for _, e := range fetches.Errors() {
			if !errors.Is(e.Err, context.DeadlineExceeded) && !errors.Is(e.Err, context.Canceled) {
				return fmt.Errorf("watch %s: %w", e.Topic, e.Err)
			}
		}
		for _, r := range fetches.Records() {
			if err := w.take(r); err != nil {
				return fmt.Errorf("watch %s at partition %d, offset %d: %w", r.Topic, r.Partition, r.Offset, err)
			}
		}
		if now := time.Now(); now.Sub(w.shown) >= every {
			w.status(now)
		}
	}
	return nil
}

// take counts a result and shows it. What was begun by an earlier run and ends
// only now is left out.
func (w *watch) take(r *kgo.Record) error {
	switch {
	case r.Attrs.IsControl() || r.Timestamp.Before(w.start):
	case r.Topic == highTopic:
		w.high++
	case r.Topic == countsTopic:
		var c Count
		if err := json.Unmarshal(r.Value, &c); err != nil {
			return err
		}
		w.closed.Add(1)
		w.line("", "%s closed  %-12s %5d events", c.Start.Format("15:04"), c.Type, c.Events)
	case r.Topic == alertsTopic:
		var a Alert
		if err := json.Unmarshal(r.Value, &a); err != nil {
			return err
		}
		w.alerts++
		w.line("\x1b[1;31m", "%s ALERT   %-12s %5d events, more than %d", a.Start.Format("15:04"), a.Type, a.Events, a.Threshold)
	}
	return nil
}

// line writes a line above the status, on a terminal in the given style.
func (w *watch) line(style, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if w.terminal {
		text = "\r\x1b[K" + style + text + "\x1b[0m"
	}
	fmt.Fprintln(w.out, text)
}

// status shows how much there has been and how fast it comes.
func (w *watch) status(now time.Time) {
	written, seconds := w.written.Load(), now.Sub(w.shown).Seconds()
	text := fmt.Sprintf("%d events (%.0f/s), %d of high priority (%.0f/s), %d windows closed, %d alerts",
		written, float64(written-w.then)/seconds, w.high, float64(w.high-w.urgent)/seconds, w.closed.Load(), w.alerts)
	w.shown, w.then, w.urgent = now, written, w.high
	if w.terminal {
		fmt.Fprint(w.out, "\r\x1b[K\x1b[2m"+text+"\x1b[0m")
		return
	}
	fmt.Fprintln(w.out, text)
}
