package sagas_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/tidemill/tidemill"
	"github.com/tidemill/tidemill/admin"
	"github.com/tidemill/tidemill/embedded"
	"github.com/tidemill/tidemill/sagas"
	"github.com/tidemill/tidemill/sagas/console"
	"github.com/tidemill/tidemill/status"
	"github.com/tidemill/tidemill/topology"
)

// desk is the admin address of one of two workers whose sagas wait for an approval and
// then pay, which always fails.
type desk struct {
	t    *testing.T
	addr string
}

const deskToken = "a token that is long enough"

func approvals(t *testing.T) *topology.Builder {
	t.Helper()
	s := sagas.Define[map[string]any]("payment")
	s.Step("reserve", sagas.Do(func(context.Context, *map[string]any) error { return nil })).
		Compensate(sagas.Do(func(context.Context, *map[string]any) error { return nil }))
	s.Await("approval").On("approve", func(d *map[string]any, by string) error { (*d)["by"] = by; return nil }).Within(time.Hour)
	s.Step("book", sagas.Do(func(context.Context, *map[string]any) error { return nil })).Pivot()
	s.Step("pay", sagas.Do(func(context.Context, *map[string]any) error { return errors.New("the bank is <closed>") })).
		Retry(sagas.Once())
	b := topology.New("payments")
	err := sagas.Orchestrator{Name: "office", Inbox: "inbox", Audit: "audit", Sagas: []sagas.Defined{s}}.AddTo(b)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// worker runs a worker and returns its admin address.
func worker(t *testing.T, broker *embedded.Broker) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	_ = l.Close()
	app, err := tidemill.New(approvals(t), tidemill.Brokers(broker.Addrs()...), tidemill.ExactlyOnce(), tidemill.CommitInterval(10*time.Millisecond),
		tidemill.StateDir(t.TempDir()), tidemill.Admin(addr, admin.Token(deskToken)), tidemill.Logger(slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- app.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return addr
}

// call asks the admin address.
func (d desk) call(method, path, body string, into any) (code int, text string) {
	d.t.Helper()
	r, err := http.NewRequestWithContext(d.t.Context(), method, "http://"+d.addr+"/api/sagas"+path, strings.NewReader(body))
	if err != nil {
		d.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+deskToken)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(r)
	if err != nil {
		return 0, err.Error()
	}
	defer func() { _ = response.Body.Close() }()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	if into != nil && response.StatusCode == http.StatusOK {
		if err := json.Unmarshal(data, into); err != nil {
			d.t.Fatal(err)
		}
	}
	return response.StatusCode, string(data)
}

// until asks for a saga until it is as wanted.
func (d desk) until(id, what string, ok func(status.Saga) bool) (s status.Saga) {
	d.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; {
		var out struct{ Saga status.Saga }
		code, text := d.call("GET", "/office/"+url.PathEscape(id), "", &out)
		if code == 200 && ok(out.Saga) {
			return out.Saga
		}
		if time.Now().After(deadline) {
			d.t.Fatalf("saga %s is not %s: %d %s", id, what, code, text)
		}
	}
}

func (d desk) ask(path, body string) {
	d.t.Helper()
	if code, text := d.call("POST", "/office/"+path, body, nil); code != http.StatusAccepted {
		d.t.Errorf("%s: %d %s", path, code, text)
	}
}

// gathered waits until both workers answer for the twelve sagas.
func (d desk) gathered() {
	d.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; {
		var all, own admin.Sagas
		_, text := d.call("GET", "", "", &all)
		d.call("GET", "?scope=local", "", &own)
		if n := len(own.Sagas); len(all.Sagas) == 12 && len(all.Missing) == 0 && n > 0 && n < 12 {
			return
		}
		if time.Now().After(deadline) {
			d.t.Fatalf("%d of 12 sagas are listed, %d of them here: %s", len(all.Sagas), len(own.Sagas), text)
		}
	}
}

func TestAnAdminAddressShowsTheSagasOfAllWorkersAndActsOnThem(t *testing.T) {
	broker, err := embedded.Start(embedded.Topic("inbox", 4), embedded.Topic("audit", 2))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = broker.Close() })
	d := desk{t, worker(t, broker)}
	worker(t, broker)
	c, err := console.Open(console.Topics{Inbox: "inbox"}, console.Brokers(broker.Addrs()...))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ids := []string{}
	for i := range 12 {
		ids = append(ids, fmt.Sprintf("case/%d", i))
		if err := c.Start(t.Context(), ids[i], "payment", map[string]any{"amount": i}); err != nil {
			t.Fatal(err)
		}
	}
	d.gathered()
	for _, id := range ids { // wherever they are
		// The history follows the row, when its transaction has committed.
		waits := func(s status.Saga) bool { return s.Step == "approval" && len(s.Detail.History) >= 3 }
		s := d.until(id, "waiting, as its history says", waits)
		if s.Detail.Steps[0].Undoes != "a function" || fmt.Sprint(s.Detail.Signals, s.Detail.Actions) != "[approve] [cancel signal]" || len(s.Detail.Timers) != 1 {
			t.Errorf("the saga is %+v", s)
		}
	}
	d.refuses()
	d.ask(url.PathEscape(ids[0])+"/cancel", `{"reason":"too late"}`)
	s := d.until(ids[0], "compensated", func(s status.Saga) bool { return s.Status == "compensated" })
	if s.Reason != "cancelled: too late" || len(s.Detail.Actions) > 0 || s.Ended.IsZero() || s.Detail.Timers[0].Name != "forgotten" {
		t.Errorf("the saga is %+v", s)
	}
	d.repaired(ids[1])
}

// refuses asks for what is wrong while the saga waits for its approval.
func (d desk) refuses() {
	d.t.Helper()
	for _, row := range []struct {
		path, body string
		code       int
		want       string
	}{
		{"case%2F1/retry", `{"step":"pay"}`, 409, "it has not begun a step pay"},
		{"case%2F1/retry", `{"step":"approval"}`, 409, "step approval is running: it waits for approve"},
		{"case%2F1/skip", `{"step":"approval"}`, 409, "step approval is running"},
		{"case%2F1/fail", `{"step":"reserve"}`, 409, "step reserve is done"},
		{"case%2F1/retry", `{}`, 400, "needs a step"},
		{"case%2F1/signal", `{}`, 400, "needs a name"},
		{"case%2F1/signal", `{"name":"refuse"}`, 409, "no step waits for signal refuse"},
		{"case%2F1/cancel", `{"step":"reserve"}`, 400, "cancel takes no step"},
		{"case%2F1/skip", `{"step":"approval","reason":"x"}`, 400, "skip takes no reason"},
		{"case%2F1/dance", `{}`, 400, "there are cancel, retry, skip, fail and signal"},
		{"case-1/cancel", `{}`, 404, "there is no such saga"},
	} {
		code, text := d.call("POST", "/office/"+row.path, row.body, nil)
		if code != row.code || !strings.Contains(text, row.want) || strings.Count(text, "\n") != 1 {
			d.t.Errorf("%s %s: %d %s, want %d and %q", row.path, row.body, code, text, row.code, row.want)
		}
	}
	d.until("case/1", "as it was", func(s status.Saga) bool { return s.Step == "approval" && len(s.Detail.History) == 4 })
}

// repaired approves a saga and settles its payment by hand.
func (d desk) repaired(id string) {
	d.t.Helper()
	at := url.PathEscape(id)
	d.ask(at+"/signal", `{"name":"approve","id":"1","data":"kim"}`)
	s := d.until(id, "parked", func(s status.Saga) bool { return s.Status == "parked" })
	pay := s.Detail.Steps[3]
	if string(s.Detail.Data) != `{"amount":1,"by":"kim"}` || pay.Error != "the bank is <closed>" || fmt.Sprint(pay.Actions) != "[retry skip fail]" {
		d.t.Errorf("the saga is %+v, its data %s", s, s.Detail.Data)
	}
	d.ask(at+"/retry", `{"step":"pay"}`)
	d.until(id, "tried again", func(s status.Saga) bool { return s.Status == "parked" && s.Detail.Steps[3].Attempts == 2 })
	d.ask(at+"/skip", `{"step":"pay"}`)
	d.until(id, "completed, to the end of its history", func(s status.Saga) bool {
		last := s.Detail.History[len(s.Detail.History)-1]
		return s.Status == "completed" && last.To == "completed" && last.Step == ""
	})
}
