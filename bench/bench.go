package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tidemill/tidemill/bench/input"
)

// partitions is how many every topic has.
const partitions = 4

// bench measures on one cluster.
type bench struct {
	options
	brokers []string
	log     io.Writer
	client  *kgo.Client
	admin   *kadm.Client
	// prefix sets the topics of this bench apart; runs counts what has been run.
	prefix string
	count  int
	folder string
	filled map[int]filled // by number of keys
	table  string
}

// filled is a topic of events.
type filled struct {
	topic string
	facts input.Facts
}

func (b *bench) open() (err error) {
	b.filled = map[int]filled{}
	b.prefix = fmt.Sprintf("bench-%d", time.Now().UnixMilli())
	if b.client, err = kgo.NewClient(kgo.SeedBrokers(b.brokers...)); err != nil {
		return err
	}
	b.admin = kadm.NewClient(b.client)
	if b.profile != "" {
		if err := os.MkdirAll(b.profile, 0o755); err != nil {
			return err
		}
		if b.profile, err = filepath.Abs(b.profile); err != nil {
			return err
		}
	}
	b.folder, err = os.MkdirTemp("", "tidemill-bench-")
	return err
}

// close deletes what is left in the cluster and on disk.
func (b *bench) close() {
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	if err := errors.Join(b.remove(ctx, b.prefix), os.RemoveAll(b.folder)); err != nil {
		b.say("clean up: %v", err)
	}
	b.client.Close()
}

func (b *bench) say(format string, args ...any) { fmt.Fprintf(b.log, format+"\n", args...) }

// newJob is the next run's job, on topics that exist already.
func (b *bench) newJob(w workload, rawLoop, exactlyOnce bool) job {
	b.count++
	j := job{
		Raw: rawLoop, Workload: w.name, ExactlyOnce: exactlyOnce, Brokers: b.brokers, Commit: commitInterval(exactlyOnce),
		App: fmt.Sprintf("%s-run%d", b.prefix, b.count),
	}
	j.Output = j.App + "-out"
	j.StateDir = filepath.Join(b.folder, j.App)
	if b.profile != "" {
		guarantee := strings.ReplaceAll(guaranteeName(exactlyOnce), " ", "-")
		j.Profile = filepath.Join(b.profile, fmt.Sprintf("%s-%s-%s", w.name, guarantee, j.side()))
	}
	return j
}

// create creates topics and waits until the cluster shows them.
func (b *bench) create(ctx context.Context, config map[string]*string, topics ...string) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	created, err := b.admin.CreateTopics(ctx, partitions, -1, config, topics...)
	if err = errors.Join(err, created.Error()); err != nil {
		return fmt.Errorf("create topics: %w", err)
	}
	return poll(ctx, 10*time.Millisecond, func() (bool, error) {
		have, err := b.admin.ListTopics(ctx, topics...)
		if err != nil {
			return false, err
		}
		for _, topic := range topics {
			if len(have[topic].Partitions) != partitions {
				return false, nil
			}
		}
		return true, nil
	})
}

// remove deletes the topics and the groups whose names begin with a prefix.
func (b *bench) remove(ctx context.Context, prefix string) error {
	topics, err := b.admin.ListTopics(ctx)
	if err != nil {
		return err
	}
	groups, err := b.admin.ListGroups(ctx)
	if err != nil {
		return err
	}
	other := func(name string) bool { return !strings.HasPrefix(name, prefix+"-") }
	if ours := slices.DeleteFunc(topics.Names(), other); len(ours) > 0 {
		if _, err := b.admin.DeleteTopics(ctx, ours...); err != nil {
			return err
		}
	}
	if ours := slices.DeleteFunc(groups.Groups(), func(name string) bool { return name != prefix && other(name) }); len(ours) > 0 {
		_, err = b.admin.DeleteGroups(ctx, ours...)
	}
	return err
}

// position is a group on a topic.
type position struct {
	group, topic string
	// markers says that the topic's last records may be transaction markers, which
	// no consumer has to commit.
	markers bool
}

// reached tells whether the group has committed the end of the topic.
func (b *bench) reached(ctx context.Context, p position) (bool, error) {
	ends, err := b.admin.ListEndOffsets(ctx, p.topic)
	if err != nil {
		return false, err
	}
	committed, err := b.admin.FetchOffsets(ctx, p.group)
	if errors.Is(err, kerr.GroupIDNotFound) || kerr.IsRetriable(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	done := ends.Error() == nil
	ends.Each(func(end kadm.ListedOffset) {
		want := end.Offset
		if p.markers && want > 0 {
			want--
		}
		if c, ok := committed.Lookup(p.topic, end.Partition); want > 0 && (!ok || c.At < want) {
			done = false
		}
	})
	return done, nil
}

// progressInterval is how often the offsets of a worker are looked at.
const progressInterval = 25 * time.Millisecond

// awaitPosition waits until the group has committed the end of the topic.
func (b *bench) awaitPosition(ctx context.Context, p position) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := poll(ctx, progressInterval, func() (bool, error) { return b.reached(ctx, p) })
	if err != nil {
		return fmt.Errorf("group %s does not reach the end of topic %s: %w", p.group, p.topic, err)
	}
	return nil
}

// poll calls done until it says so.
func poll(ctx context.Context, every time.Duration, done func() (bool, error)) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		if ok, err := done(); ok || err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
