//go:build integration

package integration

import (
	"context"
	"encoding/json/v2"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/tidemill/tidemill"
	"github.com/tidemill/tidemill/status"
)

// TestTheAdminAddressTellsTheHistoryOfASaga reads it from an audit whose records have
// the time of the broker, behind more of them that are older than the saga.
func TestTheAdminAddressTellsTheHistoryOfASaga(t *testing.T) {
	f := newFixture(t)
	topics := f.sagaTopics(2)
	brokerTime := "LogAppendTime"
	topics["audit"] = f.app + ".audit-by-time"
	f.create(topics["audit"], 2, map[string]*string{"message.timestamp.type": &brokerTime})
	j := job{Application: f.app, Brokers: f.brokers, Topics: topics, ExactlyOnce: true}
	addr := freeAddr(t)
	app, err := tidemill.New(orchestratorTopology(waitingSaga)(j), tidemill.Brokers(f.brokers...), tidemill.ExactlyOnce(),
		tidemill.StateDir(t.TempDir()), tidemill.Admin(addr), tidemill.Logger(slog.New(slog.DiscardHandler)))
	must(err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- app.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	for _, id := range []string{"a", "b", "c"} {
		f.produce(startSaga(topics["inbox"], id, "waiting"))
	}
	look := func() (s status.Saga) {
		response, err := http.Get("http://" + addr + "/api/sagas/sagas/b")
		if err != nil {
			return s
		}
		defer response.Body.Close()
		var out struct{ Saga status.Saga }
		if response.StatusCode == http.StatusOK {
			must(json.UnmarshalRead(response.Body, &out, json.MatchCaseInsensitiveNames(true)))
		}
		return out.Saga
	}
	await(t, "the saga waits, and its history says so", func() bool {
		s := look()
		return s.Step == "approval" && len(s.Detail.History) == 2
	})
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+addr+"/api/sagas/sagas/b/cancel", strings.NewReader(`{"reason":"enough"}`))
	must(err)
	request.Header.Set("X-Tidemill", "1")
	response, err := http.DefaultClient.Do(request)
	must(err)
	response.Body.Close()
	if response.StatusCode != http.StatusAccepted {
		t.Fatalf("the cancellation: %s", response.Status)
	}
	await(t, "the saga is compensated, to the end of its history", func() bool {
		s := look()
		return s.Status == "compensated" && s.Reason == "cancelled: enough" && s.Detail.History[len(s.Detail.History)-1].To == "compensated"
	})
}
