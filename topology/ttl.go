package topology

import (
	"fmt"
	"time"

	"github.com/tidemill/tidemill/serde"
)

// TimeToLive has each row of a key-value store, or of a table that is kept in one, run
// out: when event time has come d or more past the timestamp that the row was written
// with last, it is deleted.
//
//	--a:1(0:00)--b:1(0:04)--b:1(0:08)--c:1(0:11)-->
//	TimeToLive(10s), Count
//	--a:1--------b:1--------b:2--------c:1--a:(0:11)-->
//
// That is a write like any other: a tombstone in the changelog and on the table's stream,
// with the event time at which it was done, and a deletion for the tables made of it.
// Rows that have run out are not seen any more, even if they are yet to be deleted, which
// is done behind each record, at most a few thousand at a time. Time is that of the task,
// all its inputs together; see AdvanceWhenIdle for a stream that falls silent.
//
// A second store, the first one's name with -deaths behind it, has one entry for each
// row, in the order of time, which is written once per row and d at most, not at every
// update. It has a changelog if the first one has. Without ExactlyOnce a crash between
// the two changelogs can leave a row that does not run out until it is deleted and comes
// to be again. (Kafka Streams has only the retention of windows; users scan their stores
// in a punctuation.)
func TimeToLive(d time.Duration) KeepOption {
	return KeepOption{func(s *settings) { s.ttl, s.mortal = d, true }}
}

// newKeyValueDef is newStoreDef for a store whose rows may run out.
func newKeyValueDef(name string, s settings) *storeDef {
	mortal := s.mortal
	s.mortal = false
	def := newStoreDef(name, s)
	switch {
	case !mortal || def.fault != nil:
	case s.ttl < time.Millisecond:
		def.fault = fmt.Errorf("store %q: TimeToLive needs at least 1 ms, got %v", name, s.ttl)
	default:
		def.deaths = bufferStore(name+"-deaths", serde.Bytes(), serde.Bytes())
		def.deaths.logged = def.logged
	}
	return def
}
