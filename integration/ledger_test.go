//go:build integration

package integration

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// tally is what the chaos topology's outputs have to come to.
type tally struct {
	copies          map[string]int
	counts, windows map[string]int64
}

// ledger is what they are: how often each input was copied, and every value of
// each count in its order.
type ledger struct {
	want            tally
	copies          map[string]int
	counts, windows map[string][]int64
}

func newLedger() *ledger {
	return &ledger{
		want:   tally{copies: map[string]int{}, counts: map[string]int64{}, windows: map[string]int64{}},
		copies: map[string]int{}, counts: map[string][]int64{}, windows: map[string][]int64{},
	}
}

// expect recomputes what an input leads to.
func (l *ledger) expect(r *kgo.Record) {
	l.want.copies[string(r.Value)]++
	if group := groupOf(string(r.Value)); group != skipped {
		l.want.counts[group]++
		l.want.windows[windowName(string(r.Key), r.Timestamp.Truncate(chaosWindow).UnixMilli())]++
	}
}

// missing says which outputs there are too few of; too many are for the test to
// judge.
func (l *ledger) missing() string {
	lost, example := 0, ""
	miss := func(format string, args ...any) {
		lost++
		example = fmt.Sprintf(format, args...)
	}
	for value, n := range l.want.copies {
		if l.copies[value] < n {
			miss("copy %q", value)
		}
	}
	for key, n := range l.want.counts {
		if have := l.counts[key]; len(have) == 0 || have[len(have)-1] < n {
			miss("count of %s: have %v, want %d", key, have, n)
		}
	}
	for key, n := range l.want.windows {
		if have := l.windows[key]; len(have) == 0 || have[len(have)-1] < n {
			miss("window %s: have %v, want %d", key, have, n)
		}
	}
	if lost == 0 {
		return ""
	}
	return fmt.Sprintf("%d outputs, such as %s", lost, example)
}

// firstError keeps the first error of several goroutines.
type firstError struct {
	mu  sync.Mutex
	err error
}

func (e *firstError) set(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.err == nil {
		e.err = err
	}
}

// timeout is a context of the test that ends after d.
func timeout(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func ended(done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	default:
		return false
	}
}
