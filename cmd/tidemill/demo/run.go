package demo

import (
	"context"
	"encoding/json/v2"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tidemill/tidemill"
	"github.com/tidemill/tidemill/embedded"
	"github.com/tidemill/tidemill/sagas"
)

// Options of the demo.
type Options struct {
	// Port is where its broker listens; 0 is any free one.
	Port int
	// Rate is events a second.
	Rate int
	// Admin is the admin address of its worker; empty is none.
	Admin string
	// Started, if given, is told the addresses of the broker.
	Started func(addrs []string)
}

// Run runs the demo on a broker of its own until ctx ends.
func Run(ctx context.Context, o Options, out io.Writer) (err error) {
	opts := []embedded.Option{embedded.Port(o.Port)}
	for _, topic := range topics() {
		opts = append(opts, embedded.Topic(topic, 2))
	}
	broker, err := embedded.Start(opts...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, broker.Close()) }()
	dir, err := os.MkdirTemp("", "tidemill-demo-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	b, err := build()
	if err != nil {
		return err
	}
	addrs := strings.Join(broker.Addrs(), ",")
	fmt.Fprintf(out, "The demo runs on %s until Ctrl-C. In another terminal:\n\n%s\n", addrs, hints(addrs, o.Admin))
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	fed := make(chan error, 1)
	go func() {
		defer cancel()
		fed <- feed(ctx, broker.Addrs(), o)
	}()
	options := []tidemill.Option{
		tidemill.Brokers(broker.Addrs()...), tidemill.ExactlyOnce(), tidemill.StateDir(dir), tidemill.OnProcessError(tidemill.DeadLetter(DeadLetters)),
		tidemill.Logger(slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{Level: slog.LevelError}))),
	}
	if o.Admin != "" {
		options = append(options, tidemill.Admin(o.Admin))
	}
	err = tidemill.Run(ctx, b, options...)
	cancel()
	return errors.Join(err, <-fed)
}

func hints(addrs, admin string) string {
	var all strings.Builder
	for _, args := range []string{
		"lag " + Application,
		"topics " + Application,
		"dlq list " + Application + " " + DeadLetters,
		"dlq redrive " + Application + " " + DeadLetters + " --all",
		"sagas list --statuses " + Statuses + " --status parked",
		"sagas show --statuses " + Statuses + " --audit " + Audit + " target-9",
		"sagas skip --statuses " + Statuses + " --inbox " + Sagas + " target-9 block-target",
	} {
		fmt.Fprintf(&all, "  tidemill %s --brokers %s\n", args, addrs)
	}
	if admin != "" {
		for _, args := range []string{"describe", "health", "stores"} {
			fmt.Fprintf(&all, "  tidemill %s --admin %s\n", args, admin)
		}
		fmt.Fprintf(&all, "\nand the dashboard at http://%s\n", admin)
	}
	return all.String()
}

// feed writes threats and starts investigations until ctx ends.
func feed(ctx context.Context, addrs []string, o Options) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(addrs...))
	if err != nil {
		return err
	}
	defer client.Close()
	if o.Started != nil {
		o.Started(addrs)
	}
	ticker := time.NewTicker(time.Second / time.Duration(max(o.Rate, 1)))
	defer ticker.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		records, err := events(n)
		if err == nil {
			err = client.ProduceSync(ctx, records...).FirstErr()
		}
		if err != nil && ctx.Err() == nil {
			return err
		}
	}
}

// events are the n-th threat, of which every 50th has no type, and what sagas get with it.
func events(n int) ([]*kgo.Record, error) {
	types := []string{"port-scan", "phishing", "malware", "brute-force"}
	source := fmt.Sprintf("10.0.%d.%d", n/250%250, n%250)
	t := threat{types[n%len(types)], source}
	if n%50 == 25 {
		t.Type = ""
	}
	value, err := json.Marshal(t)
	if err != nil {
		return nil, err
	}
	all := []*kgo.Record{{Topic: Threats, Key: []byte(source), Value: value}}
	for saga, e := range sagaEvents(n) {
		value, err := json.Marshal(e)
		if err != nil {
			return nil, err
		}
		all = append(all, &kgo.Record{Topic: Sagas, Key: []byte(saga), Value: value})
	}
	return all, nil
}

// sagaEvents are what the sagas get with the n-th threat. Of four hosts in quarantine
// one is approved and one rejected; the others wait.
func sagaEvents(n int) map[string]sagas.Event {
	all := map[string]sagas.Event{}
	if id := n / 10; n%10 == 0 {
		all[fmt.Sprintf("target-%d", id)] = sagas.Start("investigation", investigation{Target: fmt.Sprintf("10.0.0.%d", id%30)})
	}
	id := n / 100
	host := fmt.Sprintf("host-%d", id)
	switch {
	case n%100 == 0:
		all[host] = sagas.Start("quarantine", isolation{Host: host})
	case n%100 == 50 && id%4 == 1:
		all[host] = sagas.Signal("approve", "1", "kim")
	case n%100 == 50 && id%4 == 2:
		all[host] = sagas.Signal("reject", "1", "lou")
	}
	return all
}
