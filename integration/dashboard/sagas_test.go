//go:build integration

package dashboard

import (
	"context"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// demo runs the command's demo and returns the address of its dashboard.
func demo(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "tidemill")
	if out, err := exec.Command("go", "build", "-o", program, "../../cmd/tidemill").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := listener.Addr().String()
	listener.Close()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, program, "demo", "--port", "0", "--admin", addr, "--rate", "200")
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait() // it was killed
		if t.Failed() {
			t.Log(out.String())
		}
	})
	answers(t, "http://"+addr+"/healthz")
	return "http://" + addr
}

// answers waits until an address answers.
func answers(t *testing.T, url string) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for limit := time.After(patience); ; {
		response, err := http.Get(url)
		if err == nil {
			response.Body.Close()
			return
		}
		select {
		case <-tick.C:
		case <-limit:
			t.Fatal(err)
		}
	}
}

func TestTheDashboardShowsSagasAndActsOnThem(t *testing.T) {
	url := demo(t)
	ctx, faults := browser(t)
	run(ctx, t, chromedp.EmulateViewport(1440, 900), chromedp.Navigate(url))
	await(ctx, t, "a page of sagas", `!document.getElementById("sagas-tab").hidden`)
	visit(ctx, t, "sagas")
	await(ctx, t, "sagas of several statuses", `["completed", "running", "parked", "compensated"].every(s => /[1-9]/.test([...document.querySelectorAll(".chip-button")].find(b => b.textContent.startsWith(s))?.textContent))`)
	press(ctx, t, ".chip-button", "parked")
	await(ctx, t, "parked sagas only", `[...document.querySelectorAll("#saga-rows .pill")].map(p => p.textContent).join() === "parked,".repeat(document.querySelectorAll("#saga-rows .pill").length).slice(0, -1) && document.querySelector("#saga-rows .pill")`)
	press(ctx, t, ".chip-button", "all")
	run(ctx, t, fill("saga-prefix", "host-"), chromedp.Click("#saga-filter button"))
	await(ctx, t, "sagas of the prefix", `[...document.querySelectorAll("#saga-rows a")].every(a => a.textContent.startsWith("host-")) && document.querySelectorAll("#saga-rows tbody tr").length > 3`)
	both(ctx, t, "sagas")

	// Host 0 waits for its approval, host 4 too.
	open(ctx, t, "host-0")
	await(ctx, t, "the steps", `document.querySelectorAll(".step").length === 3 && document.querySelector(".step.running")?.textContent.includes("approval")`)
	await(ctx, t, "the attempts of a step", `document.querySelector(".step.done").textContent.includes("2 attempts")`)
	await(ctx, t, "the history", `document.querySelectorAll(".card > .history li").length >= 5 && document.querySelector(".card > .history").textContent.includes("the switch of host-0 does not answer")`)
	await(ctx, t, "the data", `document.querySelector("pre.data").textContent.includes('"host": "host-0"')`)
	both(ctx, t, "saga-waiting")

	tap(ctx, t, "#saga-cancel")
	both(ctx, t, "saga-cancel")
	press(ctx, t, "dialog button", "Leave it")
	await(ctx, t, "no dialog", `!document.querySelector("dialog")`)
	await(ctx, t, "a saga that was not cancelled", `document.querySelector("#saga .card-head .pill").textContent === "running"`)
	tap(ctx, t, "#saga-cancel")
	set(ctx, t, "dialog input[name=reason]", "it was <b>nothing</b>")
	tap(ctx, t, "#saga-confirm")
	await(ctx, t, "a saga that was cancelled", `document.querySelector("#saga .card-head .pill").textContent === "compensated"`)
	await(ctx, t, "the end in the history", `/running|compensating → compensated/.test(document.querySelector(".card > .history li:last-child").textContent) && document.querySelector(".facts").textContent.includes("it was <b>nothing</b>")`)
	await(ctx, t, "the time of the compensation", `document.querySelector(".step.compensated").textContent.includes("compensation: ") && document.querySelector(".span .undoing")`)
	await(ctx, t, "no actions any more", `!document.querySelector("#saga-cancel, #saga-signal, [data-action]")`)
	both(ctx, t, "saga-compensated")

	back(ctx, t)
	open(ctx, t, "host-4")
	tap(ctx, t, "#saga-signal")
	set(ctx, t, "dialog textarea", "kim")
	tap(ctx, t, "#saga-confirm")
	await(ctx, t, "what is wrong with the data", `/JSON/.test(document.querySelector("dialog .banner")?.textContent)`)
	set(ctx, t, "dialog textarea", `"kim"`)
	tap(ctx, t, "#saga-confirm")
	await(ctx, t, "a saga that was approved", `document.querySelector("#saga .card-head .pill").textContent === "completed" && document.querySelector("pre.data").textContent.includes('"by": "kim"')`)

	back(ctx, t)
	run(ctx, t, fill("saga-prefix", "target-9"), chromedp.Click("#saga-filter button"))
	open(ctx, t, "target-9")
	await(ctx, t, "a parked step", `document.querySelector(".step.parked .why").textContent.includes("the firewall does not know 10.0.0.9")`)
	both(ctx, t, "saga-parked")
	tap(ctx, t, ".step.parked [data-action=skip]")
	tap(ctx, t, "#saga-confirm")
	await(ctx, t, "a step that was skipped", `document.querySelector("#saga .card-head .pill").textContent === "completed" && document.querySelector(".step.skipped")`)
	await(ctx, t, "nothing that is no content", `!/\b(false|undefined|null|NaN|Invalid Date)\b/.test(document.body.innerText)`)
	if got := faults(); len(got) > 0 {
		t.Errorf("the browser complains: %s", strings.Join(got, "\n"))
	}
}

// open opens a saga of the list.
func open(ctx context.Context, t *testing.T, id string) {
	t.Helper()
	await(ctx, t, "saga "+id, `[...document.querySelectorAll("#saga-rows a")].some(a => a.textContent === "`+id+`")`)
	press(ctx, t, "#saga-rows a", id)
	await(ctx, t, "the page of "+id, `document.querySelector("#saga .card-head h2")?.textContent === "`+id+`"`)
}

func back(ctx context.Context, t *testing.T) {
	t.Helper()
	tap(ctx, t, ".back a")
	run(ctx, t, chromedp.WaitVisible("#saga-list"))
}

// press clicks the first of some elements whose text begins with this.
func press(ctx context.Context, t *testing.T, selector, text string) {
	t.Helper()
	await(ctx, t, text+" to click", `(e => e && (e.click(), true))([...document.querySelectorAll("`+selector+`")].find(e => e.textContent.startsWith("`+text+` ") || e.textContent === "`+text+`"))`)
}

// tap clicks an element in the page itself, which may draw it anew at any moment.
func tap(ctx context.Context, t *testing.T, selector string) {
	t.Helper()
	await(ctx, t, selector+" to click", `(e => e && (e.click(), true))(document.querySelector("`+selector+`"))`)
}

// set sets the value of a field.
func set(ctx context.Context, t *testing.T, selector, value string) {
	t.Helper()
	if _, err := chromedp.Run(ctx, chromedp.SetValue(selector, value)); err != nil {
		t.Fatal(err)
	}
}
