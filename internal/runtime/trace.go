package runtime

import (
	"context"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/plugin/kotel"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/tidemill/tidemill/record"
)

// tracer follows records through topics: a span for each that is received and for each
// that is written, which is the child of the one that it came from. What joins them are
// the headers traceparent and tracestate, which operators pass on like any other. Changelogs
// are not traced, so that their records stay as they are.
type tracer struct {
	spans   *kotel.Tracer
	headers propagation.TraceContext
}

var (
	_ kgo.HookProduceRecordBuffered   = (*tracer)(nil)
	_ kgo.HookProduceRecordUnbuffered = (*tracer)(nil)
	_ kgo.HookFetchRecordBuffered     = (*tracer)(nil)
	_ kgo.HookFetchRecordUnbuffered   = (*tracer)(nil)
)

// newTracer returns nil if nothing is to be traced.
func newTracer(provider trace.TracerProvider, application, client string) *tracer {
	if provider == nil {
		return nil
	}
	return &tracer{spans: kotel.NewTracer(
		kotel.TracerProvider(provider), kotel.TracerPropagator(propagation.TraceContext{}), kotel.ClientID(client), kotel.ConsumerGroup(application),
	)}
}

// hooks are the client's options for tracing.
func (t *tracer) hooks() []kgo.Opt {
	if t == nil {
		return nil
	}
	return []kgo.Opt{kgo.WithHooks(t)}
}

func untraced(topic string) bool { return strings.HasSuffix(topic, "-changelog") }

// OnProduceRecordBuffered is called by the producer before the record is on its way.
func (t *tracer) OnProduceRecordBuffered(r *kgo.Record) {
	if untraced(r.Topic) {
		return
	}
	r.Context = t.headers.Extract(r.Context, kotel.NewRecordCarrier(r))
	t.spans.OnProduceRecordBuffered(r)
}

// OnProduceRecordUnbuffered is called before the record's promise.
func (t *tracer) OnProduceRecordUnbuffered(r *kgo.Record, err error) {
	if !untraced(r.Topic) {
		t.spans.OnProduceRecordUnbuffered(r, err)
	}
}

// OnFetchRecordBuffered is called when a record has been fetched.
func (t *tracer) OnFetchRecordBuffered(r *kgo.Record) { t.spans.OnFetchRecordBuffered(r) }

// OnFetchRecordUnbuffered is called when it has been polled.
func (t *tracer) OnFetchRecordUnbuffered(r *kgo.Record, polled bool) {
	t.spans.OnFetchRecordUnbuffered(r, polled)
}

// carry puts the span of a received record into its headers, if it is sampled.
func (t *tracer) carry(ctx context.Context, to *record.Raw) {
	if t == nil || ctx == nil || !trace.SpanContextFromContext(ctx).IsSampled() {
		return
	}
	carrier := propagation.MapCarrier{}
	t.headers.Inject(ctx, carrier)
	for _, name := range t.headers.Fields() {
		if value := carrier[name]; value != "" {
			to.Headers = setHeader(to.Headers, name, value)
		}
	}
}

func setHeader(headers record.Headers, name, value string) record.Headers {
	for i, h := range headers {
		if h.Key == name {
			headers[i].Value = []byte(value)
			return headers
		}
	}
	return append(headers, record.Header{Key: name, Value: []byte(value)})
}

// slabKey finds the slab of a record whose context has been derived from it.
type slabKey struct{}

// Value implements context.Context.
func (s *slab) Value(key any) any {
	if key == (slabKey{}) {
		return s
	}
	return s.Context.Value(key)
}

// slabOf is the slab that a record is in.
func slabOf(r *kgo.Record) *slab {
	if s, ok := r.Context.(*slab); ok {
		return s
	}
	return r.Context.Value(slabKey{}).(*slab)
}
