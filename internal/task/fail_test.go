package task_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/tidemill/tidemill/internal/task"
	"github.com/tidemill/tidemill/internal/task/tasktest"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/topology"
)

// panicking is a task that fails for every record, with a dead-letter topic that
// takes at most limit bytes at once.
func panicking(t *testing.T, limit int) *tasktest.Driver {
	t.Helper()
	b := topology.New("app")
	b.Stream[string, string]("in").MapValues(func(string) string { panic("no") }).To("out")
	return tasktest.Start(t, b, tasktest.Policy(task.DeadLetter("dead")), func(c *task.Config) {
		c.MaxBytes = func(topic string) int {
			if topic == "dead" {
				return limit
			}
			return 1 << 20
		}
	})
}

func trace(d *tasktest.Driver) string {
	for _, h := range d.Outputs()[0].Headers {
		if h.Key == "__streams.errors.stacktrace" {
			return string(h.Value)
		}
	}
	return ""
}

func TestADeadLetterHasAStackTraceWhereItFits(t *testing.T) {
	value := strings.Repeat("v", 1000)
	for _, c := range []struct {
		limit  int
		traced bool
	}{{1 << 20, true}, {1600, false}} {
		d := panicking(t, c.limit)
		d.Send("in", "k="+value+"@1 h:x")
		d.Run()
		if n := len(d.Outputs()); n != 1 {
			t.Fatalf("there are %d outputs, want one dead letter", n)
		}
		out := d.Outputs()[0]
		if string(out.Key) != "k" || string(out.Value) != value || out.Headers[0].Key != "h" {
			t.Errorf("the dead letter is not the record: %v", out)
		}
		if out.WireSize() > c.limit {
			t.Errorf("the dead letter has %d bytes, the topic takes %d", out.WireSize(), c.limit)
		}
		if traced := strings.Contains(trace(d), "panicking"); traced != c.traced {
			t.Errorf("with a limit of %d bytes the stack trace is %q", c.limit, trace(d))
		}
	}
}

func TestADeadLetterThatItsTopicDoesNotTakeIsAnError(t *testing.T) {
	d := panicking(t, 1000)
	d.Send("in", "k="+strings.Repeat("v", 1000)+"@1")
	err := d.TryRun()
	var failed *record.Error
	if !errors.As(err, &failed) || failed.Topic != "in" {
		t.Fatalf("the error is %v, want one that names the record", err)
	}
	for _, part := range []string{`record at topic "in", partition 0, offset 0: panic: no; its dead letter has `, `topic "dead" takes at most 1000: raise max.message.bytes of the topic`} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the error is %q, want %q in it", err, part)
		}
	}
	if n := len(d.Outputs()); n > 0 {
		t.Errorf("%d records are written all the same", n)
	}
}
