package topology

import (
	"reflect"
	"time"

	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/serde"
)

// Each kind of operation takes the options that make sense for it; any other one
// does not compile.
type (
	// OperatorOption is an option of an operator that only has a name.
	OperatorOption interface {
		change(*settings)
		operator()
	}
	// TableJoinOption is an option of a join of a stream with a table.
	TableJoinOption interface {
		change(*settings)
		tableJoin()
	}
	// SourceOption is an option of Stream, Streams and StreamPattern.
	SourceOption interface {
		change(*settings)
		source()
	}
	// TableOption is an option of Table.
	TableOption interface {
		change(*settings)
		table()
	}
	// SinkOption is an option of To.
	SinkOption interface {
		change(*settings)
		sink()
	}
	// GroupOption is an option of GroupByKey and GroupBy.
	GroupOption interface {
		change(*settings)
		group()
	}
	// AggregateOption is an option of the aggregations and of ToTable, which keep
	// a store, and of the operators of tables, which may keep one.
	AggregateOption interface {
		change(*settings)
		aggregate()
	}
	// ProcessTableOption is an option of the ProcessValues of tables.
	ProcessTableOption interface {
		change(*settings)
		processTable()
	}
	// ForeignJoinOption is an option of JoinOn and LeftJoinOn.
	ForeignJoinOption interface {
		change(*settings)
		foreign()
	}
	// RepartitionOption is an option of Repartition.
	RepartitionOption interface {
		change(*settings)
		repartition()
	}
	// SuppressOption is an option of Suppress.
	SuppressOption interface {
		change(*settings)
		suppress()
	}
	// ProcessOption is an option of Process.
	ProcessOption interface {
		change(*settings)
		process()
	}
	// StreamJoinOption is an option of the joins of two streams.
	StreamJoinOption interface {
		change(*settings)
		streamJoin()
	}
	// StoreOption is an option of a store made for Process.
	StoreOption interface {
		change(*settings)
		keep()
	}
)

// settings is what the options of one call come to.
type settings struct {
	name       string
	store      string
	key, value any
	// otherValue is the serde of the other stream of a join.
	otherValue any
	timestamps any
	partition  any
	fromLatest bool
	nullKeys   bool // keep records without a key in a repartition
	explicit   bool // a repartition that the user asked for
	partitions int32
	counted    bool   // partitions was given
	reused     string // the topic that a store is restored from, instead of a changelog
	// materialized says that an option says how to keep the store.
	materialized bool
	// foreignPartition and primaryPartition are of a foreign-key join.
	foreignPartition, primaryPartition any

	connected []*storeDef
	retention time.Duration
	// versioned says that a table keeps versions, for the time of history.
	versioned bool
	history   time.Duration
	// mortal says that rows run out, when they are as old as ttl.
	mortal bool
	ttl    time.Duration
	// keepHeaders has results that come later have the headers of their records.
	keepHeaders bool
	// waits says that records wait for a join, for the time of grace.
	waits       bool
	grace       time.Duration
	noLog       bool
	noCache     bool
	calls       processors.CallRules
	logConfig   map[string]string
	singleStore bool // of a join of a stream with itself
	// late and otherLate say what becomes of late records.
	late, otherLate any
}

func settingsOf[O interface{ change(*settings) }](options []O) settings {
	var s settings
	for _, o := range options {
		o.change(&s)
	}
	return s
}

// NameOption is an option that every operation takes.
type NameOption string

// Named gives a node its name. Without it, the name follows from the position in
// the topology.
func Named(name string) NameOption { return NameOption(name) }

func (n NameOption) change(s *settings) { s.name = string(n) }
func (n NameOption) operator()          {}
func (n NameOption) tableJoin()         {}
func (n NameOption) source()            {}
func (n NameOption) table()             {}
func (n NameOption) sink()              {}
func (n NameOption) group()             {}
func (n NameOption) aggregate()         {}
func (n NameOption) processTable()      {}
func (n NameOption) foreign()           {}
func (n NameOption) repartition()       {}
func (n NameOption) suppress()          {}
func (n NameOption) process()           {}
func (n NameOption) streamJoin()        {}

// SerdeOption is an option of every operation that reads or writes bytes.
type SerdeOption struct{ apply func(*settings) }

// KeySerde chooses how keys are encoded, instead of what follows from the type.
func KeySerde[K any](s serde.Serde[K]) SerdeOption {
	return SerdeOption{func(o *settings) { o.key = s }}
}

// ValueSerde chooses how values are encoded, instead of what follows from the
// type.
func ValueSerde[V any](s serde.Serde[V]) SerdeOption {
	return SerdeOption{func(o *settings) { o.value = s }}
}

func (o SerdeOption) change(s *settings) { o.apply(s); s.materialized = true }
func (o SerdeOption) source()            {}
func (o SerdeOption) table()             {}
func (o SerdeOption) sink()              {}
func (o SerdeOption) group()             {}
func (o SerdeOption) aggregate()         {}
func (o SerdeOption) processTable()      {}
func (o SerdeOption) foreign()           {}
func (o SerdeOption) repartition()       {}
func (o SerdeOption) keep()              {}
func (o SerdeOption) streamJoin()        {}

// InputOption is an option of everything that reads topics.
type InputOption struct{ apply func(*settings) }

// FromLatest starts at the end of a partition for which nothing is committed,
// instead of at its beginning.
func FromLatest() InputOption {
	return InputOption{func(s *settings) { s.fromLatest = true }}
}

// Timestamps takes the event time of each record, in milliseconds since the Unix
// epoch, from the record instead of from Kafka. partitionTime is the highest time
// of its partition so far, or -1. A negative result is a decoding error.
func Timestamps[K, V any](f func(r record.Record[K, V], partitionTime int64) int64) InputOption {
	return InputOption{func(s *settings) { s.timestamps = f }}
}

func (o InputOption) change(s *settings) { o.apply(s) }
func (o InputOption) source()            {}
func (o InputOption) table()             {}

// StoreNameOption names a store.
type StoreNameOption string

// StoreName names the store of an aggregation or a table, and so its changelog
// topic. The names of the stores of a join of two streams begin with it.
func StoreName(name string) StoreNameOption { return StoreNameOption(name) }

func (o StoreNameOption) change(s *settings) { s.store = string(o) }
func (o StoreNameOption) table()             {}
func (o StoreNameOption) aggregate()         {}
func (o StoreNameOption) processTable()      {}
func (o StoreNameOption) streamJoin()        {}
func (o StoreNameOption) foreign()           {}

// KeepOption is an option of everything that keeps a store.
type KeepOption struct{ apply func(*settings) }

// Retention is how long a window store keeps a window, counted from its start in
// event time. It must not be shorter than the window and its grace, which is the
// default.
func Retention(d time.Duration) KeepOption {
	return KeepOption{func(s *settings) { s.retention = d }}
}

// WithoutChangelog keeps the store on local disk only: what it holds is lost with
// the disk, or when its task moves.
func WithoutChangelog() LogOption {
	return LogOption{KeepOption{func(s *settings) { s.noLog = true }}}
}

// WithoutCache logs and forwards every update, instead of the last one of each
// key at every commit.
func WithoutCache() KeepOption { return KeepOption{func(s *settings) { s.noCache = true }} }

// ChangelogConfig adds to the topic configuration with which the changelog is
// created, or overrides it.
func ChangelogConfig(config map[string]string) LogOption {
	return LogOption{KeepOption{func(s *settings) { s.logConfig = config }}}
}

// LogOption is a KeepOption that the joins of two streams and Suppress take too.
type LogOption struct{ KeepOption }

func (o LogOption) streamJoin() {}
func (o LogOption) suppress()   {}

func (o KeepOption) change(s *settings) { o.apply(s); s.materialized = true }
func (o KeepOption) table()             {}
func (o KeepOption) aggregate()         {}
func (o KeepOption) processTable()      {}
func (o KeepOption) foreign()           {}
func (o KeepOption) keep()              {}

// HistoryOption is an option of everything that keeps a table.
type HistoryOption time.Duration

// History has a table keep the versions of its rows, in a [state.Versioned], for
// some time back from the highest timestamp that it has seen. An update that is
// older than the newest version of its row becomes an older version then, and one
// that is older than the history is dropped. Older versions are passed on, but
// joins and groupings of tables do not take them into account.
//
// A stream is joined with what such a table was at the time of each record.
func History(retention time.Duration) HistoryOption { return HistoryOption(retention) }

func (o HistoryOption) change(s *settings) { s.versioned, s.history = true, time.Duration(o) }
func (o HistoryOption) table()             {}
func (o HistoryOption) aggregate()         {}

// GraceOption is an option of joins of a stream with a table.
type GraceOption time.Duration

// JoinGrace has the records of a stream wait for updates of the table that are late:
// a record is joined when the highest timestamp of the stream is d ahead of its own,
// with what the table was at its time. Records are passed on in the order of their
// timestamps, then; one that comes more than d late itself is joined at once.
//
// The table needs a History at least as long. Nothing is passed on while the stream
// does not go on.
func JoinGrace(d time.Duration) GraceOption { return GraceOption(d) }

func (o GraceOption) change(s *settings) { s.waits, s.grace = true, time.Duration(o) }
func (o GraceOption) tableJoin()         {}

// PartitionOption is an option of everything that writes a topic.
type PartitionOption struct{ apply func(*settings) }

// Partitioner says which of the n partitions of a topic a record goes to, instead
// of the hash of its key.
func Partitioner[K, V any](f func(topic string, r record.Record[K, V], n int32) int32) PartitionOption {
	return PartitionOption{func(s *settings) { s.partition = f }}
}

func (o PartitionOption) change(s *settings) { o.apply(s) }
func (o PartitionOption) sink()              {}
func (o PartitionOption) repartition()       {}

// ForeignPartitionOption is an option of JoinOn and LeftJoinOn.
type ForeignPartitionOption struct{ apply func(*settings) }

// ForeignPartitioner says which of n partitions the row of the other table with a
// key is in, if its topic was not partitioned by the hash of the key.
func ForeignPartitioner[FK any](f func(topic string, key FK, n int32) int32) ForeignPartitionOption {
	return ForeignPartitionOption{func(s *settings) { s.foreignPartition = f }}
}

// PrimaryPartitioner says which of n partitions the rows of the table itself are in.
// Without it, an answer goes where the question came from, which is right for any
// topic.
func PrimaryPartitioner[K any](f func(topic string, key K, n int32) int32) ForeignPartitionOption {
	return ForeignPartitionOption{func(s *settings) { s.primaryPartition = f }}
}

func (o ForeignPartitionOption) change(s *settings) { o.apply(s) }
func (o ForeignPartitionOption) foreign()           {}

// CountOption is an option of Repartition.
type CountOption int32

// Partitions is the number of partitions of the repartition topic, instead of the
// highest number among the topics that it is fed from.
func Partitions(n int32) CountOption { return CountOption(n) }

func (o CountOption) change(s *settings) { s.partitions, s.counted = int32(o), true }
func (o CountOption) repartition()       {}

// pick returns a serde that an option chose, checked against the type.
func pick[T any](b *Builder, where string, chosen any) serde.Serde[T] {
	if chosen == nil {
		return nil
	}
	s, ok := chosen.(serde.Serde[T])
	if !ok {
		b.fault("%s: the chosen serde is a %T, which is not for %s", where, chosen, reflect.TypeFor[T]())
	}
	return s
}

func pickFunc[K, V any](b *Builder, where string, chosen any) func(record.Record[K, V], int64) int64 {
	if chosen == nil {
		return nil
	}
	f, ok := chosen.(func(record.Record[K, V], int64) int64)
	if !ok {
		b.fault("%s: Timestamps was given a %T, want a %s", where, chosen, reflect.TypeOf(f))
	}
	return f
}

func pickKeyPartitioner[K any](b *Builder, where string, chosen any) func(string, K, int32) int32 {
	if chosen == nil {
		return nil
	}
	f, ok := chosen.(func(string, K, int32) int32)
	if !ok {
		b.fault("%s: the partitioner is a %T, want a %s", where, chosen, reflect.TypeOf(f))
	}
	return f
}
