package main

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tidemill/tidemill/bench/input"
)

// check reads the results and compares them with what the input was made of.
func (b *bench) check(ctx context.Context, w workload, j job, facts input.Facts) error {
	outputs := 0
	var fault error
	counts := map[string]int64{}
	err := b.readAll(ctx, j.Output, func(r *kgo.Record) {
		outputs++
		if w.outputs == nil && fault == nil {
			counts[string(r.Key)], fault = input.Count(r.Value)
		}
	})
	if err != nil {
		return err
	}
	if fault != nil {
		return fault
	}
	if w.outputs != nil {
		if want := w.outputs(facts); outputs != want {
			return fmt.Errorf("%d results, want %d", outputs, want)
		}
		return nil
	}
	var sum int64
	for _, n := range counts {
		sum += n
	}
	if sum != int64(facts.Records) {
		return fmt.Errorf("the counts of %d keys add up to %d, want %d", len(counts), sum, facts.Records)
	}
	return nil
}

// readAll gives each every committed record of a topic, in the order of its
// partition.
func (b *bench) readAll(ctx context.Context, topic string, each func(*kgo.Record)) error {
	ends, err := b.admin.ListEndOffsets(ctx, topic)
	if err != nil {
		return err
	}
	left := map[int32]int64{}
	for _, end := range ends.Offsets()[topic] {
		if end.At > 0 {
			left[end.Partition] = end.At
		}
	}
	cl, err := kgo.NewClient(
		kgo.SeedBrokers(b.brokers...), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords(),
	)
	if err != nil {
		return err
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for len(left) > 0 {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return fmt.Errorf("read %s: %w", topic, err)
		}
		for r := range fetches.RecordsAll() {
			if !r.Attrs.IsControl() {
				each(r)
			}
			if r.Offset+1 >= left[r.Partition] {
				delete(left, r.Partition)
			}
		}
	}
	return nil
}
