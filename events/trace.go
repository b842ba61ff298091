package events

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"strings"
)

// Trace is the W3C trace context of an event: which trace it belongs to, which span
// told it, and under which span that was.
type Trace struct {
	TraceID              [16]byte
	SpanID, ParentSpanID [8]byte
	Flags                byte
	// State is the tracestate header, passed on as it is.
	State string
}

// Valid says whether there is a trace.
func (t Trace) Valid() bool { return t.TraceID != [16]byte{} && t.SpanID != [8]byte{} }

// String is the traceparent header, or empty if there is no trace.
func (t Trace) String() string {
	if !t.Valid() {
		return ""
	}
	var text [55]byte
	copy(text[:], "00-")
	hex.Encode(text[3:], t.TraceID[:])
	text[35] = '-'
	hex.Encode(text[36:], t.SpanID[:])
	text[52] = '-'
	hex.Encode(text[53:], []byte{t.Flags})
	return string(text[:])
}

// MarshalText is String, and UnmarshalText reads it, so that a trace can be kept in what
// an aggregation collects. The parent span and the state are left out.
func (t Trace) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText reads what MarshalText has written.
func (t *Trace) UnmarshalText(text []byte) (err error) {
	*t, err = parseTrace(string(text), "", "")
	return err
}

// parent is the parent span's id as text, or empty if there is none.
func (t Trace) parent() string {
	if t.ParentSpanID == [8]byte{} {
		return ""
	}
	return hex.EncodeToString(t.ParentSpanID[:])
}

// Child is the context of what happens under the span of t. The new span's id follows
// from the seed, so that work which is done again, after a failure, has the same one.
// Without a trace, the seed begins one.
func (t Trace) Child(seed string) Trace {
	h := fnv.New64a()
	_, _ = h.Write(t.SpanID[:])
	_, _ = h.Write([]byte(seed))
	if !t.Valid() {
		wide := fnv.New128a()
		_, _ = wide.Write([]byte(seed))
		wide.Sum(t.TraceID[:0])
		t.SpanID = [8]byte{}
	}
	t.ParentSpanID = t.SpanID
	binary.BigEndian.PutUint64(t.SpanID[:], h.Sum64()|1)
	return t
}

// ParseTrace reads a traceparent header.
func ParseTrace(traceparent string) (t Trace, err error) {
	bad := func() (Trace, error) {
		return Trace{}, fmt.Errorf("traceparent %.80q: want 00-<32 hex digits>-<16>-<2> in lower case, neither id all zero", traceparent)
	}
	if len(traceparent) < 55 || strings.ToLower(traceparent[:55]) != traceparent[:55] {
		return bad()
	}
	version, rest := traceparent[:2], traceparent[55:]
	if version == "00" && rest != "" || rest != "" && rest[0] != '-' || version == "ff" {
		return bad()
	}
	var versionAndFlags [2]byte
	for _, part := range [...]struct {
		into []byte
		at   int
	}{{versionAndFlags[:1], 0}, {t.TraceID[:], 3}, {t.SpanID[:], 36}, {versionAndFlags[1:], 53}} {
		end := part.at + 2*len(part.into)
		if _, err := hex.Decode(part.into, []byte(traceparent[part.at:end])); err != nil || part.at > 0 && traceparent[part.at-1] != '-' {
			return bad()
		}
	}
	if t.Flags = versionAndFlags[1]; !t.Valid() {
		return bad()
	}
	return t, nil
}
