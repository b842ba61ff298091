package upkeep

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tidemill/tidemill/internal/letters"
	"github.com/tidemill/tidemill/record"
)

// Letter is a dead letter: a record that could not be processed, as it was read, and
// what happened to it.
type Letter struct {
	Position
	// Time is the timestamp of the record, in milliseconds.
	Time int64
	// Key, Value and Headers are those that the record was read with.
	Key, Value []byte
	Headers    record.Headers
	// Source is where it was read, if the letter says so.
	Source *Source
	// Stage and Node are where it failed, Exception and Message how, and Trace is the
	// stack of a panic.
	Stage, Node, Exception, Message, Trace string
	// Dealt says that it has been dealt with since: it was sent back, or discarded.
	// Before is how often it had been sent back before it failed here.
	Dealt  bool
	Before int
}

// Position is where a letter is in its topic.
type Position struct {
	Partition int32
	Offset    int64
}

// String is the position as ParsePosition reads it.
func (p Position) String() string { return fmt.Sprintf("%d/%d", p.Partition, p.Offset) }

// ParsePosition reads the partition and the offset of a letter, such as 0/12.
func ParsePosition(s string) (p Position, err error) {
	partition, offset, ok := strings.Cut(s, "/")
	n, err1 := strconv.ParseInt(partition, 10, 32)
	p.Offset, err = strconv.ParseInt(offset, 10, 64)
	if p.Partition = int32(n); !ok || err1 != nil || err != nil || n < 0 || p.Offset < 0 {
		return p, fmt.Errorf("upkeep: no position %q of a letter: give partition and offset, such as 0/12", s)
	}
	return p, nil
}

// Source is the place of a record.
type Source struct {
	Topic     string
	Partition int32
	Offset    int64
}

// String names the place.
func (s Source) String() string { return fmt.Sprintf("%s/%d/%d", s.Topic, s.Partition, s.Offset) }

// The headers of a letter. Those that begin with errorPrefix say what happened, the
// others are the record's own.
const (
	errorPrefix     = "__streams.errors."
	headerException = errorPrefix + "exception"
	headerMessage   = errorPrefix + "message"
	headerTrace     = errorPrefix + "stacktrace"
	headerTopic     = errorPrefix + "topic"
	headerPartition = errorPrefix + "partition"
	headerOffset    = errorPrefix + "offset"
	headerNode      = errorPrefix + "node"
	headerStage     = errorPrefix + "stage"
	headerSaga      = "saga-error" // of an event that no saga has use for

	// HeaderFrom is the letter that a redriven record was, as topic/partition/offset, and
	// HeaderCount how often it has been redriven.
	HeaderFrom  = letters.HeaderFrom
	HeaderCount = letters.HeaderCount
)

// letterOf reads a record of a topic of dead letters.
func letterOf(r *kgo.Record) Letter {
	l := Letter{Position: Position{r.Partition, r.Offset}, Time: r.Timestamp.UnixMilli(), Key: r.Key, Value: r.Value}
	said := map[string]string{}
	for _, h := range r.Headers {
		switch {
		case strings.HasPrefix(h.Key, errorPrefix), h.Key == headerSaga:
			said[h.Key] = string(h.Value)
		default:
			l.Headers = append(l.Headers, record.Header{Key: h.Key, Value: h.Value})
		}
	}
	l.Stage, l.Node, l.Exception, l.Trace = said[headerStage], said[headerNode], said[headerException], said[headerTrace]
	l.Message = cmp.Or(said[headerMessage], said[headerSaga])
	partition, err1 := strconv.ParseInt(said[headerPartition], 10, 32)
	offset, err2 := strconv.ParseInt(said[headerOffset], 10, 64)
	if said[headerTopic] != "" && err1 == nil && err2 == nil && partition >= 0 {
		l.Source = &Source{said[headerTopic], int32(partition), offset}
	}
	if count, ok := l.Headers.Get(HeaderCount); ok {
		l.Before, _ = strconv.Atoi(string(count))
	}
	return l
}

// original is the record that a letter of a topic was, on its way back.
func (l Letter) original(topic string) *kgo.Record {
	out := &kgo.Record{Topic: l.Source.Topic, Partition: l.Source.Partition, Key: l.Key, Value: l.Value, Timestamp: time.UnixMilli(l.Time)}
	headers := l.Headers.Without(HeaderFrom).Without(HeaderCount)
	headers = headers.With(HeaderFrom, []byte(topic+"/"+l.String())).With(HeaderCount, strconv.AppendInt(nil, int64(l.Before+1), 10))
	for _, h := range headers {
		out.Headers = append(out.Headers, kgo.RecordHeader{Key: h.Key, Value: h.Value})
	}
	return out
}
