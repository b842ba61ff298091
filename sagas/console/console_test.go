package console_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/tidemill/tidemill"
	"github.com/tidemill/tidemill/embedded"
	"github.com/tidemill/tidemill/sagas"
	"github.com/tidemill/tidemill/sagas/console"
	"github.com/tidemill/tidemill/topology"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type payment struct {
	Amount int `json:"amount"`
}

// office runs an orchestrator whose sagas pay behind an approval, and their service,
// which is down until it is said to be up.
type office struct {
	*console.Console
	t  *testing.T
	up atomic.Bool
}

func newOffice(t *testing.T) *office {
	t.Helper()
	broker, err := embedded.Start(embedded.Topic("inbox", 2), embedded.Topic("payments", 2), embedded.Topic("statuses", 2), embedded.Topic("audit", 2))
	if err != nil {
		t.Fatal(err)
	}
	o := &office{t: t}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	b, dir := o.topology(), t.TempDir()
	go func() {
		ended <- tidemill.Run(ctx, b, tidemill.Brokers(broker.Addrs()...), tidemill.ExactlyOnce(), tidemill.CommitInterval(10*time.Millisecond), tidemill.StateDir(dir))
	}()
	o.Console, err = console.Open(console.Topics{Inbox: "inbox", Statuses: "statuses", Audit: "audit"}, console.Brokers(broker.Addrs()...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		o.Close()
		cancel()
		if err := errors.Join(<-ended, broker.Close()); err != nil {
			t.Error(err)
		}
	})
	return o
}

func (o *office) topology() *topology.Builder {
	s := sagas.Define[payment]("payment")
	s.Await("approval").On("approve", func(*payment, string) error { return nil }).Within(time.Hour)
	same := func(p payment) payment { return p }
	s.Step("book", sagas.Send("payments", "book", same)).Pivot()
	s.Step("pay", sagas.Send("payments", "pay", same)).Retry(sagas.Once())
	b := topology.New("payments")
	err := errors.Join(
		sagas.Orchestrator{Name: "office", Inbox: "inbox", Statuses: "statuses", Audit: "audit", Sagas: []sagas.Defined{s}}.AddTo(b),
		sagas.Participant{Name: "bank", Topic: "payments", Inboxes: []string{"inbox"}, Handlers: []sagas.Handler{
			sagas.Handle("book", func(*sagas.Job, payment) (string, error) { return "booked", nil }),
			sagas.Handle("pay", func(*sagas.Job, payment) (string, error) {
				if !o.up.Load() {
					return "", errors.New("the bank is closed")
				}
				return "paid", nil
			}),
		}}.AddTo(b),
	)
	if err != nil {
		o.t.Fatal(err)
	}
	return b
}

// await waits until a saga has a status.
func (o *office) await(saga string, want sagas.Status) {
	o.t.Helper()
	ctx, cancel := context.WithTimeout(o.t.Context(), time.Minute)
	defer cancel()
	for {
		i, err := o.Get(ctx, saga)
		if err == nil && i.Status == want {
			return
		}
		if ctx.Err() != nil || err != nil && !errors.Is(err, console.ErrUnknown) {
			o.t.Fatalf("saga %q is %q, want %q: %v", saga, i.Status, want, err)
		}
	}
}

func (o *office) must(err error) {
	o.t.Helper()
	if err != nil {
		o.t.Fatal(err)
	}
}

func (o *office) list(f sagas.Filter) string {
	o.t.Helper()
	all, err := o.List(o.t.Context(), f)
	o.must(err)
	var ids []string
	for _, i := range all {
		ids = append(ids, i.ID)
	}
	return strings.Join(ids, " ")
}

func TestSagasAreStartedRepairedCancelledAndListed(t *testing.T) {
	o := newOffice(t)
	ctx := t.Context()
	for _, id := range []string{"a", "b", "b", "c"} {
		o.must(o.Start(ctx, id, "payment", payment{7}))
		o.await(id, sagas.Running)
	}
	if got := o.list(sagas.Filter{}); got != "a b c" {
		t.Errorf("the sagas are %q", got)
	}
	o.must(o.Signal(ctx, "a", "approve", "1", "by kim"))
	o.await("a", sagas.Parked)
	o.must(o.Cancel(ctx, "b", "not wanted any more"))
	o.await("b", sagas.Compensated)
	for want, f := range map[string]sagas.Filter{
		"a": {Statuses: []sagas.Status{sagas.Parked}}, "a c": {Statuses: []sagas.Status{sagas.Parked, sagas.Running}, Definition: "payment"},
		"": {BegunBefore: 1}, "a b c": {ChangedBefore: time.Now().Add(time.Minute).UnixMilli()},
	} {
		if got := o.list(f); got != want {
			t.Errorf("%+v chooses %q, want %q", f, got, want)
		}
	}
	o.up.Store(true)
	o.must(o.RetryStep(ctx, "a", "pay"))
	o.await("a", sagas.Completed)
	history, err := o.History(ctx, "a")
	o.must(err)
	var lines []string
	for _, tr := range history {
		lines = append(lines, tr.String())
	}
	all := strings.Join(lines, "\n")
	for _, want := range []string{"a: running\n", "a approval: running -> done", "a pay: running -> parked", "a: running -> completed"} {
		if !strings.Contains(all, want) {
			t.Errorf("the history lacks %q:\n%s", want, all)
		}
	}
	o.refusals()
}

// refusals asks for what is not possible: c waits for its approval, the others have
// ended.
func (o *office) refusals() {
	ctx := o.t.Context()
	for _, row := range []struct {
		err  error
		want string
	}{
		{o.Cancel(ctx, "nobody", ""), "there is no such saga"},
		{o.Cancel(ctx, "a", ""), "it has ended, it is completed"},
		{o.RetryStep(ctx, "c", "pay"), "it has not begun a step pay"},
		{o.SkipStep(ctx, "c", "approval"), "step approval is running"},
		{o.FailStep(ctx, "c", "approval"), "step approval is running"},
		{o.Signal(ctx, "b", "approve", "", 1), "it has ended"},
		{o.Start(ctx, "", "payment", 1), "needs an id"},
		{o.Start(ctx, "x", "", 1), "needs a definition"},
	} {
		if row.err == nil || !strings.Contains(row.err.Error(), row.want) {
			o.t.Errorf("the error is %v, want %q in it", row.err, row.want)
		}
	}
	if _, err := o.History(ctx, "nobody"); !errors.Is(err, console.ErrUnknown) {
		o.t.Errorf("the error is %v", err)
	}
	if err := o.Cancel(ctx, "a", ""); !errors.Is(err, console.ErrRefused) {
		o.t.Errorf("the error is %v", err)
	}
}

func TestATopicThatIsNotNamedIsAskedFor(t *testing.T) {
	c, err := console.Open(console.Topics{}, console.Brokers("127.0.0.1:1"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.List(t.Context(), sagas.Filter{}); err == nil || !strings.Contains(err.Error(), "topic of Statuses") {
		t.Errorf("the error is %v", err)
	}
	if err := c.Start(t.Context(), "x", "payment", 1); err == nil || !strings.Contains(err.Error(), "name the inbox") {
		t.Errorf("the error is %v", err)
	}
}
