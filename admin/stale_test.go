package admin_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/tidemill/tidemill/admin"
	"github.com/tidemill/tidemill/query"
	"github.com/tidemill/tidemill/status"
)

// nobody is an address that nobody listens at.
const nobody = "127.0.0.1:1"

// copied is the answer of a standby, for one partition.
func copied(partition int32, lag int64) query.Answer {
	return query.Answer{
		Rows:   []query.Row{{Key: []byte("k"), Value: []byte("\x00\x00\x00\x00\x00\x00\x00\x05"), Partition: partition}},
		Copies: []query.Copy{{Partition: partition, Lag: lag}},
	}
}

func ask(t *testing.T, addr, params string) (code int, out admin.Rows, text string) {
	t.Helper()
	code, text, _ = do(t, http.MethodGet, "http://"+addr+"/api/stores/counts?"+params, "")
	if code == http.StatusOK {
		if err := json.Unmarshal([]byte(text), &out); err != nil {
			t.Fatal(err)
		}
	}
	return code, out, text
}

func TestAStandbyOfThisWorkerAnswersForAnOwnerThatCannot(t *testing.T) {
	f, addr := serve(t)
	for name, failure := range map[string]error{
		"it is restored":        query.ErrRestoring,
		"the group rebalances":  query.ErrRebalancing,
		"nobody is there":       &query.ElsewhereError{Store: "counts", Address: nobody},
		"it has no address":     &query.ElsewhereError{Store: "counts"},
		"it is this one, still": &query.ElsewhereError{Store: "counts", Address: addr},
	} {
		t.Run(name, func(t *testing.T) {
			f.answers = func(r query.Request) (query.Answer, error) {
				if !r.Stale {
					return query.Answer{}, failure
				}
				return copied(3, 7), nil
			}
			code, out, text := ask(t, addr, "key=k&stale=1")
			if code != http.StatusOK || len(out.Rows) != 1 || len(out.Copies) != 1 || out.Copies[0].Lag != 7 {
				t.Errorf("%d %s", code, text)
			}
			if code, _, text := ask(t, addr, "key=k&wait=50ms"); code == http.StatusOK {
				t.Errorf("not asked for a standby: %d %s", code, text)
			}
		})
	}
}

func TestTheOwnerIsAskedBeforeAnyStandby(t *testing.T) {
	owner, there := serve(t)
	owner.answers = func(r query.Request) (query.Answer, error) {
		if r.Stale {
			t.Error("the owner is asked for a stale answer")
		}
		return query.Answer{Rows: copied(0, 0).Rows}, nil
	}
	f, addr := serve(t)
	f.answers = func(r query.Request) (query.Answer, error) {
		if r.Stale {
			t.Error("a standby is asked though the owner answers")
		}
		return query.Answer{}, &query.ElsewhereError{Store: "counts", Address: there}
	}
	if code, out, text := ask(t, addr, "key=k&stale=1"); code != http.StatusOK || len(out.Rows) != 1 || len(out.Copies) > 0 {
		t.Errorf("%d %s", code, text)
	}
}

func TestAStandbyOfAnotherWorkerAnswers(t *testing.T) {
	keeper, there := serve(t)
	keeper.answers = func(r query.Request) (query.Answer, error) {
		if !r.Stale {
			return query.Answer{}, query.ErrRestoring
		}
		return copied(2, 1), nil
	}
	f, addr := serve(t)
	f.answers = func(query.Request) (query.Answer, error) {
		return query.Answer{}, &query.ElsewhereError{Store: "counts", Partition: 2, Address: nobody, Standbys: []string{nobody, there}}
	}
	code, out, text := ask(t, addr, "key=k&stale=1")
	if code != http.StatusOK || len(out.Rows) != 1 || len(out.Copies) != 1 || out.Copies[0].Partition != 2 {
		t.Errorf("%d %s", code, text)
	}
	if len(keeper.asked) != 1 || !keeper.asked[0].Stale {
		t.Errorf("it was asked %+v", keeper.asked)
	}
}

func TestStandbysStandInForAWorkerThatIsMissing(t *testing.T) {
	f, addr := serve(t)
	f.members = []status.Member{
		{ID: "self", Self: true, Address: addr, Tasks: []string{"0_0"}},
		{ID: "gone", Address: nobody, Tasks: []string{"0_1", "0_2", "1_1"}},
	}
	f.answers = func(r query.Request) (query.Answer, error) {
		switch {
		case !r.Stale:
			return query.Answer{Rows: copied(0, 0).Rows}, nil
		case r.Partition == 1:
			return copied(1, 0), nil
		}
		return query.Answer{}, query.ErrRebalancing
	}
	code, out, text := ask(t, addr, "stale=1")
	if code != http.StatusOK || len(out.Rows) != 2 || len(out.Copies) != 1 || len(out.Missing) != 1 || !strings.Contains(out.Missing[0], "no standby of task 0_2 answers") {
		t.Errorf("%d %s", code, text)
	}
	if code, out, text = ask(t, addr, ""); code != http.StatusOK || len(out.Rows) != 1 || len(out.Missing) != 1 {
		t.Errorf("not asked for standbys: %d %s", code, text)
	}
}

func TestAWrongStaleIsRefused(t *testing.T) {
	_, addr := serve(t)
	if code, _, text := ask(t, addr, "key=k&stale=perhaps"); code != http.StatusBadRequest || !strings.Contains(text, "give 1 if standbys may answer") {
		t.Errorf("%d %s", code, text)
	}
	if code, _, text := ask(t, addr, "key=k&stale=0"); code != http.StatusOK {
		t.Errorf("%d %s", code, text)
	}
}
