//go:build integration

package integration

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tidemill/tidemill/events/request"
)

// Two workers answer ten thousand requests, and one of them is killed meanwhile.
func TestEveryRequestHasOneOutcomeWhenAServiceIsKilled(t *testing.T) {
	const requests = 10_000
	f := newFixture(t)
	j := job{
		Application: f.app, Topology: "lookups", Brokers: f.brokers, ExactlyOnce: true,
		Topics:         map[string]string{"lookups": f.topic("lookups", 4), "replies": f.topic("replies", 4)},
		SessionTimeout: 3 * time.Second, TransactionTimeout: 6 * time.Second,
	}
	var services [2]*process
	for i := range services {
		j.StateDir = filepath.Join(t.TempDir(), fmt.Sprint(i))
		services[i] = startWorker(t, fmt.Sprint("service-", i), j)
	}
	await(t, "both services have tasks", func() bool {
		return len(services[0].seen(started)) > 0 && len(services[1].seen(started)) > 0
	})
	client, err := request.Open(t.Context(), j.Topics["replies"], request.Brokers(f.brokers...))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	var wg sync.WaitGroup
	var ok, said, late, wrong atomic.Int64
	began := time.Now()
	for n := range requests {
		if n == requests/2 {
			await(t, "replies come", func() bool { return client.Stats().Answered > requests/10 })
			services[0].kill()
		}
		wg.Go(func() {
			text := fmt.Sprint("address ", n)
			if n%10 == 0 {
				text = fmt.Sprint("bad ", n)
			}
			got, err := client.Request[string, string](t.Context(), j.Topics["lookups"], text, 40*time.Second)
			var reply *request.ReplyError
			switch {
			case err == nil && got == strings.ToUpper(text):
				ok.Add(1)
			case errors.As(err, &reply) && reply.Message == "nothing is known of "+text:
				said.Add(1)
			case errors.Is(err, request.ErrTimeout):
				late.Add(1)
			default:
				wrong.Add(1)
				t.Errorf("request %s got %q, %v", text, got, err)
			}
		})
	}
	wg.Wait()
	s := client.Stats()
	t.Logf("%d replies, %d errors, %d timeouts in %v; %+v", ok.Load(), said.Load(), late.Load(), time.Since(began).Round(time.Millisecond), s)
	if ok.Load()+said.Load()+late.Load() != requests || s.Sent != requests || s.Answered+s.TimedOut != requests || s.Waiting != 0 || s.Duplicate != 0 {
		t.Errorf("of %d requests %d were answered, %d with an error, and %d timed out: %+v", requests, ok.Load(), said.Load(), late.Load(), s)
	}
	if late.Load() > 0 {
		t.Errorf("%d requests timed out though one service was there all the time", late.Load())
	}
	services[1].stop(t)
}
