//go:build integration

package dashboard

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tidemill/tidemill"
	"github.com/tidemill/tidemill/embedded"
	"github.com/tidemill/tidemill/topology"
	"github.com/tidemill/tidemill/window"
)

// shots is where screenshots go, for people to look at. Git ignores the folder.
const shots = "../../tmp/dashboard"

func TestTheDashboardShowsARunningApplication(t *testing.T) {
	addrs := broker(t)
	client, err := kgo.NewClient(kgo.SeedBrokers(addrs...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	url := worker(t, addrs)
	worker(t, addrs)
	feed(t, client)
	ctx, faults := browser(t)

	run(ctx, t, chromedp.EmulateViewport(1440, 900), chromedp.Navigate(url))
	await(ctx, t, "a graph of the topology", `window.tidemillGraph?.nodes(".operator").length >= 8 && window.tidemillGraph.nodes(".topic").length >= 4`)
	await(ctx, t, "tasks of two workers", `document.getElementById("subtitle").textContent.startsWith("2 workers")`)
	await(ctx, t, "rates", `/^[1-9]/.test(document.querySelector("#tiles .tile b").textContent)`)
	first, err := chromedp.Run(ctx, chromedp.Text("#tiles .tile b"))
	if err != nil {
		t.Fatal(err)
	}
	await(ctx, t, "rates that move", fmt.Sprintf(`document.querySelector("#tiles .tile b").textContent !== %q`, first))
	await(ctx, t, "rates in the graph", `window.tidemillGraph.edges(".flowing").length > 0`)
	await(ctx, t, "a few turns for the pictures", `+document.documentElement.dataset.ticks > 8`)
	both(ctx, t, "overview")

	visit(ctx, t, "tasks")
	await(ctx, t, "all tasks", `document.querySelectorAll("#task-table tbody tr").length === 12`)
	both(ctx, t, "tasks")

	visit(ctx, t, "stores")
	run(ctx, t, fill("store", "by-kind"), fill("key", "ransomware"), chromedp.Click("#lookup button"))
	await(ctx, t, "the row of the key", `/^\d+$/.test(document.querySelector("#rows tbody tr td:nth-child(2)")?.textContent)`)
	run(ctx, t, fill("key", ""), chromedp.Click("#lookup button"))
	await(ctx, t, "the rows of all workers", `document.querySelectorAll("#rows tbody tr").length === 6`)
	await(ctx, t, "nothing that is no content", `!/\b(false|undefined|null|NaN)\b/.test(document.body.innerText)`)
	both(ctx, t, "stores")

	visit(ctx, t, "letters")
	await(ctx, t, "three dead letters", `document.querySelectorAll("#letter-list .letter").length === 3`)
	both(ctx, t, "letters")
	run(ctx, t, chromedp.Click("#letter-list .letter:nth-child(2) input"), chromedp.Click("#redrive"))
	await(ctx, t, "a letter that is redriven", `document.getElementById("letter-note").textContent === "1 redriven"`)

	visit(ctx, t, "health")
	await(ctx, t, "checks", `document.querySelectorAll("#checks .check-row").length >= 8`)
	both(ctx, t, "health")
	if got := faults(); len(got) > 0 {
		t.Errorf("the browser complains: %s", strings.Join(got, "\n"))
	}
}

func broker(t *testing.T) []string {
	t.Helper()
	b, err := embedded.Start(embedded.Topic("threats.raw", 4), embedded.Topic("threats.high", 4), embedded.Topic("alerts", 4), embedded.Topic("dead-letters", 1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return b.Addrs()
}

// Threat is what the application works on.
type Threat struct {
	Kind     string
	Priority int
}

func threats() *topology.Builder {
	b := topology.New("threatwatch")
	raw := b.Stream[string, Threat]("threats.raw")
	high := raw.Filter(func(_ string, t Threat) bool { return t.Priority >= 8 })
	high.To("threats.high")
	byKind := raw.GroupBy(func(_ string, t Threat) string { return t.Kind })
	byKind.Count(topology.StoreName("by-kind")).ToStream().To("alerts")
	raw.GroupBy(func(k string, _ Threat) string { return k }).
		WindowedBy(window.Tumbling(10 * time.Second)).
		Count(topology.StoreName("by-host"))
	return b
}

// worker runs a worker and returns the address of its dashboard.
func worker(t *testing.T, addrs []string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := listener.Addr().String()
	listener.Close()
	app, err := tidemill.New(threats(), tidemill.Brokers(addrs...), tidemill.StateDir(t.TempDir()), tidemill.ExactlyOnce(), tidemill.Admin(addr),
		tidemill.OnDecodeError(tidemill.DeadLetter("dead-letters")), tidemill.Logger(slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- app.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return "http://" + addr
}

// feed produces until the test ends, three bad records first.
func feed(t *testing.T, client *kgo.Client) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	t.Cleanup(func() { cancel(); <-done })
	for i := range 3 {
		client.Produce(ctx, &kgo.Record{Topic: "threats.raw", Key: []byte("host-7"), Value: fmt.Appendf(nil, `{"Kind": %d}`, i), Headers: []kgo.RecordHeader{{Key: "trace", Value: []byte("abc")}}}, nil)
	}
	go func() {
		defer close(done)
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		kinds := []string{"phishing", "ransomware", "scan", "botnet", "exfiltration", "brute-force"}
		for i := 0; ; i++ {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			for j := range 20 + i%17 {
				value := fmt.Appendf(nil, `{"Kind":%q,"Priority":%d}`, kinds[(i+j)%len(kinds)], (i*7+j)%10)
				client.Produce(ctx, &kgo.Record{Topic: "threats.raw", Key: fmt.Appendf(nil, "host-%d", (i+j)%40), Value: value}, nil)
			}
		}
	}()
}

// browser starts Chromium. faults are what it has complained about.
func browser(t *testing.T) (ctx context.Context, faults func() []string) {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil && os.Getenv("CI") == "" {
		t.Skip("there is no chromium: apt-get install chromium")
	}
	if err != nil {
		t.Fatal("there is no chromium: apt-get install chromium")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox)
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	complaints := make(chan string, 100)
	note := func(text string) {
		select {
		case complaints <- text:
		default:
		}
	}
	err = chromedp.Listen(ctx, func(event any) {
		switch e := event.(type) {
		case *runtime.EventExceptionThrown:
			note(e.ExceptionDetails.Text + " " + e.ExceptionDetails.Exception.Description)
		case *runtime.EventConsoleAPICalled:
			for _, arg := range e.Args {
				note(string(e.Type) + ": " + string(arg.Value) + arg.Description)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			for len(complaints) > 0 {
				t.Log("the browser: " + <-complaints)
			}
		}
	})
	return ctx, func() (all []string) {
		for {
			select {
			case text := <-complaints:
				all = append(all, text)
			default:
				return all
			}
		}
	}
}

func run(ctx context.Context, t *testing.T, actions ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		t.Fatal(err)
	}
}

// patience is how long the page may take for anything.
const patience = time.Minute

// await waits until an expression is true in the page.
func await(ctx context.Context, t *testing.T, what, expression string) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(patience)
	for {
		ok, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("!!("+expression+")"))
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if ok {
			return
		}
		select {
		case <-tick.C:
		case <-limit:
			shoot(ctx, t, "failed")
			t.Fatalf("there is not %s", what)
		}
	}
}

func visit(ctx context.Context, t *testing.T, page string) {
	t.Helper()
	run(ctx, t, chromedp.Click(`nav a[href="#`+page+`"]`), chromedp.WaitVisible("#"+page))
}

// fill sets the value of a field.
func fill(id, value string) chromedp.Action[chromedp.Void] {
	return func(ctx context.Context, target *chromedp.Target) (none chromedp.Void, err error) {
		set := chromedp.Evaluate[string](fmt.Sprintf("document.getElementById(%q).value = %q", id, value))
		_, err = set(ctx, target)
		return none, err
	}
}

// both takes pictures of a page, wide and narrow, light and dark, and checks that it
// never has to be scrolled sideways.
func both(ctx context.Context, t *testing.T, page string) {
	t.Helper()
	for _, size := range []struct {
		name          string
		width, height int64
	}{{"narrow", 390, 844}, {"wide", 1440, 900}} {
		for _, scheme := range []string{"dark", "light"} {
			media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}}
			run(ctx, t, chromedp.EmulateViewport(size.width, size.height))
			if _, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, media); err != nil {
				t.Fatal(err)
			}
			await(ctx, t, "a page that fits", fmt.Sprintf(`document.documentElement.scrollWidth <= %d`, size.width))
			if page == "overview" {
				run(ctx, t, chromedp.Click("#fit"))
			}
			shoot(ctx, t, page+"-"+size.name+"-"+scheme)
		}
	}
}

func shoot(ctx context.Context, t *testing.T, name string) {
	t.Helper()
	picture, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(shots, 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(shots, name+".png"), picture, 0o600); err != nil {
		t.Fatal(err)
	}
}
