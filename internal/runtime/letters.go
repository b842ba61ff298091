package runtime

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"

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
	letters := make([]status.Letter, len(records))
	for i, r := range records {
		letters[i] = letterOf(r)
	}
	return letters, nil
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

// Redrive writes the records of dead letters to the partitions that they came from, as
// they were, and notes that they have been dealt with. All must wait, or nothing is done.
// If it is interrupted, some may have been written and still wait.
func (w *Worker) Redrive(ctx context.Context, topic string, ids []status.LetterID) error {
	return w.deal(ctx, topic, ids, w.rewrite)
}

// Discard notes that dead letters have been dealt with.
func (w *Worker) Discard(ctx context.Context, topic string, ids []status.LetterID) error {
	return w.deal(ctx, topic, ids, func(context.Context, []*kgo.Record) error { return nil })
}

func (w *Worker) deal(ctx context.Context, topic string, ids []status.LetterID, do func(context.Context, []*kgo.Record) error) error {
	if err := w.checkLetters(topic); err != nil {
		return err
	}
	if len(ids) == 0 || len(ids) > maxLetters {
		return fmt.Errorf("%d dead letters are chosen: choose 1 to %d", len(ids), maxLetters)
	}
	w.booking.Lock()
	defer w.booking.Unlock()
	if err := w.readBooks(ctx, []string{topic}); err != nil {
		return withHint(err)
	}
	wanted := map[int32][]int64{}
	for _, id := range ids {
		book := w.books[topicPartition{topic, id.Partition}]
		if book == nil || !slices.Contains(book.waiting, id.Offset) {
			return fmt.Errorf("%w: topic %q, partition %d, offset %d", query.ErrNoLetter, topic, id.Partition, id.Offset)
		}
		if !slices.Contains(wanted[id.Partition], id.Offset) {
			wanted[id.Partition] = append(wanted[id.Partition], id.Offset)
		}
	}
	for p := range wanted {
		slices.Sort(wanted[p])
	}
	records, err := w.fetchLetters(ctx, topic, wanted)
	if err != nil {
		return withHint(err)
	}
	if err := do(ctx, records); err != nil {
		return err
	}
	if err := w.dealWith(ctx, topic, wanted); err != nil {
		return fmt.Errorf("it could not be noted that the dead letters have been dealt with: %w", withHint(err))
	}
	w.lookSoon()
	return nil
}

// rewrite writes the records of dead letters to where they came from.
func (w *Worker) rewrite(ctx context.Context, letters []*kgo.Record) error {
	var records []*kgo.Record
	for _, l := range letters {
		from := originOf(l)
		if from.Topic == "" {
			return fmt.Errorf("the dead letter at partition %d, offset %d does not tell where it came from: discard it", l.Partition, l.Offset)
		}
		n, err := w.limits.partitions(from.Topic)
		if err != nil {
			return err
		}
		r := &kgo.Record{Topic: from.Topic, Key: l.Key, Value: l.Value, Timestamp: l.Timestamp, Partition: from.Partition}
		if from.Partition < 0 || from.Partition >= n {
			return fmt.Errorf("topic %q has %d partitions, the record came from partition %d", from.Topic, n, from.Partition)
		}
		for _, h := range l.Headers {
			if !strings.HasPrefix(h.Key, letterPrefix) {
				r.Headers = append(r.Headers, h)
			}
		}
		records = append(records, r)
	}
	producer, err := w.clients.letters()
	if err != nil {
		return err
	}
	defer producer.Close()
	if err := producer.ProduceSync(ctx, records...).FirstErr(); err != nil {
		return fmt.Errorf("redrive: %w", withHint(err))
	}
	return nil
}
