package sagas

import (
	"encoding/hex"
	"hash/fnv"
	"strings"

	"github.com/tidemill/tidemill/record"
)

// The headers of W3C trace context. A saga belongs to the trace of the record that
// started it: its commands, those after a timer as well, carry spans of that trace, and
// so do replies, what participants emit and events of a choreography.
const (
	headerTrace      = "traceparent"
	headerTraceState = "tracestate"
)

// tracing is a trace context in its text form.
type tracing struct{ parent, state string }

// tracingOf is the trace context in headers, or none if there is no sound one.
func tracingOf(h record.Headers) tracing {
	t := tracing{text(h, headerTrace), text(h, headerTraceState)}
	if !t.sound() {
		return tracing{}
	}
	return t
}

// sound says whether it has the form 00-<32 hex digits>-<16>-<2>.
func (t tracing) sound() bool {
	p := t.parent
	if len(p) != 55 || !strings.HasPrefix(p, "00-") || p[35] != '-' || p[52] != '-' || p != strings.ToLower(p) {
		return false
	}
	_, err := hex.DecodeString(p[3:35] + p[36:52] + p[53:])
	return err == nil && strings.Trim(p[3:35], "0") != "" && strings.Trim(p[36:52], "0") != ""
}

// under adds the headers of a span under this one. Its id follows from the seed, so that
// what is done again has the same one.
func (t tracing) under(h record.Headers, seed string) record.Headers {
	if t.parent == "" {
		return h
	}
	sum := fnv.New64a()
	_, _ = sum.Write([]byte(t.parent + seed))
	id := sum.Sum(nil)
	id[7] |= 1 // never zero
	span := hex.AppendEncode([]byte(t.parent[:36]), id)
	h = append(h[:len(h):len(h)], record.Header{Key: headerTrace, Value: append(span, t.parent[52:]...)})
	if t.state != "" {
		h = append(h, record.Header{Key: headerTraceState, Value: []byte(t.state)})
	}
	return h
}

// untraced are headers without trace context.
func untraced(h record.Headers) record.Headers {
	return h.Without(headerTrace).Without(headerTraceState)
}
