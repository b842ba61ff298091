package tidemill_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tidemill/tidemill"
	"github.com/tidemill/tidemill/embedded"
	"github.com/tidemill/tidemill/health"
	"github.com/tidemill/tidemill/status"
	"github.com/tidemill/tidemill/topology"
	"github.com/tidemill/tidemill/upkeep"
)

// app runs an App until stop is called.
func (b *bench) app(bld *topology.Builder, options ...tidemill.Option) (app *tidemill.App, stop func()) {
	b.t.Helper()
	quiet := slog.New(slog.NewTextHandler(b.t.Output(), &slog.HandlerOptions{Level: slog.LevelError}))
	all := []tidemill.Option{
		tidemill.Brokers(b.addrs...), tidemill.StateDir(b.t.TempDir()), tidemill.Logger(quiet), tidemill.CommitInterval(20 * time.Millisecond),
	}
	app, err := tidemill.New(bld, append(all, options...)...)
	if err != nil {
		b.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := app.Run(ctx); err != nil {
			b.t.Errorf("Run returned %v", err)
		}
	}()
	stop = func() { cancel(); <-done }
	b.t.Cleanup(stop)
	return app, stop
}

// eventually waits until a condition holds.
func (b *bench) eventually(what string, holds func() bool) {
	b.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-b.ctx.Done():
			b.t.Fatalf("%s: that did not come", what)
		}
	}
}

// anyDisk stands in for the check of the disk where a test waits for a healthy worker: how
// full the disk is that the tests run on is not theirs.
var anyDisk = health.Disk(0)

// healthy waits until nothing is wrong with a worker.
func (b *bench) healthy(app *tidemill.App) {
	b.t.Helper()
	defer func() {
		if b.t.Failed() {
			b.t.Logf("the last report: %+v", app.Health())
		}
	}()
	b.eventually("a healthy worker", func() bool { r := app.Health(); return r.Verdict == health.Healthy && r.Ready })
}

func TestAStatusCountsWhatWentThrough(t *testing.T) {
	b := newBench(t, 2, "in", "out")
	app, stop := b.app(counting(), tidemill.ExactlyOnce())
	want := map[string]int64{}
	b.words(600, want)
	b.counted(want)
	b.eventually("a lag of nothing", func() bool { return app.Health().Ready && lag(app.Status()) == 0 })
	s := app.Status()
	var read, repartitioned, written int64
	for _, task := range s.Tasks {
		if task.Subtopology == 0 {
			read += task.Processed
			repartitioned += task.Written
		} else {
			written += task.Logged
			if len(task.Stores) != 1 || task.Stores[0].Name != "counts" || task.Stores[0].Kind != "key-value" || task.Stores[0].Entries == 0 {
				t.Errorf("the stores of task %s are %+v", task.ID, task.Stores)
			}
		}
		if task.State != status.Running || task.Stale {
			t.Errorf("task %s is %s, stale %v", task.ID, task.State, task.Stale)
		}
	}
	if read != 600 || repartitioned != 600 {
		t.Errorf("%d records were read and %d written, want 600 of each", read, repartitioned)
	}
	if written < int64(len(want)) {
		t.Errorf("%d changelog records for %d keys", written, len(want))
	}
	if s.Commits.Count == 0 || s.Commits.Seconds.Count != s.Commits.Count || s.Rebalances.Assigned == 0 {
		t.Errorf("commits %+v, rebalances %+v", s.Commits, s.Rebalances)
	}
	if len(s.Tasks) != 4 || s.State != status.Running || s.MemberID == "" || s.Instance == "" {
		t.Errorf("the worker is %s with %d tasks, member %q, instance %q", s.State, len(s.Tasks), s.MemberID, s.Instance)
	}
	var sources int64
	for _, n := range s.Nodes {
		if strings.HasPrefix(n.Name, "KSTREAM-SOURCE-0000000000") {
			sources = n.Passed
		}
	}
	if sources != 600 {
		t.Errorf("the source passed on %d records, want 600: %+v", sources, s.Nodes)
	}
	stop()
	if r := app.Health(); r.Alive || r.Verdict != health.Unhealthy {
		t.Errorf("after the end: %+v", r)
	}
}

func lag(s status.Worker) (n int64) {
	for _, t := range s.Tasks {
		n += t.Lag()
	}
	return n
}

func TestHealthFollowsTheLag(t *testing.T) {
	b := newBench(t, 1, "in", "out")
	hold := make(chan struct{})
	release := sync.OnceFunc(func() { close(hold) })
	bld := topology.New("lagging")
	bld.Stream[string, string]("in").MapValues(func(v string) string {
		if v == "hold" {
			<-hold
		}
		return v
	}).To("out")
	app, _ := b.app(bld, tidemill.Health(health.Lag(500), anyDisk))
	t.Cleanup(release) // before the worker is waited for
	b.eventually("readiness", func() bool { return app.Health().Ready })
	records := []*kgo.Record{{Topic: "in", Value: []byte("hold")}}
	for range 600 {
		records = append(records, &kgo.Record{Topic: "in", Value: []byte("x")})
	}
	b.produce(records...)
	b.eventually("a degraded worker", func() bool {
		r := app.Health()
		return r.Verdict == health.Degraded && !r.Ready && strings.Contains(r.NotReady, "records behind")
	})
	release()
	b.healthy(app)
}

func TestDeadLettersMakeAWorkerUnhealthyUntilTheyAreDealtWith(t *testing.T) {
	b := newBench(t, 1, "in", "out", "dead")
	bld := topology.New("lettered")
	bld.Stream[string, int64]("in").To("out")
	app, _ := b.app(bld, tidemill.ExactlyOnce(), tidemill.OnError(tidemill.DeadLetter("dead")), tidemill.Admin("0"), tidemill.Health(anyDisk))
	b.eventually("readiness", func() bool { return app.Health().Ready })
	for i := range 101 {
		b.produce(&kgo.Record{Topic: "in", Key: []byte("k"), Value: []byte(fmt.Sprint("bad", i))})
	}
	b.eventually("an unhealthy worker", func() bool { return app.Health().Verdict == health.Unhealthy })
	if reasons := strings.Join(app.Health().Reasons(), "; "); !strings.Contains(reasons, `101 dead letters wait in topic "dead"`) {
		t.Errorf("the reasons are %q", reasons)
	}
	addr := "http://" + address(t, b, app)
	var listed struct {
		Letters []struct {
			Partition int32
			Offset    int64
			ValueText string
			Message   string
			Origin    status.LetterOrigin
		}
	}
	get(t, addr+"/api/deadletters/dead?limit=500", &listed)
	if len(listed.Letters) != 101 || listed.Letters[0].ValueText != "bad0" || listed.Letters[0].Origin.Topic != "in" {
		t.Fatalf("%d letters are listed, the first is %+v", len(listed.Letters), listed.Letters[0])
	}
	third := listed.Letters[2]
	body := fmt.Sprintf(`{"letters":[{"partition":0,"offset":%d}]}`, third.Offset)
	if code, text := post(t, addr+"/api/deadletters/dead/redrive", body); code != http.StatusOK {
		t.Fatalf("redrive: %d %s", code, text)
	}
	if code, text := post(t, addr+"/api/deadletters/dead/redrive", body); code != http.StatusNotFound {
		t.Errorf("redriven twice: %d %s", code, text)
	}
	// It fails again, as a letter of its own.
	b.eventually("the redriven record", func() bool {
		get(t, addr+"/api/deadletters/dead?limit=500", &listed)
		last := listed.Letters[len(listed.Letters)-1]
		return len(listed.Letters) == 101 && last.ValueText == "bad2" && last.Origin.Offset == 101
	})
	// What is sent back from outside is known to the worker.
	outside, err := upkeep.Open(upkeep.Brokers(b.addrs...))
	if err != nil {
		t.Fatal(err)
	}
	defer outside.Close()
	fourth := upkeep.Position{Partition: 0, Offset: listed.Letters[2].Offset}
	if n, err := outside.Redrive(t.Context(), "lettered", "dead", upkeep.These(fourth), nil); n != 1 || err != nil {
		t.Fatalf("%d letters were redriven from outside: %v", n, err)
	}
	body = fmt.Sprintf(`{"letters":[{"partition":0,"offset":%d}]}`, fourth.Offset)
	if code, text := post(t, addr+"/api/deadletters/dead/redrive", body); code != http.StatusNotFound {
		t.Errorf("redriven twice: %d %s", code, text)
	}
	for _, l := range listed.Letters[:2] {
		body := fmt.Sprintf(`{"letters":[{"partition":0,"offset":%d}]}`, l.Offset)
		if code, text := post(t, addr+"/api/deadletters/dead/discard", body); code != http.StatusOK {
			t.Fatalf("discard: %d %s", code, text)
		}
	}
	b.healthy(app)
}

// address is where a worker's admin address listens, as the group knows it.
func address(t *testing.T, b *bench, app *tidemill.App) (addr string) {
	t.Helper()
	b.eventually("an admin address", func() bool {
		s := app.Status()
		described := b.describe(s.Application)
		addr = described[s.MemberID]
		return addr != ""
	})
	return addr
}

func get(t *testing.T, url string, into any) int {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatalf("%s: %v: %s", url, err, data)
	}
	return response.StatusCode
}

func post(t *testing.T, url, body string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("X-Tidemill", "1")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	data, _ := io.ReadAll(response.Body)
	return response.StatusCode, string(data)
}

// BenchmarkStatus is what one look at a worker of twelve tasks costs: once a second, a
// millisecond of it is a thousandth of a core.
func BenchmarkStatus(b *testing.B) {
	broker, err := embedded.Start(embedded.Topic("in", 6), embedded.Topic("out", 6))
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = broker.Close() }()
	app, err := tidemill.New(counting(), tidemill.Brokers(broker.Addrs()...), tidemill.StateDir(b.TempDir()), tidemill.Logger(slog.New(slog.DiscardHandler)))
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan error, 1)
	go func() { done <- app.Run(ctx) }()
	for tick := time.Tick(20 * time.Millisecond); !app.Health().Ready; {
		<-tick
	}
	for b.Loop() {
		app.Status()
	}
	b.StopTimer()
	cancel()
	if err := <-done; err != nil {
		b.Error(err)
	}
}
