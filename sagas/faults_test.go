package sagas_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/tidemill/tidemill/sagas"
	"github.com/tidemill/tidemill/sagas/sagatest"
)

// first is a saga whose first step can be compensated, and whose second is the test's.
func first(second func(*sagas.Saga[investigation])) *sagas.Saga[investigation] {
	s := sagas.Define[investigation]("first")
	s.Step("open", sagas.Send("cases", "create", target)).Compensate(sagas.Send("cases", "delete", ofCase))
	second(s)
	return s
}

// What a user's function panics with, or what it cannot read, is an error of its step.
func TestUserFunctionsThatFailEndTheirStepNotTheSaga(t *testing.T) {
	send := sagas.Send("mails", "notify", ofCase)
	undo := sagas.Send("mails", "recall", ofCase)
	for _, c := range []struct {
		name  string
		step  func(s *sagas.Saga[investigation])
		reply any
		want  string // in the reason
		state sagas.State
	}{
		{"a condition that panics", func(s *sagas.Saga[investigation]) {
			s.Step("x", send).When(func(investigation) bool { panic("boom") })
		}, nil, "x: the condition: panic: boom", sagas.StepRefused},
		{"a command that panics", func(s *sagas.Saga[investigation]) {
			s.Step("x", sagas.Send("mails", "notify", func(investigation) int { panic("boom") })).Compensate(undo)
		}, nil, "x: make the command: panic: boom", sagas.StepRefused},
		{"a command that is no JSON", func(s *sagas.Saga[investigation]) {
			s.Step("x", sagas.Send("mails", "notify", func(investigation) any { return func() {} })).Compensate(undo)
		}, nil, "x: make the command: ", sagas.StepRefused},
		{"a key that panics", func(s *sagas.Saga[investigation]) {
			s.Step("x", send.Keyed(func(investigation) string { panic("boom") })).Compensate(undo)
		}, nil, "x: make the command: panic: boom", sagas.StepRefused},
		{"a reply that panics", func(s *sagas.Saga[investigation]) {
			s.Step("x", send.Reply(func(*investigation, any) { panic("boom") })).Compensate(undo)
		}, nil, "x: use the reply: panic: boom", sagas.StepUndone},
		{"a reply of another type", func(s *sagas.Saga[investigation]) {
			s.Step("x", send.Reply(func(*investigation, int) {})).Compensate(undo)
		}, "text", "x: use the reply: ", sagas.StepUndone},
		{"a reply that is refused", func(s *sagas.Saga[investigation]) {
			s.Step("x", send.TryReply(func(*investigation, string) error { return errNobody })).Compensate(undo)
		}, "text", "x: use the reply: nobody is free", sagas.StepUndone},
		{"a function that panics", func(s *sagas.Saga[investigation]) {
			s.Step("x", sagas.Do(func(context.Context, *investigation) error { panic("boom") })).Compensate(undo).Retry(quick(2))
		}, nil, "x: panic: boom", sagas.StepUndone},
		{"a function that takes too long", func(s *sagas.Saga[investigation]) {
			s.Step("x", sagas.Do(func(ctx context.Context, _ *investigation) error { <-ctx.Done(); return ctx.Err() })).
				Timeout(time.Millisecond).Compensate(undo).Retry(sagas.Once())
		}, nil, "x: context deadline exceeded", sagas.StepUndone},
		{"a wait that is late and panics", func(s *sagas.Saga[investigation]) {
			s.Await("x").On("go", func(*investigation, int) error { return nil }).Within(time.Second).Late(func(*investigation) error { panic("boom") })
		}, nil, "x: panic: boom", sagas.StepRefused},
	} {
		k := sagatest.New(t, first(c.step))
		if c.reply != nil {
			k.Reply("x", c.reply)
		}
		begin(k)
		k.Expect("x", sagas.Compensated)
		i := k.Instance("x")
		if s, _ := i.Step("x"); !strings.HasPrefix(i.Reason, c.want) || s.State != c.state {
			t.Errorf("%s: the reason is %q and the step is %s, want %q and %s", c.name, i.Reason, s.State, c.want, c.state)
		}
	}
}

func TestAWaitThatIsLateMayGoOn(t *testing.T) {
	k := sagatest.New(t, first(func(s *sagas.Saga[investigation]) {
		s.Await("x").On("go", func(*investigation, int) error { return nil }).Within(time.Second).
			Late(func(d *investigation) error { d.Analyst = "nobody"; return nil })
		s.Await("skipped").On("go", func(*investigation, int) error { return nil }).When(func(d investigation) bool { return d.Analyst == "" })
		s.If("told", func(d investigation) bool { return d.Analyst != "" }, func(b *sagas.Sequence[investigation]) {
			b.Step("tell", sagas.Send("mails", "notify", ofCase))
		})
	}))
	begin(k)
	k.Expect("x", sagas.Completed)
	i := k.Instance("x")
	if s, _ := i.Step("tell"); s.State != sagas.StepDone || !strings.Contains(string(i.Data), "nobody") {
		t.Errorf("tell is %q, the data %s", s.State, i.Data)
	}
}

func TestRepeatedSignalsCountOnce(t *testing.T) {
	k := sagatest.New(t, first(func(s *sagas.Saga[investigation]) {
		s.Await("first-eyes").On("approve", func(*investigation, string) error { return nil })
		s.Await("second-eyes").On("approve", func(*investigation, string) error { return nil })
	}))
	begin(k)
	for range 3 {
		k.Send("x", sagas.Signal("approve", "mail-1", "kim"))
	}
	if s := k.Instance("x").Status; s != sagas.Running {
		t.Fatalf("one approval, sent three times, and the saga is %s", s)
	}
	k.Send("x", sagas.Signal("approve", "mail-2", "lee"))
	k.Expect("x", sagas.Completed)
}

// TestNestedSagasEndWell has a saga within a saga, steps of which fail by chance.
func TestNestedSagasEndWell(t *testing.T) {
	ended := map[sagas.Status]int{}
	for seed := range uint64(500) {
		random := rand.New(rand.NewPCG(seed, 0))
		parent, child := parts()
		k := sagatest.New(t, parent, child)
		k.Reply("scan", caseCreated{"s-1"})
		for _, step := range []string{"open", "scan", "tell"} {
			for attempt := range 3 {
				err := []error{errNobody, errBusy, sagas.InDoubt(errBusy), errors.New("busy")}[random.IntN(4)]
				switch random.IntN(8) {
				case 0:
					k.Fail(step, attempt+1, err)
				case 1:
					k.Lose(step, attempt+1)
				case 2:
					k.Repeat(step, attempt+1)
				case 3:
					k.FailCompensation(step, attempt+1, errBusy)
				case 4:
					k.LoseCompensation(step, attempt+1)
				}
			}
		}
		begin(k)
		if random.IntN(4) == 0 {
			k.Advance(time.Duration(random.IntN(100)) * time.Second)
			k.Send("x", sagas.Cancel(fmt.Sprint("seed ", seed)))
		}
		for range 40 {
			k.Advance(10 * time.Second)
		}
		status, inner := k.Instance("x").Status, k.Instance("x/scans").Status
		ended[status]++
		fits := status == sagas.Completed && inner == sagas.Completed || status == sagas.Compensated && (inner == sagas.Compensated || inner == "")
		if !fits {
			t.Fatalf("seed %d: the saga is %q, the one within %q\n%s", seed, status, inner, k.Transcript())
		}
	}
	if ended[sagas.Completed] < 50 || ended[sagas.Compensated] < 50 {
		t.Errorf("they ended as %v", ended)
	}
}
