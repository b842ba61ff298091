package tasktest

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/tidemill/tidemill/record"
)

// parse reads the text of a record.
func parse(tb testing.TB, text string, offset int64) record.Raw {
	tb.Helper()
	fields := strings.Fields(text)
	key, rest, ok := strings.Cut(fields[0], "=")
	value, at, also := strings.Cut(rest, "@")
	ts, err := strconv.ParseInt(at, 10, 64)
	if !ok || !also || err != nil {
		tb.Fatalf("tasktest: %q is not key=value@timestamp", text)
	}
	raw := record.Raw{Key: nullable(key), Value: nullable(value), Timestamp: ts, Offset: offset}
	for _, header := range fields[1:] {
		name, content, _ := strings.Cut(header, ":")
		raw.Headers = append(raw.Headers, record.Header{Key: name, Value: []byte(content)})
	}
	return raw
}

func nullable(text string) []byte {
	if text == "-" {
		return nil
	}
	return []byte(text)
}

// Text is an output as text, without its topic.
func Text(o record.Output) string {
	key := o.Key
	if n := len(key); o.Changelog > 0 && n > 12 && !isSession(key) && binary.BigEndian.Uint32(key[n-4:]) == 0 {
		key = key[:n-4] // the sequence number of a window store
	}
	text := fmt.Sprintf("%s=%s@%d", show(key, true), show(o.Value, false), o.Timestamp)
	for _, h := range o.Headers {
		text += fmt.Sprintf(" %s:%s", h.Key, h.Value)
	}
	return text
}

func show(data []byte, key bool) string {
	n := len(data)
	switch {
	case data == nil:
		return "-"
	case n == 8 && data[0] == 0:
		return strconv.FormatInt(int64(binary.BigEndian.Uint64(data)), 10)
	case key && isSession(data):
		return fmt.Sprintf("%s[%d,%d]", data[:n-16], binary.BigEndian.Uint64(data[n-8:]), binary.BigEndian.Uint64(data[n-16:]))
	case key && n > 8 && (data[n-8] == 0 || data[n-8] == 0x7f): // no text has these bytes
		return fmt.Sprintf("%s[%d]", data[:n-8], binary.BigEndian.Uint64(data[n-8:]))
	default:
		return string(data)
	}
}

// isSession says that a key is that of a session: two bounds end it, as no text does.
func isSession(key []byte) bool {
	n := len(key)
	return n > 16 && early(key[n-16:]) && early(key[n-8:])
}

// early says that a number is a time before the year 10,000, or the end of time.
func early(number []byte) bool { return number[0] == 0 && number[1] == 0 || number[0] == 0x7f }
