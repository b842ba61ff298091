package runtime

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tidemill/tidemill/internal/letters"
)

// maxWaiting is how many dead letters of a partition are known one by one; those behind
// them are counted by their offsets.
const maxWaiting = 20_000

// letterBook knows which dead letters of one partition wait for somebody to deal with
// them. Offsets alone do not tell: transactions leave markers between the letters.
type letterBook struct {
	// next is the first offset that has not been looked at; -1 is the first there is.
	next    int64
	waiting []int64
	behind  int64
}

// readBooks brings the books of some topics up to date. The caller holds booking.
func (w *Worker) readBooks(ctx context.Context, topics []string) error {
	admin := kadm.NewClient(w.restorer.client)
	starts, err := admin.ListStartOffsets(ctx, topics...)
	if err != nil {
		return err
	}
	ends, err := admin.ListEndOffsets(ctx, topics...)
	if err != nil {
		return err
	}
	dealt := map[topicPartition]letters.Dealt{}
	for topic, partitions := range starts {
		of, err := w.dealtWith(ctx, topic, slices.Collect(maps.Keys(partitions)))
		if err != nil {
			return err
		}
		for p, d := range of {
			dealt[topicPartition{topic, p}] = d
		}
	}
	var targets []restoreTarget
	var of []*letterBook
	var fault error
	starts.Each(func(start kadm.ListedOffset) {
		end, _ := ends.Lookup(start.Topic, start.Partition)
		if fault = cmpErr(fault, cmpErr(start.Err, end.Err)); fault != nil {
			return
		}
		p := topicPartition{start.Topic, start.Partition}
		book := w.books[p]
		if book == nil {
			book = &letterBook{next: -1}
			w.books[p] = book
		}
		book.next = max(book.next, start.Offset, dealt[p].Below)
		book.behind = max(0, end.Offset-book.next)
		if book.behind > 0 && len(book.waiting) < maxWaiting {
			targets, of = append(targets, bookTarget(p, book)), append(of, book)
		}
	})
	if fault != nil {
		return fault
	}
	done, err := w.restorer.restore(ctx, targets, nil)
	if err != nil {
		return err
	}
	for i, r := range done {
		of[i].behind -= max(0, r.next-of[i].next)
		of[i].next = max(of[i].next, r.next)
	}
	starts.Each(func(start kadm.ListedOffset) {
		p := topicPartition{start.Topic, start.Partition}
		gone := dealt[p]
		w.books[p].waiting = slices.DeleteFunc(w.books[p].waiting, func(offset int64) bool {
			return offset < start.Offset || gone.Has(offset)
		})
	})
	return nil
}

// bookTarget has the restorer enter new letters into a book.
func bookTarget(p topicPartition, book *letterBook) restoreTarget {
	return restoreTarget{
		topic: p.topic, partition: p.partition, from: book.next, windowed: true,
		limited: true, limit: book.next + min(book.behind, maxWaiting),
		reset: func() error { *book = letterBook{next: -1}; return nil },
		apply: func(records []*kgo.Record) error {
			for _, r := range records {
				book.waiting = append(book.waiting, r.Offset)
				book.next = r.Offset + 1
			}
			return nil
		},
	}
}

// dealtWith reads what has been dealt with of a topic. It waits for a transaction that is
// about to change that.
func (w *Worker) dealtWith(ctx context.Context, topic string, partitions []int32) (map[int32]letters.Dealt, error) {
	kept, err := FetchGroupOffsets(ctx, w.restorer.client, letters.Group(w.plan.Application), topic, partitions)
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
		return nil, err
	}
	out := map[int32]letters.Dealt{}
	for p, at := range kept {
		if out[p], err = letters.Read(at.Offset, at.Metadata); err != nil {
			return nil, fmt.Errorf("dead letters of topic %q, partition %d: %w", topic, p, err)
		}
	}
	return out, nil
}

// dealWith notes by commit that letters of a topic, which are in the books, have been
// dealt with.
func (w *Worker) dealWith(ctx context.Context, topic string, done map[int32][]int64, commit func(group string, offsets map[int32]GroupOffset) error) error {
	before, err := w.dealtWith(ctx, topic, slices.Collect(maps.Keys(done)))
	if err != nil {
		return err
	}
	offsets, waiting := map[int32]GroupOffset{}, map[int32][]int64{}
	for p, more := range done {
		book := w.books[topicPartition{topic, p}]
		waiting[p] = slices.DeleteFunc(slices.Clone(book.waiting), func(offset int64) bool {
			return before[p].Has(offset) || slices.Contains(more, offset)
		})
		dealt := before[p].With(more, waiting[p], book.next)
		text, err := dealt.Metadata()
		if err != nil {
			return err
		}
		offsets[p] = GroupOffset{Offset: dealt.Below, Metadata: text}
	}
	if err := commit(letters.Group(w.plan.Application), offsets); err != nil {
		return fmt.Errorf("dead letters of topic %q: %w", topic, withHint(err))
	}
	for p, left := range waiting {
		w.books[topicPartition{topic, p}].waiting = left
	}
	w.lookSoon()
	return nil
}
