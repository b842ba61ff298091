package events_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tidemill/tidemill/events"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/topology"
	"github.com/tidemill/tidemill/topologytest"
)

// asking is a request for a reply on partition 1.
func asking(id, value string, more ...string) record.Record[string, string] {
	headers := map[string]string{events.HeaderRequest: id, events.HeaderReplyTo: "lookups.replies", events.HeaderReplyPartition: "1"}
	for i := 0; i < len(more); i += 2 {
		headers[more[i]] = more[i+1]
	}
	r := record.Record[string, string]{Key: id, Value: value, Timestamp: noon.UnixMilli()}
	for key, v := range headers {
		r.Headers = append(r.Headers, record.Header{Key: key, Value: []byte(v)})
	}
	return r
}

// lookups is a service that counts its calls.
func lookups(calls *int, options ...events.HandleOption) *topology.Builder {
	b := topology.New("service")
	events.Handle(b, "lookups", func(_ context.Context, q events.Request[string]) (int, error) {
		*calls++
		switch q.Payload {
		case "panic":
			panic("oh")
		case "fail":
			return 0, errors.New("no such address")
		}
		return len(q.Payload), nil
	}, options...)
	return b
}

// replies are all replies so far.
func replies(d *topologytest.Driver) (out []string) {
	for _, r := range d.Output[string, string]("lookups.replies").ReadAll() {
		id, _ := r.Headers.Get(events.HeaderRequest)
		status, _ := r.Headers.Get(events.HeaderReply)
		out = append(out, fmt.Sprintf("%s %s %s %d", id, status, r.Value, r.Partition))
	}
	return out
}

func TestEveryRequestIsAnsweredOnItsPartition(t *testing.T) {
	var calls int
	d := topologytest.New(t, lookups(&calls, events.OnBadRequest(events.DeadLetter("bad"))), topologytest.Partitions(3))
	in := d.Input[string, string]("lookups")
	in.SendAll(
		asking("1", `"four"`),
		asking("2", `"fail"`),
		asking("3", `"panic"`),
		asking("4", `17`),
		asking("5", `"far"`, events.HeaderReplyPartition, "5"),
		asking("", `"no id"`),
		asking("6", `"elsewhere"`, events.HeaderReplyTo, "other"),
		asking("7", `"x"`, events.HeaderReplyPartition, "first"),
	)
	want := []string{"1 ok 4 1", "2 error no such address 1", "3 error panic: oh 1", "4 error decode JSON", "5 ok 3 2"}
	got := replies(d)
	if len(got) != len(want) {
		t.Fatalf("got %q, want %q", got, want)
	}
	for i := range want {
		if !strings.HasPrefix(got[i], want[i]) {
			t.Errorf("got %q, want %q", got[i], want[i])
		}
	}
	if n := d.Output[string, string]("bad").Len(); n != 3 || calls != 4 {
		t.Errorf("%d bad requests, %d calls, want 3 and 4", n, calls)
	}
}

func TestARequestThatComesAgainIsNotHandledAgain(t *testing.T) {
	var calls int
	d := topologytest.New(t, lookups(&calls), topologytest.ExactlyOnce(), topologytest.Partitions(2))
	in := d.Input[string, string]("lookups")
	in.SendRecord(asking("1", `"abc"`))
	d.Wipe()
	in.SendRecord(asking("1", `"other"`))
	if got := replies(d); len(got) != 2 || got[0] != "1 ok 3 1" || got[1] != got[0] || calls != 1 {
		t.Errorf("got %q after %d calls", got, calls)
	}
	late := asking("1", `"abcd"`)
	late.Timestamp += (3 * time.Hour).Milliseconds()
	in.SendRecord(late)
	if got := replies(d); len(got) != 3 || got[2] != "1 ok 4 1" {
		t.Errorf("when the reply is forgotten, a request is new: got %q", got)
	}
}

func TestRequestsSurviveRestartsAtAnyPlace(t *testing.T) {
	for seed := range uint64(4) {
		var calls int
		d := topologytest.New(t, lookups(&calls), topologytest.ExactlyOnce(), topologytest.Chaos(seed), topologytest.Partitions(2), topologytest.Workers(2))
		in := d.Input[string, string]("lookups")
		for n := range 40 {
			in.SendRecord(asking(fmt.Sprint(n), `"abc"`))
		}
		seen := map[string]int{}
		for _, one := range replies(d) {
			seen[one]++
		}
		for n := range 40 {
			if seen[fmt.Sprint(n, " ok 3 1")] != 1 {
				t.Errorf("seed %d: request %d has %d replies", seed, n, seen[fmt.Sprint(n, " ok 3 1")])
			}
		}
	}
}

func TestHandleReportsWhatIsWrong(t *testing.T) {
	b := topology.New("service")
	events.Handle[string, int](b, "lookups", nil, events.KeepReplies(0), events.OnBadRequest(events.DeadLetter("")))
	_, err := b.Build()
	for _, want := range []string{"given no function", "kept for 0s", "dead-letter policy"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q in it", err, want)
		}
	}
}
