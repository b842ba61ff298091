package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tidemill/tidemill"
	"github.com/tidemill/tidemill/examples/stage"
	"github.com/tidemill/tidemill/serde"
)

// partitions of the topics of lines and of counts.
const partitions = 4

// job is one run, with an application and topics of its own.
type job struct {
	application, lines, counts string
	exactlyOnce                bool
	addrs                      []string
}

func newJob(now time.Time, exactlyOnce bool) *job {
	application := "wordcount-" + now.UTC().Format("20060102-150405.000000")
	return &job{application: application, lines: application + "-lines", counts: application + "-counts", exactlyOnce: exactlyOnce}
}

// maxLine is the longest line, in bytes, that is written as one record.
const maxLine = 512 << 10

// write writes each line of a text as a record without a key and returns how
// many words the lines have.
func (j *job) write(ctx context.Context, text io.Reader) (total int64, err error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(j.addrs...), kgo.DefaultProduceTopic(j.lines))
	if err != nil {
		return 0, err
	}
	defer client.Close()
	var produced kgo.FirstErrPromise
	lines := bufio.NewScanner(text)
	lines.Buffer(nil, maxLine)
	for lines.Scan() && ctx.Err() == nil {
		total += int64(len(words(lines.Text())))
		client.Produce(ctx, kgo.StringRecord(lines.Text()), produced.Promise())
	}
	if err := lines.Err(); err != nil {
		return 0, fmt.Errorf("read the text (lines of at most %d bytes): %w", maxLine, err)
	}
	return total, errors.Join(client.Flush(ctx), produced.Err())
}

// count runs the topology until this many words have been counted.
func (j *job) count(ctx context.Context, total int64) (table map[string]int64, err error) {
	if total == 0 {
		return nil, nil
	}
	options := []tidemill.Option{
		tidemill.Brokers(j.addrs...),
		tidemill.InMemory(), // nothing of the run is needed after it
		tidemill.Logger(slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))),
	}
	if j.exactlyOnce {
		options = append(options, tidemill.ExactlyOnce())
	}
	topology := func(ctx context.Context) error {
		return tidemill.Run(ctx, build(j.application, j.lines, j.counts), options...)
	}
	err = stage.Beside(ctx, topology, func(ctx context.Context) error {
		table, err = j.collect(ctx, total)
		return err
	})
	return table, err
}

// collect reads the counts as a table, the newest one of each word, until they
// come to the total.
func (j *job) collect(ctx context.Context, total int64) (map[string]int64, error) {
	client, err := kgo.NewClient(
		kgo.SeedBrokers(j.addrs...),
		kgo.ConsumeTopics(j.counts),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
	)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	table, counted := map[string]int64{}, int64(0)
	for counted < total {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return nil, fmt.Errorf("%d of %d words are counted: %w", counted, total, err)
		}
		for _, r := range fetches.Records() {
			n, err := serde.Int64().Decode(r.Value)
			if err != nil {
				return nil, fmt.Errorf("count of %q: %w", r.Key, err)
			}
			counted += n - table[string(r.Key)]
			table[string(r.Key)] = n
		}
	}
	if counted > total {
		return nil, fmt.Errorf("%d words were counted, but only %d written", counted, total)
	}
	return table, nil
}

// cleanUp deletes the topics and the consumer group. It is not cut short by
// Ctrl-C, so that nothing is left behind then either.
func (j *job) cleanUp() error {
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	client, err := kgo.NewClient(kgo.SeedBrokers(j.addrs...))
	if err != nil {
		return err
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	topics, err := admin.ListTopics(ctx)
	if err != nil {
		return fmt.Errorf("delete the topics of the run: %w", err)
	}
	var made []string
	for _, topic := range topics.Names() {
		if strings.HasPrefix(topic, j.application+"-") {
			made = append(made, topic)
		}
	}
	deleted, err := admin.DeleteTopics(ctx, made...)
	_, errGroup := admin.DeleteGroup(ctx, j.application)
	if errors.Is(errGroup, kerr.GroupIDNotFound) {
		errGroup = nil // there was nothing to count
	}
	return errors.Join(err, deleted.Error(), errGroup)
}
