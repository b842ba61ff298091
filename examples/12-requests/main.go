// Requests asks a service over topics: many requests at the same time, each of which is
// answered with a result or an error, on a topic of replies that all clients share.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/tidemill/tidemill/events"
	"github.com/tidemill/tidemill/events/request"
	"github.com/tidemill/tidemill/examples/stage"
	"github.com/tidemill/tidemill/topology"
)

// Lookup asks what is known of an address, Verdict is the answer.
type Lookup struct {
	Address string `json:"address"`
}

// Verdict is the answer to a Lookup.
type Verdict struct {
	Malicious bool `json:"malicious"`
}

var known = map[string]bool{"203.0.113.9": true, "192.0.2.1": false}

func build() *topology.Builder {
	b := topology.New("requests")
	events.Handle(b, "lookups", func(_ context.Context, q events.Request[Lookup]) (Verdict, error) {
		malicious, ok := known[q.Payload.Address]
		if !ok {
			return Verdict{}, fmt.Errorf("nothing is known of %s", q.Payload.Address)
		}
		return Verdict{malicious}, nil
	})
	return b
}

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer) (err error) {
	s, err := stage.Open("lookups", "lookups.replies")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return s.Run(ctx, build(), func(ctx context.Context) error {
		client, err := request.Open(ctx, "lookups.replies", request.Brokers(s.Addrs()...))
		if err != nil {
			return err
		}
		defer client.Close()
		addresses := []string{"203.0.113.9", "192.0.2.1", "198.51.100.7"}
		answers := make([]string, len(addresses))
		var all sync.WaitGroup
		for i, address := range addresses {
			all.Go(func() {
				verdict, err := client.Request[Lookup, Verdict](ctx, "lookups", Lookup{address}, 30*time.Second)
				answers[i] = fmt.Sprintf("%s: malicious %v, error %v", address, verdict.Malicious, err)
			})
		}
		all.Wait()
		for _, answer := range answers {
			fmt.Fprintln(out, answer)
		}
		fmt.Fprintf(out, "%d of %d answered\n", client.Stats().Answered, client.Stats().Sent)
		return nil
	})
}
