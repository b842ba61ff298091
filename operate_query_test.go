package tidemill_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/tidemill/tidemill"
	"github.com/tidemill/tidemill/admin"
	"github.com/tidemill/tidemill/query"
	"github.com/tidemill/tidemill/topology"
	"github.com/tidemill/tidemill/window"
)

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

func timed() *topology.Builder {
	b := topology.New("timed")
	in := b.Stream[string, string]("in")
	grouped := in.GroupByKey()
	grouped.WindowedBy(window.Tumbling(time.Minute).Grace(time.Hour)).Count(topology.StoreName("windows"))
	grouped.WindowedBySession(window.Session(30 * time.Second).Grace(time.Hour)).Count(topology.StoreName("sessions"))
	in.ToTable(topology.StoreName("versions"), topology.History(time.Hour))
	return b
}

func TestQueriesOfTime(t *testing.T) {
	b := newBench(t, 1, "in")
	app, _ := b.app(timed())
	at := func(s int) time.Time { return time.Unix(int64(1_700_000_000-1_700_000_000%60+s), 0) }
	for i, s := range []int{0, 10, 70, 80} {
		b.produce(
			&kgo.Record{Topic: "in", Key: []byte("a"), Value: fmt.Append(nil, "v", i), Timestamp: at(s)},
			&kgo.Record{Topic: "in", Key: []byte("b"), Value: []byte("other"), Timestamp: at(s)},
		)
	}
	b.eventually("readiness", func() bool { return app.Health().Ready })
	after := query.After("in", 0, 8)
	windows, err := query.OpenWindows[string, int64](app, "windows")
	if err != nil {
		t.Fatal(err)
	}
	rows, err := windows.Fetch(b.ctx, "a", at(0), at(120), after)
	if err != nil || len(rows) != 2 || rows[0].Value != 2 || !rows[1].Start.Equal(at(60)) || rows[1].Key != "a" {
		t.Errorf("windows of a: %+v, %v", rows, err)
	}
	if rows, err = windows.FetchAll(b.ctx, at(60), at(60), after); err != nil || len(rows) != 2 || rows[1].Key != "b" {
		t.Errorf("windows of a minute: %+v, %v", rows, err)
	}
	sessions, err := query.OpenWindows[string, int64](app, "sessions")
	if err != nil {
		t.Fatal(err)
	}
	rows, err = sessions.Fetch(b.ctx, "a", at(60), at(120), after)
	if err != nil || len(rows) != 1 || !rows[0].Start.Equal(at(70)) || !rows[0].End.Equal(at(80)) || rows[0].Value != 2 {
		t.Errorf("sessions of a in the second minute: %+v, %v", rows, err)
	}
	versions, err := query.OpenVersions[string, string](app, "versions")
	if err != nil {
		t.Fatal(err)
	}
	if v, ok, err := versions.Get(b.ctx, "a", after); err != nil || !ok || v.Value != "v3" || !v.Start.Equal(at(80)) || !v.End.IsZero() {
		t.Errorf("the newest version: %+v, %v, %v", v, ok, err)
	}
	if v, ok, err := versions.AsOf(b.ctx, "a", at(69), after); err != nil || !ok || v.Value != "v1" || !v.End.Equal(at(70)) {
		t.Errorf("the version as of a time: %+v, %v, %v", v, ok, err)
	}
	if _, ok, err := versions.AsOf(b.ctx, "a", at(-1), after); ok || err != nil {
		t.Errorf("before the first version: %v, %v", ok, err)
	}
	history, err := versions.History(b.ctx, "a", at(10), at(75), after)
	if err != nil || len(history) != 2 || history[0].Value != "v1" || history[1].Value != "v2" {
		t.Errorf("the history: %+v, %v", history, err)
	}
}
