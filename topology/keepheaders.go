package topology

import (
	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/serde"
	"github.com/tidemill/tidemill/state"
)

// HeadersOption is an option of aggregations in windows and of joins of two streams.
type HeadersOption struct{}

// KeepHeaders gives each result of EmitFinal, and each record that a left or outer join
// passes on without a match, the headers of the record that it comes from: in a window
// the last one added. So a trace or a correlation id goes on, however much later the
// result comes.
//
//	--1(0:01) h:x--1(0:30) h:y--1(1:20) h:z-->
//	Tumbling(1m), EmitFinal, Count(KeepHeaders())
//	---------------------------[0:00]:2 h:y-->
//
// Without it, as in Kafka Streams, they have those of the record that made them due, h:z
// here. All other results, the updates of windows and what Suppress passes on included,
// have the headers of the record that they come from anyway.
//
// Headers are kept in a store of their own, with a changelog if the other has one: the
// name of the operator's store with -headers behind it.
func KeepHeaders() HeadersOption { return HeadersOption{} }

func (HeadersOption) change(s *settings) { s.keepHeaders, s.materialized = true, true }
func (HeadersOption) aggregate()         {}
func (HeadersOption) streamJoin()        {}

const uselessHeaders = "KeepHeaders is for windows with EmitFinal and for left and outer joins: leave it out, all other results have their headers anyway"

// takeKeepHeaders says whether headers are to be kept, and leaves that out of the
// settings if it is useful here.
func (s *settings) takeKeepHeaders(useful bool) bool {
	keep := s.keepHeaders && useful
	s.keepHeaders = s.keepHeaders && !useful
	return keep
}

// keepHeaders has the headers of what is written to a store kept, if they are to be.
func (d *storeDef) keepHeaders(keep bool) {
	if !keep {
		return
	}
	d.headerRows = keyValueStore[[]byte, record.Headers](processors.HeadersName(d.name), serde.Bytes(), state.Headers(), settings{noCache: true, noLog: !d.logged})
}

// watched has the headers of what is written to a store of a task kept, if they are to be.
func (d *storeDef) watched(t *processors.Task, store state.Lifecycle) state.Lifecycle {
	if d.headerRows != nil {
		processors.KeepHeaders(t, store.(state.Watched), d.name)
	}
	return store
}
