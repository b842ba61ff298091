package admin_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/tidemill/tidemill/admin"
	"github.com/tidemill/tidemill/health"
	"github.com/tidemill/tidemill/query"
	"github.com/tidemill/tidemill/status"
	"github.com/tidemill/tidemill/topology"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fake is an application that notes what is asked of it.
type fake struct {
	plan   *topology.Plan
	report health.Report
	asked  []query.Request
	answer error
	// answers, if set, decides how each request is answered.
	answers  func(query.Request) (query.Answer, error)
	redriven []status.LetterID
	members  []status.Member
	audit    [][]byte
	noAudit  error
	sent     []string
	pages    func(query.Request) query.Answer
}

func (f *fake) Status() status.Worker {
	return status.Worker{Application: "app", State: status.Running, Tasks: []status.Task{{ID: "0_0", Subtopology: 0}, {ID: "0_1", Subtopology: 0, Partition: 1}, {ID: "1_0", Subtopology: 1}}, DeadLetters: []status.DeadLetter{{Topic: "dead", Depth: 2}}}
}
func (f *fake) Health() health.Report { return f.report }
func (f *fake) Plan() *topology.Plan  { return f.plan }
func (f *fake) Query(_ context.Context, r query.Request) (query.Answer, error) {
	f.asked = append(f.asked, r)
	if f.pages != nil {
		return f.pages(r), f.answer
	}
	if f.answers != nil {
		return f.answers(r)
	}
	return query.Answer{Rows: []query.Row{{Key: []byte("k"), Value: []byte("\x00\x00\x00\x00\x00\x00\x00\x07"), Timestamp: 1000}}}, f.answer
}
func (f *fake) Members(context.Context) ([]status.Member, error) { return f.members, nil }
func (f *fake) Letters(context.Context, string, int) ([]status.Letter, error) {
	return []status.Letter{{LetterID: status.LetterID{Offset: 4}, Value: []byte("<b>")}}, nil
}
func (f *fake) Redrive(_ context.Context, _ string, ids []status.LetterID) error {
	f.redriven = append(f.redriven, ids...)
	return f.answer
}
func (f *fake) Values(context.Context, string, []byte, time.Time, int) ([][]byte, error) {
	return f.audit, f.noAudit
}
func (f *fake) Send(_ context.Context, topic string, key, value []byte) error {
	f.sent = append(f.sent, topic+" "+string(key)+" "+string(value))
	return nil
}
func (f *fake) Discard(context.Context, string, []status.LetterID) error { return nil }

const token = "a token that is long enough"

// serve opens an admin address on this machine and returns its host:port.
func serve(t *testing.T, options ...admin.Option) (*fake, string) {
	t.Helper()
	b := topology.New("app")
	keyed := b.Stream[string, string]("in").GroupByKey()
	keyed.Count(topology.StoreName("counts")).ToStream().To("out")
	keyed.Reduce(func(_, v string) string { return v }, topology.StoreName("sagas"))
	b.Attach(board{})
	plan, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	f := &fake{plan: plan, report: health.Report{Verdict: health.Healthy, Alive: true, Ready: true}}
	s, err := admin.Open(admin.NewConfig("0", options...), f)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return f, s.Advertised()
}

// do sends a request as it is, headers given as name: value.
func do(t *testing.T, method, url, body string, headers ...string) (code int, text string, h http.Header) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		if r.Header.Set(name, value); name == "Host" {
			r.Host = value
		}
	}
	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	return response.StatusCode, string(data), response.Header
}

func TestOnlyThisMachineReachesAnAddressWithoutAHost(t *testing.T) {
	for _, addr := range []string{"0", ":0"} {
		s, err := admin.Open(admin.NewConfig(addr), &fake{})
		if err != nil {
			t.Fatal(err)
		}
		if host, _, _ := net.SplitHostPort(s.Advertised()); host != "127.0.0.1" {
			t.Errorf("%q listens at %s", addr, s.Advertised())
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestAddressesAreChecked(t *testing.T) {
	for _, row := range []struct {
		addr, want string
		options    []admin.Option
	}{
		{"0.0.0.0:9090", "give it an admin.Token", nil},
		{"192.168.1.5:9090", "give it an admin.Token", nil},
		{"[::]:9090", "give it an admin.Token", nil},
		{"0.0.0.0:9090", "at least 16", []admin.Option{admin.Token("short")}},
		{"127.0.0.1:http", "the port is none", nil},
		{"1:2:3", "give host:port", nil},
		{"9090", "advertised admin address", []admin.Option{admin.Advertise("me")}},
		{"9090", "", nil},
		{"[::1]:9090", "", nil},
		{"localhost:9090", "", nil},
		{"0.0.0.0:9090", "", []admin.Option{admin.Token(token)}},
	} {
		err := admin.NewConfig(row.addr, row.options...).Validate()
		if row.want == "" && err != nil || row.want != "" && (err == nil || !strings.Contains(err.Error(), row.want)) {
			t.Errorf("%s: %v, want %q", row.addr, err, row.want)
		}
	}
}

func TestWithATokenOnlyProbesAreOpen(t *testing.T) {
	f, addr := serve(t, admin.Token(token))
	for _, path := range []string{"/healthz", "/readyz", "/health"} {
		if code, _, _ := do(t, "GET", "http://"+addr+path, ""); code != http.StatusOK {
			t.Errorf("%s: %d", path, code)
		}
	}
	closed := []string{
		"/", "/app.js", "/style.css", "/nothing", "/api/status", "/api/topology", "/api/members", "/api/stores", "/api/stores/counts?key=k",
		"/api/sagas", "/api/sagas/office/a", "/api/deadletters", "/api/deadletters/dead", "/api/nothing", "/debug/pprof/heap", "/debug/pprof/profile", "/debug/nothing", "/healthz/x",
	}
	for _, path := range closed {
		for _, headers := range [][]string{nil, {"Authorization: Bearer wrong"}, {"Cookie: tidemill_admin=" + token}} {
			code, text, _ := do(t, "GET", "http://"+addr+path, "", headers...)
			if code != http.StatusUnauthorized || strings.Contains(text, token) {
				t.Errorf("%s with %v: %d %s", path, headers, code, text)
			}
		}
	}
	if code, _, _ := do(t, "POST", "http://"+addr+"/api/deadletters/dead/redrive", `{"letters":[{"partition":0,"offset":4}]}`, "X-Tidemill: 1"); code != http.StatusUnauthorized {
		t.Errorf("redrive without a token: %d", code)
	}
	if len(f.redriven) > 0 || len(f.asked) > 0 {
		t.Errorf("the application was asked: %v, %v", f.redriven, f.asked)
	}
	if code, _, _ := do(t, "GET", "http://"+addr+"/api/status", "", "Authorization: Bearer "+token); code != http.StatusOK {
		t.Errorf("with the token: %d", code)
	}
}

func TestSigningInSetsACookieThatIsNotTheToken(t *testing.T) {
	_, addr := serve(t, admin.Token(token))
	form := "Content-Type: application/x-www-form-urlencoded"
	if code, text, h := do(t, "POST", "http://"+addr+"/login", "token=wrong", form); code != http.StatusUnauthorized || h.Get("Set-Cookie") != "" || !strings.Contains(text, "not the token") {
		t.Errorf("a wrong token: %d %v", code, h)
	}
	code, _, h := do(t, "POST", "http://"+addr+"/login", "token="+strings.ReplaceAll(token, " ", "+"), form)
	set := h.Get("Set-Cookie")
	if code != http.StatusSeeOther || !strings.Contains(set, "HttpOnly") || !strings.Contains(set, "SameSite=Strict") || strings.Contains(set, "long") {
		t.Fatalf("signing in: %d, cookie %q", code, set)
	}
	cookie, _, _ := strings.Cut(set, ";")
	if code, _, _ := do(t, "GET", "http://"+addr+"/api/status", "", "Cookie: "+cookie); code != http.StatusOK {
		t.Errorf("with the cookie: %d", code)
	}
	body := `{"letters":[{"partition":0,"offset":4}]}`
	if code, _, _ := do(t, "POST", "http://"+addr+"/api/deadletters/dead/redrive", body, "Cookie: "+cookie); code != http.StatusForbidden {
		t.Errorf("a form with the cookie: %d", code)
	}
}

func TestRequestsOfOtherPagesAreRefused(t *testing.T) {
	f, addr := serve(t)
	body := `{"letters":[{"partition":0,"offset":4}]}`
	for _, row := range []struct {
		name, method, path string
		headers            []string
		want               int
	}{
		{"a form of another page", "POST", "/api/deadletters/dead/redrive", nil, http.StatusForbidden},
		{"a script of another page", "POST", "/api/deadletters/dead/redrive", []string{"X-Tidemill: 1", "Origin: http://evil.example"}, http.StatusForbidden},
		{"a page without an origin", "POST", "/api/deadletters/dead/redrive", []string{"X-Tidemill: 1", "Origin: null"}, http.StatusForbidden},
		{"a page of another port", "POST", "/api/deadletters/dead/redrive", []string{"X-Tidemill: 1", "Origin: http://127.0.0.1:1"}, http.StatusForbidden},
		{"what a browser says is of another site", "POST", "/api/deadletters/dead/discard", []string{"X-Tidemill: 1", "Sec-Fetch-Site: cross-site"}, http.StatusForbidden},
		{"an image of another page", "GET", "/api/status", []string{"Sec-Fetch-Site: cross-site"}, http.StatusForbidden},
		{"a name that was bound to this address", "GET", "/api/status", []string{"Host: evil.example"}, http.StatusMisdirectedRequest},
		{"that name with the port", "GET", "/", []string{"Host: evil.example:9090"}, http.StatusMisdirectedRequest},
		{"the page itself", "GET", "/api/status", []string{"Sec-Fetch-Site: same-origin"}, http.StatusOK},
	} {
		if code, text, _ := do(t, row.method, "http://"+addr+row.path, body, row.headers...); code != row.want {
			t.Errorf("%s: %d, want %d: %s", row.name, code, row.want, text)
		}
	}
	if len(f.redriven) > 0 {
		t.Errorf("letters were redriven: %v", f.redriven)
	}
	if code, _, _ := do(t, "POST", "http://"+addr+"/api/deadletters/dead/redrive", body, "X-Tidemill: 1", "Origin: http://"+addr); code != http.StatusOK || len(f.redriven) != 1 {
		t.Errorf("the page itself redrives: %d, %v", code, f.redriven)
	}
}

func TestBadInputChangesNothingAndSaysWhatToDo(t *testing.T) {
	f, addr := serve(t)
	for _, row := range []struct {
		method, path, body string
		code               int
		want               string
	}{
		{"GET", "/api/stores/nothing", "", 404, "/api/stores lists them"},
		{"GET", "/api/stores/counts?limit=0", "", 400, "give 1 to 10000"},
		{"GET", "/api/stores/counts?limit=many", "", 400, "give 1 to"},
		{"GET", "/api/stores/counts?partition=-1", "", 400, "give 0 to"},
		{"GET", "/api/stores/counts?since=yesterday", "", 400, "give milliseconds since 1970"},
		{"GET", "/api/stores/counts?after=in:0", "", 400, "give topic:partition:offset"},
		{"GET", "/api/stores/counts?wait=1h", "", 400, "at most 30s"},
		{"GET", "/api/stores/counts?scope=world", "", 400, "give local or all"},
		{"GET", "/api/stores/counts?kye=k", "", 400, `no parameter \"kye\"`},
		{"GET", "/api/stores/counts?key=base64:%21", "", 400, "key: "},
		{"GET", "/api/stores/counts?a=%zz", "", 400, "cannot be read"},
		{"GET", "/api/deadletters/in", "", 400, "no dead-letter topic"},
		{"GET", "/api/deadletters/dead?limit=501", "", 400, "give 1 to 500"},
		{"POST", "/api/deadletters/dead/redrive", "", 400, "not the JSON"},
		{"POST", "/api/deadletters/dead/redrive", "{}", 400, "no letters are chosen"},
		{"POST", "/api/deadletters/dead/redrive", `{"letters":[{"partition":-1,"offset":0}]}`, 400, "not negative"},
		{"POST", "/api/deadletters/dead/redrive", `{"letters":[{"partition":0,"offset":0}]} x`, 400, "behind the JSON"},
		{"POST", "/api/deadletters/dead/redrive", `{"all":true}`, 400, "not the JSON"},
		{"POST", "/api/deadletters/dead/redrive", `{"letters":[` + strings.Repeat(`{"partition":0,"offset":1},`, 5000) + `]}`, 400, "too large"},
		{"POST", "/api/deadletters/in/redrive", `{"letters":[{"partition":0,"offset":0}]}`, 400, "no dead-letter topic"},
		{"DELETE", "/api/status", "", 404, "there is no DELETE /api/status"},
		{"GET", "/api/none", "", 404, "there is no GET"},
		{"GET", "/debug/pprof/none", "", 400, "there are profile, trace"},
		{"GET", "/debug/pprof/profile?seconds=9999", "", 400, "give 1 to 60"},
		{"GET", "/..%2f..%2fetc/passwd", "", 404, "no such page"},
		{"GET", "/libraries/..%2f..%2findex.html", "", 404, "no such page"},
		{"GET", "/page/index.html", "", 404, "no such page"},
		{"POST", "/", "", 404, "no such page"},
	} {
		code, text, _ := do(t, row.method, "http://"+addr+row.path, row.body, "X-Tidemill: 1")
		if code != row.code || !strings.Contains(text, row.want) || strings.Count(text, "\n") > 1 {
			t.Errorf("%s %s: %d %s, want %d and %q", row.method, row.path, code, text, row.code, row.want)
		}
	}
	if len(f.redriven) > 0 || len(f.asked) > 0 {
		t.Errorf("the application was asked: %v, %v", f.redriven, f.asked)
	}
}

func TestRowsAreShownByTheirTypes(t *testing.T) {
	f, addr := serve(t)
	code, text, _ := do(t, "GET", "http://"+addr+"/api/stores/counts?key=k&after=in:0:5&asOf=2026-01-02T03:04:05Z", "")
	if code != 200 || !strings.Contains(text, `{"key":"k","value":7,"time":"1970-01-01T00:00:01Z","partition":0}`) {
		t.Errorf("%d %s", code, text)
	}
	r := f.asked[0]
	if string(r.Key) != "k" || r.Since != 1767323045000 || r.Until != r.Since || len(r.After) != 1 || r.After[0] != (query.Position{Topic: "in", Offset: 5}) {
		t.Errorf("asked %+v", r)
	}
}

func TestErrorsTellWhetherToAskAgain(t *testing.T) {
	f, addr := serve(t)
	for _, row := range []struct {
		err  error
		code int
	}{
		{query.ErrRestoring, 503}, {query.ErrRebalancing, 503}, {query.ErrBehind, 503}, {query.ErrStopped, 503},
		{&query.ElsewhereError{Store: "counts", Partition: 1}, 421}, {errors.New("disk on fire"), 500},
		{&query.ElsewhereError{Store: "counts", Partition: 1, Address: "127.0.0.1:1"}, 503}, // nobody listens there
	} {
		f.answer = row.err
		code, text, h := do(t, "GET", "http://"+addr+"/api/stores/counts?key=k&wait=300ms", "")
		if code != row.code || !strings.Contains(text, `"error"`) || (code == 503) != (h.Get("Retry-After") != "") {
			t.Errorf("%v: %d %s", row.err, code, text)
		}
	}
}

func TestProbesFollowTheReport(t *testing.T) {
	f, addr := serve(t)
	f.report = health.Report{Verdict: health.Unhealthy, Alive: true, NotReady: "tasks are being restored"}
	for path, want := range map[string]int{"/healthz": 200, "/readyz": 503, "/health": 503} {
		if code, _, _ := do(t, "GET", "http://"+addr+path, ""); code != want {
			t.Errorf("%s: %d, want %d", path, code, want)
		}
	}
	f.report.Alive = false
	if code, _, _ := do(t, "GET", "http://"+addr+"/healthz", ""); code != 503 {
		t.Errorf("/healthz of a worker that has ended: %d", code)
	}
}

func TestPagesHaveAStrictPolicy(t *testing.T) {
	_, addr := serve(t)
	for _, path := range []string{
		"/", "/app.js", "/views.js", "/sagas.js", "/dom.js", "/graph.js", "/style.css", "/icon.svg", "/libraries/cytoscape.mjs", "/libraries/cytoscape-dagre.mjs", "/api/status",
	} {
		code, _, h := do(t, "GET", "http://"+addr+path, "")
		if code != 200 || !strings.Contains(h.Get("Content-Security-Policy"), "default-src 'none'") || strings.Contains(h.Get("Content-Security-Policy"), "unsafe") || h.Get("X-Frame-Options") != "DENY" {
			t.Errorf("%s: %d %v", path, code, h)
		}
	}
}

func TestAProfileIsServed(t *testing.T) {
	_, addr := serve(t)
	if code, text, _ := do(t, "GET", "http://"+addr+"/debug/pprof/goroutine?debug=1", ""); code != 200 || !strings.Contains(text, "goroutine profile") {
		t.Errorf("%d %.80s", code, text)
	}
}
