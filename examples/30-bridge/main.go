// Bridge writes a topic to Redis as a configuration says: onto channels for those who
// listen, into a stream for those who come later, and into a hash that holds the newest
// of each key. The bridge is stopped in between and started again; nothing is there
// twice. `go run ./cmd/tidemill-bridge FILE` does the same for a file. The Redis is a
// stand-in in the process, as the broker is.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/tidemill/tidemill"
	"github.com/tidemill/tidemill/connectors/redis/bridge"
	"github.com/tidemill/tidemill/examples/stage"
)

// file is what would be in bridge.yaml.
const file = `
application: alerts-bridge
kafka: {brokers: ["${KAFKA}"]}
redis: {url: "redis://${REDIS}/0"}
dead_letter: alerts.dead
routes:
  - {topic: alerts, to: channel, key: "alerts:{key}"}
  - {topic: alerts, to: stream, key: alerts, keep: 10000, fields: {host: "{key}", what: "{value}"}}
  - {topic: alerts, to: hash, key: newest-alerts, field: "{key}"}
`

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer) (err error) {
	s, err := stage.Open("alerts", "alerts.dead")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	server, err := miniredis.Run()
	if err != nil {
		return err
	}
	defer server.Close()
	client := redis.NewClient(&redis.Options{Addr: server.Addr()})
	defer func() { err = errors.Join(err, client.Close()) }()

	text := strings.NewReplacer("${KAFKA}", s.Addrs()[0], "${REDIS}", server.Addr()).Replace(file)
	config, err := bridge.Parse(strings.NewReader(text))
	if err != nil {
		return err
	}
	background := func(ctx context.Context) error {
		return bridge.Run(ctx, config, tidemill.Logger(slog.New(slog.DiscardHandler)))
	}
	alerts := client.PSubscribe(ctx, "alerts:*")
	defer func() { err = errors.Join(err, alerts.Close()) }()
	if _, err := alerts.Receive(ctx); err != nil { // the server has answered: we are subscribed
		return err
	}
	rounds := [][]string{{"web-1 disk full", "web-2 disk full"}, {"web-1 resolved", "db-1 slow"}}
	for i, lines := range rounds {
		fmt.Fprintf(out, "run %d\n", i+1)
		err := stage.Beside(ctx, background, func(ctx context.Context) error { return round(ctx, s, alerts, lines, out) })
		if err != nil {
			return err
		}
	}
	return show(ctx, client, out)
}

// round writes alerts to the topic and shows what arrives on the channels.
func round(ctx context.Context, s *stage.Stage, alerts *redis.PubSub, lines []string, out io.Writer) error {
	for i, line := range lines {
		host, what, _ := strings.Cut(line, " ")
		if err := s.Write(ctx, "alerts", stage.Event(i, host, what)); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for range lines {
		m, err := alerts.ReceiveMessage(ctx)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "  channel %s: %s\n", m.Channel, m.Payload)
	}
	return nil
}

// show prints what is in Redis in the end.
func show(ctx context.Context, client *redis.Client, out io.Writer) error {
	entries, err := client.XRange(ctx, "alerts", "-", "+").Result()
	if err != nil {
		return err
	}
	for _, e := range entries {
		fmt.Fprintf(out, "stream: %v: %v\n", e.Values["host"], e.Values["what"])
	}
	for _, host := range []string{"db-1", "web-1", "web-2"} {
		newest, err := client.HGet(ctx, "newest-alerts", host).Result()
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "newest of %s: %s\n", host, newest)
	}
	return nil
}
