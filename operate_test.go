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

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/tidemill/tidemill"
	"github.com/tidemill/tidemill/admin"
	"github.com/tidemill/tidemill/health"
	"github.com/tidemill/tidemill/query"
	"github.com/tidemill/tidemill/status"
	"github.com/tidemill/tidemill/topology"
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
	app, _ := b.app(bld, tidemill.Health(health.Lag(500)))
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
	b.eventually("a healthy worker", func() bool { r := app.Health(); return r.Verdict == health.Healthy && r.Ready })
}

func TestDeadLettersMakeAWorkerUnhealthyUntilTheyAreDealtWith(t *testing.T) {
	b := newBench(t, 1, "in", "out", "dead")
	bld := topology.New("lettered")
	bld.Stream[string, int64]("in").To("out")
	app, _ := b.app(bld, tidemill.ExactlyOnce(), tidemill.OnError(tidemill.DeadLetter("dead")), tidemill.Admin("0"))
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
	for _, l := range listed.Letters[:2] {
		body := fmt.Sprintf(`{"letters":[{"partition":0,"offset":%d}]}`, l.Offset)
		if code, text := post(t, addr+"/api/deadletters/dead/discard", body); code != http.StatusOK {
			t.Fatalf("discard: %d %s", code, text)
		}
	}
	b.eventually("a healthy worker", func() bool { return app.Health().Verdict == health.Healthy })
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

func TestQueriesReadWhatTheirCallerWrote(t *testing.T) {
	b := newBench(t, 2, "in", "out")
	app, _ := b.app(byKey(), tidemill.CommitInterval(time.Minute))
	counts, err := query.OpenTable[string, int64](app, "by-key")
	if err != nil {
		t.Fatal(err)
	}
	b.eventually("readiness", func() bool { return app.Health().Ready })
	for i := range 50 {
		key := fmt.Sprint("key", i%5)
		written := b.client.ProduceSync(b.ctx, &kgo.Record{Topic: "in", Key: []byte(key), Value: []byte("x")})
		at, err := written.First()
		if err != nil {
			t.Fatal(err)
		}
		n, ok, err := counts.Get(b.ctx, key, query.After("in", at.Partition, at.Offset+1))
		if err != nil || !ok || n != int64(i/5+1) {
			t.Fatalf("after %d records %s is %d, %v, %v", i+1, key, n, ok, err)
		}
	}
	rows, err := counts.All(b.ctx)
	if err != nil || len(rows) != 5 {
		t.Errorf("all rows are %v, %v", rows, err)
	}
	rows, err = counts.Range(b.ctx, "key1", "key3")
	if err != nil || len(rows) != 2 || rows[0].Value != 10 {
		t.Errorf("a range is %v, %v", rows, err)
	}
	rows, err = counts.Prefix(b.ctx, []byte("key"), query.Limit(3))
	if err != nil || len(rows) != 3 {
		t.Errorf("three rows of a prefix are %v, %v", rows, err)
	}
	if _, ok, err := counts.Get(b.ctx, "nobody"); ok || err != nil {
		t.Errorf("a key that is not there: %v, %v", ok, err)
	}
	if _, err := query.OpenTable[string, string](app, "by-key"); err == nil || !strings.Contains(err.Error(), "another type than string") {
		t.Errorf("a wrong type: %v", err)
	}
	if _, err := query.OpenTable[string, int64](app, "nothing"); err == nil || !strings.Contains(err.Error(), `there are ["by-key"]`) {
		t.Errorf("a wrong name: %v", err)
	}
	short, cancel := context.WithTimeout(b.ctx, 30*time.Millisecond)
	defer cancel()
	if _, _, err := counts.Get(short, "key1", query.After("in", 0, 1_000_000)); err == nil {
		t.Error("a position that is far away has come")
	}
}

func byKey() *topology.Builder {
	b := topology.New("keyed")
	b.Stream[string, string]("in").GroupByKey().Count(topology.StoreName("by-key")).ToStream().To("out")
	return b
}

func TestQueriesFindTheirWayOverThreeWorkers(t *testing.T) {
	b := newBench(t, 6, "in", "out")
	token := strings.Repeat("secret", 4)
	var apps [3]*tidemill.App
	var stops [3]func()
	for i := range apps {
		apps[i], stops[i] = b.app(byKey(), tidemill.Admin("0", admin.Token(token)))
	}
	want := map[string]int64{}
	var records []*kgo.Record
	for i := range 600 {
		key := fmt.Sprint("key", i%60)
		want[key]++
		records = append(records, &kgo.Record{Topic: "in", Key: []byte(key), Value: []byte("x")})
	}
	b.produce(records...)
	b.counted(want)
	b.eventually("two tasks for each worker", func() bool {
		for _, app := range apps {
			if len(app.Status().Tasks) != 2 || !app.Health().Ready {
				return false
			}
		}
		return true
	})
	addrs := [3]string{address(t, b, apps[0]), address(t, b, apps[1]), address(t, b, apps[2])}
	for _, addr := range addrs {
		b.asked(addr, token, want)
	}
	if _, err := tidemill.New(byKey(), tidemill.Admin("0.0.0.0:0")); err == nil || !strings.Contains(err.Error(), "admin.Token") {
		t.Errorf("an open address without a token: %v", err)
	}
	stops[1]()
	b.eventually("three tasks for each worker", func() bool {
		return len(apps[0].Status().Tasks) == 3 && apps[0].Health().Ready && len(apps[2].Status().Tasks) == 3 && apps[2].Health().Ready
	})
	b.asked(addrs[0], token, want)
	b.asked(addrs[2], token, want)
}

// asked asks one worker for every key, and for all rows.
func (b *bench) asked(addr, token string, want map[string]int64) {
	b.t.Helper()
	var answer struct {
		Rows []struct {
			Key   string
			Value int64
		}
		Missing []string
		Error   string
	}
	ask := func(params string) int {
		request, err := http.NewRequestWithContext(b.ctx, http.MethodGet, "http://"+addr+"/api/stores/by-key?"+params, nil)
		if err != nil {
			b.t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+token)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			b.t.Fatal(err)
		}
		defer response.Body.Close()
		answer.Rows, answer.Missing, answer.Error = nil, nil, ""
		if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
			b.t.Fatal(err)
		}
		return response.StatusCode
	}
	for key, n := range want {
		if code := ask("key=" + key); code != http.StatusOK || len(answer.Rows) != 1 || answer.Rows[0].Value != n {
			b.t.Fatalf("%s of %s: %d %+v", key, addr, code, answer)
		}
	}
	if ask("limit=1000"); len(answer.Rows) != len(want) || answer.Missing != nil {
		b.t.Errorf("%d of %d rows by %s, missing %v", len(answer.Rows), len(want), addr, answer.Missing)
	}
}

// describe are the admin addresses that the members of a group tell it.
func (b *bench) describe(group string) map[string]string {
	b.t.Helper()
	groups, err := kadm.NewClient(b.client).DescribeGroups(b.ctx, group)
	if err != nil {
		b.t.Fatal(err)
	}
	out := map[string]string{}
	for _, m := range groups[group].Members {
		if joined, ok := m.Join.AsConsumer(); ok && len(joined.UserData) > 0 {
			out[m.MemberID] = string(joined.UserData[1:])
		}
	}
	return out
}

func TestATraceGoesOverRepartitionTopics(t *testing.T) {
	b := newBench(t, 1, "in", "out")
	recorded := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorded), sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.NeverSample())))
	b.app(counting(), tidemill.ExactlyOnce(), tidemill.Tracing(provider))
	const trace, sampled = "0af7651916cd43dd8448eb211c80319c", "-b7ad6b7169203331-01"
	b.produce(
		&kgo.Record{Topic: "in", Value: []byte("quiet")},
		&kgo.Record{Topic: "in", Value: []byte("traced"), Headers: []kgo.RecordHeader{{Key: "traceparent", Value: []byte("00-" + trace + sampled)}}},
	)
	const repartition = "counting-counts-repartition"
	want := []string{"in receive", repartition + " publish", repartition + " receive", "out publish"}
	var names []string
	b.eventually("four spans of the record", func() bool {
		names = nil
		for _, span := range recorded.Ended() {
			names = append(names, span.Name())
			if span.SpanContext().TraceID().String() != trace {
				t.Fatalf("span %s is of trace %s", span.Name(), span.SpanContext().TraceID())
			}
		}
		return len(names) >= len(want)
	})
	if strings.Join(names, ", ") != strings.Join(want, ", ") {
		t.Errorf("the spans are %q, want %q", names, want)
	}
}
