package runtime

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
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

// letterGroup is the group in whose committed offsets it is kept which dead letters have
// been dealt with: all before the offset, and those that its metadata names.
func (w *Worker) letterGroup() string { return w.plan.Application + "-dead-letters" }

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
		book.next = max(book.next, start.Offset, dealt[p].below)
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
			return offset < start.Offset || gone.has(offset)
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

// dealt is what has been dealt with of one partition.
type dealt struct {
	below  int64
	beside []int64
}

func (d dealt) has(offset int64) bool {
	if offset < d.below {
		return true
	}
	_, found := slices.BinarySearch(d.beside, offset)
	return found
}

// maxRun is the longest run of letters that is believed.
const maxRun = 1 << 20

// maxDealtBytes is how long the metadata of an offset may be: the broker's default.
const maxDealtBytes = 4096

// encode writes the letters beside as runs, such as 7 9-12.
func (d dealt) encode() (string, error) {
	var runs []string
	for i := 0; i < len(d.beside); {
		j := i
		for j+1 < len(d.beside) && d.beside[j+1] == d.beside[j]+1 {
			j++
		}
		run := strconv.FormatInt(d.beside[i], 10)
		if j > i {
			run += "-" + strconv.FormatInt(d.beside[j], 10)
		}
		runs = append(runs, run)
		i = j + 1
	}
	text := strings.Join(runs, " ")
	if len(text) > maxDealtBytes {
		return "", fmt.Errorf("too many dead letters have been dealt with out of order: deal with the oldest ones first")
	}
	return text, nil
}

func decodeDealt(below int64, text string) dealt {
	d := dealt{below: below}
	for _, run := range strings.Fields(text) {
		from, to, ranged := strings.Cut(run, "-")
		first, err := strconv.ParseInt(from, 10, 64)
		last := first
		if ranged && err == nil {
			last, err = strconv.ParseInt(to, 10, 64)
		}
		if err != nil || last < first || last-first > maxRun {
			continue
		}
		for offset := first; offset <= last; offset++ {
			d.beside = append(d.beside, offset)
		}
	}
	return d
}

// dealtWith reads what has been dealt with.
func (w *Worker) dealtWith(ctx context.Context) (map[topicPartition]dealt, error) {
	committed, err := kadm.NewClient(w.restorer.client).FetchOffsets(ctx, w.letterGroup())
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
		return nil, err
	}
	out := map[topicPartition]dealt{}
	committed.Each(func(o kadm.OffsetResponse) {
		if o.Err == nil && o.At >= 0 {
			out[topicPartition{o.Topic, o.Partition}] = decodeDealt(o.At, o.Metadata)
		}
	})
	return out, nil
}

// dealWith notes that letters of a topic have been dealt with.
func (w *Worker) dealWith(ctx context.Context, topic string, letters map[int32][]int64) error {
	before, err := w.dealtWith(ctx)
	if err != nil {
		return err
	}
	offsets := kadm.Offsets{}
	for partition, done := range letters {
		p := topicPartition{topic, partition}
		d := before[p]
		d.beside = append(d.beside, done...)
		slices.Sort(d.beside)
		d.beside = slices.Compact(d.beside)
		d = d.settle(w.books[p])
		text, err := d.encode()
		if err != nil {
			return err
		}
		offsets.Add(kadm.Offset{Topic: topic, Partition: partition, At: d.below, LeaderEpoch: -1, Metadata: text})
		if book := w.books[p]; book != nil {
			book.waiting = slices.DeleteFunc(book.waiting, d.has)
		}
	}
	return kadm.NewClient(w.restorer.client).CommitAllOffsets(ctx, w.letterGroup(), offsets)
}

// settle moves the offset up to the first letter that waits.
func (d dealt) settle(book *letterBook) dealt {
	if book == nil {
		return d
	}
	below := book.next
	for _, offset := range book.waiting {
		if !d.has(offset) {
			below = min(below, offset)
		}
	}
	d.below = max(d.below, below)
	d.beside = slices.DeleteFunc(slices.Clone(d.beside), func(offset int64) bool { return offset < d.below })
	return d
}
