//go:build integration

package integration

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tidemill/tidemill"
	"github.com/tidemill/tidemill/topology"
)

// Inputs of the poison tests are numbers under numbers, outputs are texts. unlucky
// makes the callback panic, and huge leads to a text that the topic does not take.
const (
	unlucky     = 13
	huge        = 5000
	outMaxBytes = 2000
)

// poison is a record that fails, and what a dead letter says of it.
type poison struct {
	name       string
	key, value []byte
	stage      string
	message    string
	trace      string // part of the stack trace, if there has to be one
}

var poisons = []poison{
	{"an undecodable key", []byte("key"), number(1), "decode", "decode key: want 8 bytes for int64, got 3", ""},
	{"an undecodable value", number(1), []byte("value"), "decode", "decode value: want 8 bytes for int64, got 5", ""},
	{"a panicking callback", number(1), number(unlucky), "process", "panic: 13 is unlucky", "poisoned"},
	{"an output too large for its topic", number(1), number(huge), "produce", "the topic takes at most 2000", ""},
}

func number(n int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(n)) }

// poisoned is a test with a topology that fails for some of its records.
type poisoned struct {
	*fixture
	in, out, dead string
	// panics is how often the callback has panicked.
	panics atomic.Int64
}

func newPoisoned(t *testing.T) *poisoned {
	f := newFixture(t)
	p := &poisoned{fixture: f, in: f.topic("in", 2), dead: f.topic("dead", 2), out: f.app + ".out"}
	limit := strconv.Itoa(outMaxBytes)
	f.create(p.out, 2, map[string]*string{"max.message.bytes": &limit})
	return p
}

func (p *poisoned) topology() *topology.Builder {
	b := topology.New(p.app)
	b.Stream[int64, int64](p.in, topology.Named("read")).
		MapValues(func(n int64) string {
			switch n {
			case unlucky:
				p.panics.Add(1)
				panic(strconv.Itoa(unlucky) + " is unlucky")
			case huge:
				return strings.Repeat("x", huge)
			}
			return decimal(n)
		}, topology.Named("callback")).
		To(p.out, topology.Named("write"))
	return b
}

// feed writes good records to both partitions, and each of some poisons between
// good ones of the second. It returns what has to come out of the good ones.
func (p *poisoned) feed(bad ...poison) outputs {
	p.t.Helper()
	want := outputs{}
	n := int64(100)
	good := func(partition int) {
		p.produce(in(partition, &kgo.Record{Topic: p.in, Key: number(int64(partition)), Value: number(n)}))
		want.add(string(number(int64(partition))), decimal(n))
		n++
	}
	for _, b := range bad {
		good(0)
		good(1)
		p.produce(in(1, &kgo.Record{Topic: p.in, Key: b.key, Value: b.value, Timestamp: time.UnixMilli(1_700_000_000_000), Headers: []kgo.RecordHeader{
			{Key: "trace", Value: []byte("abc")}, {Key: "empty"}, {Key: "trace", Value: []byte("def")},
		}}))
	}
	good(0)
	good(1)
	return want
}

// goesOn waits until the good records have come out.
func (p *poisoned) goesOn(w *worker, want outputs) {
	p.t.Helper()
	await(p.t, "the partition goes on behind its bad records", func() bool {
		w.alive()
		return p.outputs(p.out).difference(want) == ""
	})
}

func TestAPoisonRecordDoesNotStopItsPartition(t *testing.T) {
	for _, g := range guarantees {
		for _, c := range []struct {
			name    string
			policy  func(dead string) tidemill.Policy
			tries   int64
			letters bool
		}{
			{"skip", func(string) tidemill.Policy { return tidemill.Skip() }, 1, false},
			{"retry, then skip", func(string) tidemill.Policy { return tidemill.Retry(2, 5*time.Millisecond, tidemill.Skip()) }, 3, false},
			{"dead letter", tidemill.DeadLetter, 1, true},
			{"retry, then dead letter", func(dead string) tidemill.Policy {
				return tidemill.Retry(2, 5*time.Millisecond, tidemill.DeadLetter(dead))
			}, 3, true},
		} {
			t.Run(g.name+", "+c.name, func(t *testing.T) {
				p := newPoisoned(t)
				w := p.work(p.topology(), append(slices.Clone(g.options), tidemill.OnError(c.policy(p.dead)))...)
				want := p.feed(poisons...)
				p.goesOn(w, want)
				p.consumed(p.in)
				w.stop()
				if difference := p.outputs(p.out).difference(want); difference != "" {
					t.Error(difference)
				}
				if n := p.panics.Load(); n != c.tries {
					t.Errorf("the callback was tried %d times, want %d", n, c.tries)
				}
				if c.letters {
					p.checkLetters(poisons)
				} else if letters := p.read(p.dead); len(letters) > 0 {
					t.Errorf("there are %d dead letters, want none", len(letters))
				}
			})
		}
	}
}

// checkLetters checks that there is one dead letter for each poison that was fed,
// and what is in them.
func (p *poisoned) checkLetters(bad []poison) {
	p.t.Helper()
	letters := p.read(p.dead)
	if len(letters) != len(bad) {
		p.t.Fatalf("there are %d dead letters, want %d", len(letters), len(bad))
	}
	for i, b := range bad {
		offset := strconv.Itoa(2*i + 1)
		at := slices.IndexFunc(letters, func(r *kgo.Record) bool { return header(r, "__streams.errors.offset") == offset })
		if at < 0 {
			p.t.Errorf("no dead letter is of offset %s (%s)", offset, b.name)
			continue
		}
		p.checkLetter(letters[at], b)
	}
}

func (p *poisoned) checkLetter(r *kgo.Record, b poison) {
	p.t.Helper()
	if string(r.Key) != string(b.key) || string(r.Value) != string(b.value) || r.Timestamp.UnixMilli() != 1_700_000_000_000 {
		p.t.Errorf("%s: the dead letter is %x: %x at %v, want %x: %x", b.name, r.Key, r.Value, r.Timestamp, b.key, b.value)
	}
	var own []string
	said := map[string]string{}
	for _, h := range r.Headers {
		if name, ours := strings.CutPrefix(h.Key, "__streams.errors."); ours {
			said[name] = string(h.Value)
		} else {
			own = append(own, fmt.Sprintf("%s=%s (null: %v)", h.Key, h.Value, h.Value == nil))
		}
	}
	if want := []string{"trace=abc (null: false)", "empty= (null: true)", "trace=def (null: false)"}; !slices.Equal(own, want) {
		p.t.Errorf("%s: the record's headers are %v, want %v", b.name, own, want)
	}
	node := map[string]string{"decode": "read", "process": "callback", "produce": "write"}[b.stage]
	want := map[string]string{"topic": p.in, "partition": "1", "stage": b.stage, "node": node}
	for name, value := range want {
		if said[name] != value {
			p.t.Errorf("%s: __streams.errors.%s is %q, want %q", b.name, name, said[name], value)
		}
	}
	if said["exception"] == "" || !strings.Contains(said["message"], b.message) {
		p.t.Errorf("%s: the dead letter says %q: %q, want %q", b.name, said["exception"], said["message"], b.message)
	}
	if trace := said["stacktrace"]; !strings.Contains(trace, b.trace) || b.trace == "" && trace != "" {
		p.t.Errorf("%s: the stack trace is %q, want %q in it", b.name, trace, b.trace)
	}
}

func header(r *kgo.Record, key string) string {
	for _, h := range r.Headers {
		if h.Key == key {
			return string(h.Value)
		}
	}
	return ""
}

func TestWithFailTheWorkerEndsAndNamesTheRecord(t *testing.T) {
	for _, g := range guarantees {
		for _, bad := range poisons {
			t.Run(g.name+", "+bad.name, func(t *testing.T) {
				p := newPoisoned(t)
				want := p.feed(bad)
				w := p.work(p.topology(), g.options...)
				select {
				case <-w.ended:
				case <-time.After(30 * time.Second):
					t.Fatal("the worker does not end")
				}
				var failed *tidemill.RecordError
				if !errors.As(w.err, &failed) {
					t.Fatalf("Run returned %v, want a RecordError", w.err)
				}
				if failed.Topic != p.in || failed.Partition != 1 || failed.Offset != 1 || string(failed.Stage) != bad.stage {
					t.Errorf("the error is of stage %q and %+v", failed.Stage, failed.Metadata)
				}
				for _, part := range []string{fmt.Sprintf("record at topic %q, partition 1, offset 1: ", p.in), bad.message} {
					if !strings.Contains(w.err.Error(), part) {
						t.Errorf("Run returned %q, want %q in it", w.err, part)
					}
				}
				// What failed is read again, and nothing before it was lost or, exactly
				// once, is there twice.
				again := p.work(p.topology(), append(slices.Clone(g.options), tidemill.OnError(tidemill.DeadLetter(p.dead)))...)
				p.consumed(p.in)
				again.stop()
				have := p.outputs(p.out)
				for key := range have {
					if g.name != "exactly once" {
						have[key] = slices.Compact(have[key])
					}
				}
				if difference := have.difference(want); difference != "" {
					t.Error(difference)
				}
				p.checkLetters([]poison{bad})
			})
		}
	}
}

// A dead letter that was written but not committed yet is written again when the
// transaction was aborted, and only then counts.
func TestADeadLetterBelongsToTheTransactionOfItsRecord(t *testing.T) {
	p := newPoisoned(t)
	dir := t.TempDir()
	w := p.work(p.topology(), tidemill.ExactlyOnce(), tidemill.CommitInterval(3*time.Second), tidemill.StateDir(dir), tidemill.OnError(tidemill.DeadLetter(p.dead)))
	want := p.feed(poisons...)
	written := func() int {
		ends, err := p.admin.ListEndOffsets(t.Context(), p.dead)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for end := range maps.Values(ends[p.dead]) {
			n += int(end.Offset)
		}
		return n
	}
	await(t, "the dead letters are written", func() bool {
		w.alive()
		return written() >= len(poisons)
	})
	id, err := os.ReadFile(filepath.Join(dir, p.app, "0", "instance"))
	if err != nil {
		t.Fatal(err)
	}
	if n := len(p.read(p.dead)); n > 0 {
		t.Fatalf("%d dead letters are committed before their transaction", n)
	}
	p.fence(string(id))
	p.goesOn(w, want)
	if len(w.seen(aborted)) == 0 {
		t.Fatal("the worker was not fenced")
	}
	p.checkLetters(poisons)
	if n := written(); n < 2*len(poisons) {
		t.Errorf("%d records were written to the dead-letter topic, want each twice", n)
	}
	w.stop()
}

// A record that its own topic just takes leaves no room for all that a dead letter
// says of it.
func TestADeadLetterOfARecordAtTheLimitLeavesOutTheStackTrace(t *testing.T) {
	p := newPoisoned(t)
	limit := strconv.Itoa(outMaxBytes)
	small := p.app + ".small"
	p.create(small, 1, map[string]*string{"max.message.bytes": &limit})
	b := topology.New(p.app)
	b.Stream[string, string](small).MapValues(func(string) string { panic("no") }).To(p.out)
	w := p.work(b, tidemill.ExactlyOnce(), tidemill.OnError(tidemill.DeadLetter(p.out)))
	value := strings.Repeat("v", outMaxBytes-600)
	p.produce(&kgo.Record{Topic: small, Key: []byte("k"), Value: []byte(value)})
	p.goesOn(w, outputs{"k": {value}})
	letter := p.read(p.out)[0]
	if header(letter, "__streams.errors.message") != "panic: no" || header(letter, "__streams.errors.stacktrace") != "" {
		t.Errorf("the headers of the dead letter are %v", letter.Headers)
	}
	value += strings.Repeat("v", 450)
	p.produce(&kgo.Record{Topic: small, Key: []byte("k"), Value: []byte(value)})
	select {
	case <-w.ended:
	case <-time.After(30 * time.Second):
		t.Fatal("the worker does not end")
	}
	if want := `takes at most 2000: raise max.message.bytes of the topic`; w.err == nil || !strings.Contains(w.err.Error(), want) {
		t.Errorf("the worker ended with %v, want %q", w.err, want)
	}
}

// What a topic takes is the limit of a whole batch, not only of a record.
func TestATopicThatTakesOnlySmallBatchesIsWrittenUnderLoad(t *testing.T) {
	for _, g := range guarantees {
		t.Run(g.name, func(t *testing.T) {
			p := newPoisoned(t)
			b := topology.New(p.app)
			read := b.Stream[string, string](p.in)
			read.To(p.out)
			read.To(p.dead)
			want := outputs{}
			var records []*kgo.Record
			for n := range 500 {
				r := &kgo.Record{Topic: p.in, Key: []byte("k" + strconv.Itoa(n%10)), Value: fmt.Appendf(nil, "%d %s", n, strings.Repeat("x", 1000))}
				want.add(string(r.Key), string(r.Value))
				records = append(records, r)
			}
			p.produce(records...)
			w := p.work(b, g.options...)
			p.goesOn(w, want)
			if difference := p.outputs(p.dead).difference(want); difference != "" {
				t.Error("in a topic that takes larger batches, ", difference)
			}
			w.stop()
		})
	}
}
