package upkeep

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tidemill/tidemill/internal/letters"
	"github.com/tidemill/tidemill/internal/runtime"
)

// Choice says which letters to redrive.
type Choice struct {
	all   bool
	these map[Position]bool
}

// All chooses every letter that has not been dealt with.
func All() Choice { return Choice{all: true} }

// These chooses some letters. Each must be there, and not dealt with yet.
func These(letters ...Position) Choice {
	c := Choice{these: map[Position]bool{}}
	for _, l := range letters {
		c.these[l] = true
	}
	return c
}

// has says whether a letter is chosen.
func (c Choice) has(l Letter) bool { return !l.Dealt && (c.all || c.these[l.Position]) }

// inOneTransaction is how many letters are redriven together.
const inOneTransaction = 200

// Redrive sends chosen letters back to where they came from: key, value, headers and
// timestamp as they were read, to the same partition, with HeaderFrom and HeaderCount.
// It returns how many.
//
// If one of them cannot be sent back, none is. That letters were redriven is noted in
// the transactions that send them back, some hundred in each, so that a redrive that was
// cut off can be made again: a letter goes back once. One redrive of an application's
// topic at a time gets through; an earlier one that is still under way fails.
//
// progress, if given, is told how many of how many are done.
func (c *Client) Redrive(ctx context.Context, application, topic string, choice Choice, progress func(done, total int)) (done int, err error) {
	if err := c.letterTopic(ctx, application, topic); err != nil {
		return 0, err
	}
	r, err := c.newRedrive(ctx, application, topic)
	if err != nil {
		return 0, err
	}
	defer r.producer.Close()
	total, err := r.check(ctx, choice)
	if err != nil || total == 0 {
		return 0, err
	}
	r.told = func() {
		if progress != nil {
			progress(r.done, total)
		}
	}
	err = r.each(ctx, func(l Letter) error {
		if !choice.has(l) {
			return nil
		}
		if r.batch = append(r.batch, l); len(r.batch) == inOneTransaction {
			return r.send(ctx)
		}
		return nil
	})
	if err == nil && len(r.batch) > 0 {
		err = r.send(ctx)
	}
	return r.done, err
}

// redrive is one redrive under way.
type redrive struct {
	survey
	producer  *kgo.Client
	id, group string
	// waiting are the letters that were not dealt with, by partition.
	waiting map[int32][]int64
	batch   []Letter
	done    int
	told    func()
}

// newRedrive starts a producer, and surveys the letters then, so that none of them can
// be redriven by another meanwhile.
func (c *Client) newRedrive(ctx context.Context, application, topic string) (*redrive, error) {
	id := letters.Redriver(application, topic)
	opts := append(slices.Clip(c.options),
		kgo.TransactionalID(id), kgo.TransactionTimeout(time.Minute),
		kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.RequiredAcks(kgo.AllISRAcks()))
	producer, err := kgo.NewClient(opts...)
	if err == nil {
		if _, _, err = producer.ProducerID(ctx); err != nil {
			producer.Close()
		}
	}
	if err != nil {
		return nil, fmt.Errorf("upkeep: redrive %q: %w", topic, err)
	}
	r := &redrive{producer: producer, id: id, group: letters.Group(application), waiting: map[int32][]int64{}}
	if r.survey, err = c.survey(ctx, application, topic); err != nil {
		producer.Close()
		return nil, err
	}
	return r, nil
}

// check counts the chosen letters, and fails if not all of them can be sent back.
func (r *redrive) check(ctx context.Context, choice Choice) (n int, err error) {
	missing := maps.Clone(choice.these)
	targets := map[string]int32{}
	err = r.each(ctx, func(l Letter) error {
		if !l.Dealt {
			r.waiting[l.Partition] = append(r.waiting[l.Partition], l.Offset)
		}
		if choice.these[l.Position] && l.Dealt {
			return fmt.Errorf("upkeep: letter %s/%s has been dealt with", r.topic, l)
		}
		if !choice.has(l) {
			return nil
		}
		if l.Source == nil {
			return fmt.Errorf("upkeep: letter %s/%s does not say where it came from: choose others", r.topic, l)
		}
		n++
		delete(missing, l.Position)
		targets[l.Source.Topic] = max(targets[l.Source.Topic], l.Source.Partition+1)
		return nil
	})
	if err != nil {
		return 0, err
	}
	for at := range missing {
		return 0, fmt.Errorf("upkeep: %s/%s: %w", r.topic, at, ErrNoLetter)
	}
	return n, r.checkTargets(ctx, targets)
}

// checkTargets fails if a topic lacks partitions that it needs.
func (r *redrive) checkTargets(ctx context.Context, targets map[string]int32) error {
	if len(targets) == 0 {
		return nil
	}
	details, err := r.c.admin.ListTopics(ctx, slices.Collect(maps.Keys(targets))...)
	if err != nil {
		return fmt.Errorf("upkeep: list topics: %w", err)
	}
	for topic, need := range targets {
		switch have := len(details[topic].Partitions); {
		case !details.Has(topic):
			return fmt.Errorf("upkeep: letters came from topic %q, which does not exist any more", topic)
		case have < int(need):
			return fmt.Errorf("upkeep: letters came from partition %d of topic %q, which has %d partitions now", need-1, topic, have)
		}
	}
	return nil
}

// send sends a batch back and notes that, in one transaction.
func (r *redrive) send(ctx context.Context) error {
	err := r.transact(ctx)
	if err != nil {
		if errors.Is(err, kerr.ProducerFenced) || errors.Is(err, kerr.InvalidProducerEpoch) {
			err = errors.New("another redrive of this topic has begun")
		}
		return fmt.Errorf("upkeep: redrive %q: %d letters are done, and then: %w", r.topic, r.done, err)
	}
	r.done += len(r.batch)
	r.batch = r.batch[:0]
	r.told()
	return nil
}

func (r *redrive) transact(ctx context.Context) error {
	noted, offsets, err := r.note()
	if err != nil {
		return err
	}
	if err := r.producer.BeginTransaction(); err != nil {
		return err
	}
	var out []*kgo.Record
	for _, l := range r.batch {
		out = append(out, l.original(r.topic))
	}
	err = r.producer.ProduceSync(ctx, out...).FirstErr()
	if err == nil {
		err = runtime.CommitGroupOffsets(ctx, r.producer, r.id, r.group, r.topic, offsets)
	}
	if err != nil {
		return errors.Join(err, r.producer.EndTransaction(context.WithoutCancel(ctx), kgo.TryAbort))
	}
	if err := r.producer.EndTransaction(ctx, kgo.TryCommit); err != nil {
		return err
	}
	maps.Copy(r.dealt, noted)
	return nil
}

// note is what has been dealt with when the batch is sent.
func (r *redrive) note() (noted map[int32]letters.Dealt, offsets map[int32]runtime.GroupOffset, err error) {
	batch := map[int32][]int64{}
	for _, l := range r.batch {
		batch[l.Partition] = append(batch[l.Partition], l.Offset)
	}
	noted, offsets = map[int32]letters.Dealt{}, map[int32]runtime.GroupOffset{}
	for _, part := range r.ranges {
		p := part.Partition
		if len(batch[p]) == 0 {
			continue
		}
		r.waiting[p] = slices.DeleteFunc(r.waiting[p], func(offset int64) bool { return slices.Contains(batch[p], offset) })
		noted[p] = r.dealt[p].With(batch[p], r.waiting[p], part.To)
		text, err := noted[p].Metadata()
		if err != nil {
			return nil, nil, err
		}
		offsets[p] = runtime.GroupOffset{Offset: noted[p].Below, Metadata: text}
	}
	return noted, offsets, nil
}
