package admin_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tidemill/tidemill/admin"
	"github.com/tidemill/tidemill/query"
	"github.com/tidemill/tidemill/status"
)

// board is an orchestrator whose rows are "id status seconds".
type board struct{}

func (board) Board() status.Orchestrator {
	return status.Orchestrator{Name: "office", Store: "sagas", Inbox: "inbox", Audit: "audit", Definitions: []string{"payment"}}
}

func (board) List(row []byte, f status.SagaFilter) (s status.Saga, chosen bool, err error) {
	fields := strings.Fields(string(row))
	if len(fields) != 3 {
		return s, false, errors.New("no saga")
	}
	seconds, err := strconv.ParseInt(fields[2], 10, 64)
	s = status.Saga{ID: fields[0], Orchestrator: "office", Definition: "payment", Status: fields[1], Began: time.Unix(seconds, 0), Changed: time.Unix(seconds, 0)}
	return s, (f.Definition == "" || f.Definition == "payment") && (f.BegunBefore.IsZero() || s.Began.Before(f.BegunBefore)), err
}

func (b board) Show(row []byte, audit [][]byte) (status.Saga, error) {
	s, _, err := b.List(row, status.SagaFilter{})
	s.Detail = &status.SagaDetail{Data: []byte(`{"account":"<b>"}`)}
	for _, value := range audit {
		s.Detail.History = append(s.Detail.History, status.SagaTransition{To: string(value)})
	}
	return s, err
}

func (board) Ask(row []byte, a status.SagaAsk) ([]byte, error) {
	switch {
	case a.Action != "cancel":
		return nil, errors.New("there is only cancel")
	case strings.Contains(string(row), "completed"):
		return nil, fmt.Errorf("%w: it has ended", query.ErrRefused)
	}
	return []byte(a.Action + " " + a.Reason), nil
}

// filed has an application with n sagas in each of two tasks.
func filed(f *fake, n int) {
	f.pages = func(r query.Request) (out query.Answer) {
		if r.Key != nil {
			if string(r.Key) != "gone" {
				out.Rows = []query.Row{{Key: r.Key, Value: []byte(string(r.Key) + " " + map[bool]string{true: "completed", false: "running"}[string(r.Key) == "done"] + " 7")}}
			}
			return out
		}
		for i := range n {
			id := fmt.Sprintf("s%d-%04d", r.Partition, i)
			if id < string(r.From) || r.To != nil && id >= string(r.To) {
				continue
			}
			if out.Truncated = len(out.Rows) == r.Limit; out.Truncated {
				return out
			}
			what := "running"
			if i%10 == 0 {
				what = "parked"
			}
			out.Rows = append(out.Rows, query.Row{Key: []byte(id), Value: fmt.Appendf(nil, "%s %s %d", id, what, i*2+int(r.Partition))})
		}
		return out
	}
}

func list(t *testing.T, addr, parameters string) (out admin.Sagas) {
	t.Helper()
	code, text, _ := do(t, "GET", "http://"+addr+"/api/sagas?"+parameters, "")
	if err := json.Unmarshal([]byte(text), &out); err != nil || code != 200 {
		t.Fatalf("%s: %d %s", parameters, code, text)
	}
	return out
}

func TestSagasOfAllTasksAreListedThoseThatChangedLastFirst(t *testing.T) {
	f, addr := serve(t)
	filed(f, 1300) // more than are looked at at once
	out := list(t, addr, "limit=3")
	if ids := fmt.Sprint(out.Sagas[0].ID, out.Sagas[1].ID, out.Sagas[2].ID); len(out.Sagas) != 3 || ids != "s1-1299s0-1299s1-1298" || !out.More {
		t.Errorf("the list is %+v", out)
	}
	if out.Counts["running"] != 2340 || out.Counts["parked"] != 260 || len(out.Orchestrators) != 1 {
		t.Errorf("the counts are %v of %v", out.Counts, out.Orchestrators)
	}
	if out = list(t, addr, "status=parked&limit=1000&prefix=s0-01"); len(out.Sagas) != 10 || out.More || out.Counts["running"] != 90 {
		t.Errorf("%d sagas of a prefix and a status, counts %v", len(out.Sagas), out.Counts)
	}
	if out = list(t, addr, "status=completed,parked&definition=other"); len(out.Sagas) != 0 || out.More {
		t.Errorf("of no definition there are %+v", out.Sagas)
	}
	if out = list(t, addr, "older=1h&orchestrator=office&limit=1"); len(out.Sagas) != 1 || !out.More {
		t.Errorf("older than an hour are %+v", out)
	}
}

func TestTasksThatDoNotAnswerAreNamed(t *testing.T) {
	f, addr := serve(t)
	f.answer = query.ErrRestoring
	filed(f, 2)
	f.members = []status.Member{{ID: "m-1", Self: true, Tasks: []string{"0_0"}}, {ID: "m-2", Tasks: []string{"0_1"}}, {ID: "m-3", Tasks: []string{"1_0"}, Address: "127.0.0.1:1"}}
	out := list(t, addr, "")
	all := strings.Join(out.Missing, "\n")
	for _, want := range []string{"task 0_0: the store is being restored", "m-2 advertises no admin address", "does not answer"} {
		if !strings.Contains(all, want) {
			t.Errorf("%q lacks %q", all, want)
		}
	}
	if out = list(t, addr, "scope=local"); len(out.Missing) != 2 {
		t.Errorf("only local ones: %q", out.Missing)
	}
}

func TestASagaIsShownWithItsHistory(t *testing.T) {
	f, addr := serve(t)
	filed(f, 1)
	f.audit = [][]byte{[]byte("running"), []byte("parked")}
	code, text, _ := do(t, "GET", "http://"+addr+"/api/sagas/office/a%2Fb", "")
	if code != 200 || !strings.Contains(text, `"id":"a/b"`) || !strings.Contains(text, `"to":"parked"`) || strings.Contains(text, "noHistory") || strings.Contains(text, "<b>") {
		t.Errorf("%d %s", code, text)
	}
	if code, text, _ = do(t, "GET", "http://"+addr+"/api/sagas/office/a?history=false", ""); code != 200 || strings.Contains(text, "parked") || strings.Contains(text, "noHistory") {
		t.Errorf("without its history: %d %s", code, text)
	}
	f.noAudit = errors.New("the broker is away")
	if code, text, _ = do(t, "GET", "http://"+addr+"/api/sagas/office/a", ""); code != 200 || !strings.Contains(text, `"noHistory":"the broker is away"`) {
		t.Errorf("without an audit: %d %s", code, text)
	}
}

func TestWhatIsAskedOfASagaGoesToItsInbox(t *testing.T) {
	f, addr := serve(t)
	filed(f, 1)
	code, text, _ := do(t, "POST", "http://"+addr+"/api/sagas/office/a%2Fb/cancel", `{"reason":"why not"}`, "X-Tidemill: 1")
	if code != http.StatusAccepted || !strings.Contains(text, `"asked":"cancel"`) || len(f.sent) != 1 || f.sent[0] != "inbox a/b cancel why not" {
		t.Errorf("%d %s: sent %q", code, text, f.sent)
	}
}

func TestBadRequestsForSagasChangeNothing(t *testing.T) {
	f, addr := serve(t)
	filed(f, 1)
	for _, row := range []struct {
		method, path, body string
		code               int
		want               string
	}{
		{"GET", "?status=gone", "", 400, "give running, compensating, parked"},
		{"GET", "?limit=0", "", 400, "give 1 to 1000"},
		{"GET", "?limit=1001", "", 400, "give 1 to 1000"},
		{"GET", "?older=yesterday", "", 400, "such as 30m"},
		{"GET", "?idle=-1h", "", 400, "such as 30m"},
		{"GET", "?scope=world", "", 400, "give local or all"},
		{"GET", "?state=parked", "", 400, `no parameter \"state\"`},
		{"GET", "?a=%zz", "", 400, "invalid URL escape"},
		{"GET", "?orchestrator=nobody", "", 404, "there are [\\\"office\\\"]"},
		{"GET", "/nobody/a", "", 404, "there are [\\\"office\\\"]"},
		{"GET", "/office/gone", "", 404, "/api/sagas lists them"},
		{"GET", "/office/a?limit=1", "", 400, `no parameter \"limit\": there are history`},
		{"GET", "/office/a?history=long", "", 400, "give true or false"},
		{"POST", "/office/gone/cancel", "{}", 404, "there is no such saga"},
		{"POST", "/office/done/cancel", "{}", 409, "it has ended"},
		{"POST", "/office/a/dance", "{}", 400, "there is only cancel"},
		{"POST", "/office/a/cancel", "", 400, "not the JSON"},
		{"POST", "/office/a/cancel", `{"because":1}`, 400, "not the JSON"},
		{"POST", "/office/a/cancel", `{} {}`, 400, "behind the JSON"},
		{"POST", "/office/a/cancel", `{"reason":"` + strings.Repeat("x", 70_000) + `"}`, 400, "too large"},
		{"DELETE", "/office/a", "", 404, "there is no DELETE"},
	} {
		code, text, _ := do(t, row.method, "http://"+addr+"/api/sagas"+row.path, row.body, "X-Tidemill: 1")
		if code != row.code || !strings.Contains(text, row.want) || strings.Count(text, "\n") > 1 {
			t.Errorf("%s %s: %d %s, want %d and %q", row.method, row.path, code, text, row.code, row.want)
		}
	}
	if len(f.sent) > 0 {
		t.Errorf("sent %q", f.sent)
	}
}

func TestNoOtherPageActsOnSagas(t *testing.T) {
	f, addr := serve(t)
	filed(f, 1)
	for name, headers := range map[string][]string{
		"a form of another page":        nil,
		"a form that says it is JSON":   {"Content-Type: text/plain"},
		"a script of another page":      {"X-Tidemill: 1", "Origin: http://evil.example"},
		"a page without an origin":      {"X-Tidemill: 1", "Origin: null"},
		"a browser says another site":   {"X-Tidemill: 1", "Sec-Fetch-Site: cross-site"},
		"a browser says the same site":  {"X-Tidemill: 1", "Sec-Fetch-Site: same-site"},
		"a page at another port":        {"X-Tidemill: 1", "Origin: http://127.0.0.1:1"},
		"a name bound to this address":  {"X-Tidemill: 1", "Host: evil.example"},
		"a bearer token, other origins": {"Authorization: Bearer x", "Origin: http://evil.example"},
	} {
		for _, action := range []string{"cancel", "retry", "skip", "fail", "signal"} {
			code, text, _ := do(t, "POST", "http://"+addr+"/api/sagas/office/a/"+action, `{}`, headers...)
			if code != http.StatusForbidden && code != http.StatusMisdirectedRequest {
				t.Errorf("%s: %s: %d %s", name, action, code, text)
			}
		}
	}
	if len(f.sent) > 0 || len(f.asked) > 0 {
		t.Errorf("sent %q, asked %v", f.sent, f.asked)
	}
	guarded, addr := serve(t, admin.Token(token))
	filed(guarded, 1)
	for _, headers := range [][]string{{"X-Tidemill: 1"}, {"X-Tidemill: 1", "Authorization: Bearer wrong"}} {
		if code, text, _ := do(t, "POST", "http://"+addr+"/api/sagas/office/a/cancel", `{}`, headers...); code != http.StatusUnauthorized || len(guarded.sent) > 0 {
			t.Errorf("without the token: %d %s", code, text)
		}
	}
	if code, text, _ := do(t, "POST", "http://"+addr+"/api/sagas/office/a/cancel", `{}`, "Authorization: Bearer "+token); code != http.StatusAccepted || len(guarded.sent) != 1 {
		t.Errorf("with the token: %d %s", code, text)
	}
}
