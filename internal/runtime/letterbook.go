package runtime

import (
	"context"
	"errors"
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
	dealt, err := w.dealtWith(ctx)
	if err != nil {
		return err
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

// dealtWith reads what has been dealt with.
func (w *Worker) dealtWith(ctx context.Context) (map[topicPartition]letters.Dealt, error) {
	committed, err := kadm.NewClient(w.restorer.client).FetchOffsets(ctx, letters.Group(w.plan.Application))
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
		return nil, err
	}
	out := map[topicPartition]letters.Dealt{}
	var faults []error
	committed.Each(func(o kadm.OffsetResponse) {
		if o.Err != nil {
			return
		}
		dealt, err := letters.Read(o.At, o.Metadata)
		out[topicPartition{o.Topic, o.Partition}] = dealt
		faults = append(faults, err)
	})
	return out, errors.Join(faults...)
}

// dealWith notes that letters of a topic, which are in the books, have been dealt with.
func (w *Worker) dealWith(ctx context.Context, topic string, done map[int32][]int64) error {
	before, err := w.dealtWith(ctx)
	if err != nil {
		return err
	}
	offsets, waiting := kadm.Offsets{}, map[topicPartition][]int64{}
	for partition, more := range done {
		p := topicPartition{topic, partition}
		book := w.books[p]
		waiting[p] = slices.DeleteFunc(slices.Clone(book.waiting), func(offset int64) bool {
			return before[p].Has(offset) || slices.Contains(more, offset)
		})
		dealt := before[p].With(more, waiting[p], book.next)
		text, err := dealt.Metadata()
		if err != nil {
			return err
		}
		offsets.Add(kadm.Offset{Topic: topic, Partition: partition, At: dealt.Below, LeaderEpoch: -1, Metadata: text})
	}
	if err := kadm.NewClient(w.restorer.client).CommitAllOffsets(ctx, letters.Group(w.plan.Application), offsets); err != nil {
		return err
	}
	for p, left := range waiting {
		w.books[p].waiting = left
	}
	return nil
}
