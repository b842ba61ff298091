package runtime

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tidemill/tidemill/internal/letters"
	"github.com/tidemill/tidemill/query"
	"github.com/tidemill/tidemill/status"
)

// maxLetters is how many dead letters are shown or dealt with at once, maxShown how much
// of a value is shown.
const (
	maxLetters = 500
	maxShown   = 16 << 10
)

// depths are how many dead letters wait in each topic.
func (w *Worker) depths(ctx context.Context) (map[string]int64, error) {
	topics := w.letterTopics()
	if len(topics) == 0 {
		return nil, nil
	}
	w.booking.Lock()
	defer w.booking.Unlock()
	if err := w.readBooks(ctx, topics); err != nil {
		return nil, err
	}
	out := map[string]int64{}
	for p, book := range w.books {
		out[p.topic] += int64(len(book.waiting))
		if len(book.waiting) >= maxWaiting {
			out[p.topic] += book.behind
		}
	}
	return out, nil
}

// Letters returns dead letters that wait in a topic, the oldest of each partition first.
func (w *Worker) Letters(ctx context.Context, topic string, limit int) ([]status.Letter, error) {
	if err := w.checkLetters(topic); err != nil {
		return nil, err
	}
	if limit < 1 || limit > maxLetters {
		return nil, fmt.Errorf("the limit is %d: give 1 to %d", limit, maxLetters)
	}
	w.booking.Lock()
	defer w.booking.Unlock()
	if err := w.readBooks(ctx, []string{topic}); err != nil {
		return nil, withHint(err)
	}
	wanted := map[int32][]int64{}
	left := limit
	for p, book := range w.books {
		if p.topic == topic && left > 0 {
			n := min(left, len(book.waiting))
			wanted[p.partition] = book.waiting[:n]
			left -= n
		}
	}
	records, err := w.fetchLetters(ctx, topic, wanted)
	if err != nil {
		return nil, err
	}
	out := make([]status.Letter, len(records))
	for i, r := range records {
		out[i] = letterOf(r)
	}
	return out, nil
}

func (w *Worker) checkLetters(topic string) error {
	if w.view.Load() == nil || w.counts.stopped.Load() {
		return query.ErrStopped
	}
	if topics := w.letterTopics(); !slices.Contains(topics, topic) {
		return fmt.Errorf("topic %q is no dead-letter topic of the application: it has %q", topic, topics)
	}
	return nil
}

// fetchLetters reads records at offsets, which are in order.
func (w *Worker) fetchLetters(ctx context.Context, topic string, wanted map[int32][]int64) ([]*kgo.Record, error) {
	var targets []restoreTarget
	var found []*[]*kgo.Record
	for _, partition := range slices.Sorted(maps.Keys(wanted)) {
		offsets := wanted[partition]
		if len(offsets) == 0 {
			continue
		}
		records := new([]*kgo.Record)
		found = append(found, records)
		targets = append(targets, restoreTarget{
			topic: topic, partition: partition, from: offsets[0], limited: true, limit: offsets[len(offsets)-1] + 1, windowed: true,
			reset: func() error { *records = nil; return nil },
			apply: func(batch []*kgo.Record) error {
				for _, r := range batch {
					if _, ok := slices.BinarySearch(offsets, r.Offset); ok {
						*records = append(*records, copyOf(r))
					}
				}
				return nil
			},
		})
	}
	if _, err := w.restorer.restore(ctx, targets, nil); err != nil {
		return nil, withHint(err)
	}
	var out []*kgo.Record
	for _, records := range found {
		out = append(out, *records...)
	}
	return out, nil
}

// copyOf is a record whose memory the restorer does not use again.
func copyOf(r *kgo.Record) *kgo.Record {
	out := *r
	out.Key, out.Value = bytes.Clone(r.Key), bytes.Clone(r.Value)
	out.Headers = slices.Clone(r.Headers)
	for i := range out.Headers {
		out.Headers[i].Value = bytes.Clone(out.Headers[i].Value)
	}
	return &out
}

// letterOf shows a record of a dead-letter topic.
func letterOf(r *kgo.Record) status.Letter {
	l := status.Letter{LetterID: status.LetterID{Partition: r.Partition, Offset: r.Offset}, Time: r.Timestamp.UTC(), Key: r.Key, Value: r.Value}
	if len(r.Value) > maxShown {
		l.Value, l.Cut = r.Value[:maxShown], len(r.Value)
	}
	l.Origin = originOf(r)
	for _, h := range r.Headers {
		value := string(h.Value)
		switch h.Key {
		case letterPrefix + "exception":
			l.Exception = value
		case letterPrefix + "message":
			l.Message = value
		case letterPrefix + "node":
			l.Node = value
		case letterPrefix + "stage":
			l.Stage = value
		case letterPrefix + "stacktrace":
			l.Trace = value
		default:
			if !strings.HasPrefix(h.Key, letterPrefix) {
				l.Headers = append(l.Headers, status.Header{Key: h.Key, Value: value})
			}
		}
	}
	return l
}

// letterPrefix begins the headers that a dead letter has beside those of its record.
const letterPrefix = "__streams.errors."

// originOf is where the record of a dead letter came from; partition and offset are -1
// where the letter does not tell.
func originOf(r *kgo.Record) status.LetterOrigin {
	o := status.LetterOrigin{Partition: -1, Offset: -1}
	for _, h := range r.Headers {
		switch n, err := strconv.ParseInt(string(h.Value), 10, 64); {
		case h.Key == letterPrefix+"topic":
			o.Topic = string(h.Value)
		case err != nil:
		case h.Key == letterPrefix+"partition":
			o.Partition = int32(n)
		case h.Key == letterPrefix+"offset":
			o.Offset = n
		}
	}
	return o
}

// Redrive sends the records of dead letters back to the partitions that they came from, as
// they were, and notes that they have been dealt with, in one transaction. All must wait,
// or nothing is done.
func (w *Worker) Redrive(ctx context.Context, topic string, ids []status.LetterID) error {
	w.booking.Lock()
	defer w.booking.Unlock()
	if err := w.checkChosen(topic, ids); err != nil {
		return err
	}
	producer, txnID, err := w.clients.redriver(topic)
	if err != nil {
		return err
	}
	defer producer.Close()
	if _, _, err := producer.ProducerID(ctx); err != nil { // nobody else redrives from now on
		return fmt.Errorf("redrive: %w", withHint(err))
	}
	wanted, err := w.choose(ctx, topic, ids)
	if err != nil {
		return err
	}
	records, err := w.originals(ctx, topic, wanted)
	if err != nil {
		return err
	}
	return w.dealWith(ctx, topic, wanted, func(group string, offsets map[int32]GroupOffset) error {
		if err := producer.BeginTransaction(); err != nil {
			return err
		}
		err := producer.ProduceSync(ctx, records...).FirstErr()
		if err == nil {
			err = CommitGroupOffsets(ctx, producer, txnID, group, topic, offsets)
		}
		if err != nil {
			return errors.Join(withHint(err), producer.EndTransaction(context.WithoutCancel(ctx), kgo.TryAbort))
		}
		return producer.EndTransaction(ctx, kgo.TryCommit)
	})
}

// Discard notes that dead letters have been dealt with.
func (w *Worker) Discard(ctx context.Context, topic string, ids []status.LetterID) error {
	w.booking.Lock()
	defer w.booking.Unlock()
	if err := w.checkChosen(topic, ids); err != nil {
		return err
	}
	wanted, err := w.choose(ctx, topic, ids)
	if err != nil {
		return err
	}
	return w.dealWith(ctx, topic, wanted, func(group string, offsets map[int32]GroupOffset) error {
		var commit kadm.Offsets
		for p, at := range offsets {
			commit.Add(kadm.Offset{Topic: topic, Partition: p, At: at.Offset, LeaderEpoch: -1, Metadata: at.Metadata})
		}
		return kadm.NewClient(w.restorer.client).CommitAllOffsets(ctx, group, commit)
	})
}

func (w *Worker) checkChosen(topic string, ids []status.LetterID) error {
	if err := w.checkLetters(topic); err != nil {
		return err
	}
	if len(ids) == 0 || len(ids) > maxLetters {
		return fmt.Errorf("%d dead letters are chosen: choose 1 to %d", len(ids), maxLetters)
	}
	return nil
}

// choose groups chosen letters by partition, in order. All must wait. The caller holds
// booking.
func (w *Worker) choose(ctx context.Context, topic string, ids []status.LetterID) (map[int32][]int64, error) {
	if err := w.readBooks(ctx, []string{topic}); err != nil {
		return nil, withHint(err)
	}
	wanted := map[int32][]int64{}
	for _, id := range ids {
		book := w.books[topicPartition{topic, id.Partition}]
		if book == nil || !slices.Contains(book.waiting, id.Offset) {
			return nil, fmt.Errorf("%w: topic %q, partition %d, offset %d", query.ErrNoLetter, topic, id.Partition, id.Offset)
		}
		if !slices.Contains(wanted[id.Partition], id.Offset) {
			wanted[id.Partition] = append(wanted[id.Partition], id.Offset)
		}
	}
	for p := range wanted {
		slices.Sort(wanted[p])
	}
	return wanted, nil
}

// originals are the records that letters were, on their way back.
func (w *Worker) originals(ctx context.Context, topic string, wanted map[int32][]int64) ([]*kgo.Record, error) {
	found, err := w.fetchLetters(ctx, topic, wanted)
	if err != nil {
		return nil, withHint(err)
	}
	var records []*kgo.Record
	for _, l := range found {
		from := originOf(l)
		if from.Topic == "" {
			return nil, fmt.Errorf("the dead letter at partition %d, offset %d does not tell where it came from: discard it", l.Partition, l.Offset)
		}
		n, err := w.limits.partitions(from.Topic)
		if err != nil {
			return nil, err
		}
		if from.Partition < 0 || from.Partition >= n {
			return nil, fmt.Errorf("topic %q has %d partitions, the record came from partition %d", from.Topic, n, from.Partition)
		}
		records = append(records, original(l, from))
	}
	return records, nil
}

// original is the record that a letter was, and which letter, and how often it has been
// one.
func original(l *kgo.Record, from status.LetterOrigin) *kgo.Record {
	r := &kgo.Record{Topic: from.Topic, Partition: from.Partition, Key: l.Key, Value: l.Value, Timestamp: l.Timestamp}
	before := 0
	for _, h := range l.Headers {
		switch {
		case h.Key == letters.HeaderCount:
			before, _ = strconv.Atoi(string(h.Value))
		case h.Key != letters.HeaderFrom && !strings.HasPrefix(h.Key, letterPrefix):
			r.Headers = append(r.Headers, h)
		}
	}
	r.Headers = append(r.Headers,
		kgo.RecordHeader{Key: letters.HeaderFrom, Value: fmt.Appendf(nil, "%s/%d/%d", l.Topic, l.Partition, l.Offset)},
		kgo.RecordHeader{Key: letters.HeaderCount, Value: strconv.AppendInt(nil, int64(before+1), 10)})
	return r
}
