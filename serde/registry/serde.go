package registry

import (
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/sr"

	"github.com/tidemill/tidemill/serde"
)

// Of returns the Serde that writes values as inner does, behind the number of their
// schema in a registry, and reads what was written with any schema that inner can read.
// inner is one that follows a schema: avro.Of, avro.Generic, protobuf.Of or jsonschema.Of.
//
// It has to be bound to a topic before it writes (topologies do that), which registers
// the schema. It is safe for concurrent use.
func Of[T any](r *Registry, inner serde.Serde[T], options ...Option) serde.Serde[T] {
	described, ok := inner.(serde.Described[T])
	if !ok {
		return serde.Fault[T](fmt.Errorf("registry: %T follows no schema: use avro.Of, avro.Generic, protobuf.Of or jsonschema.Of", inner))
	}
	schema, err := described.Schema()
	if err != nil {
		return serde.Fault[T](err)
	}
	s := &registered[T]{registry: r, inner: described, schema: schema, set: settings{strategy: TopicName}, readers: &readers[T]{}}
	for _, o := range options {
		o(&s.set)
	}
	return s
}

type registered[T any] struct {
	registry *Registry
	inner    serde.Described[T]
	schema   serde.Schema
	set      settings
	header   []byte // before each value; none until the serde is bound
	id       int    // of schema, once it is bound
	readers  *readers[T]
}

func (s *registered[T]) Append(dst []byte, v T) ([]byte, error) {
	if s.header == nil {
		return dst, fmt.Errorf("registry: %w", s.unable())
	}
	out, err := s.inner.Append(append(dst, s.header...), v)
	if err != nil {
		return dst, err
	}
	return out, nil
}

func (s *registered[T]) unable() error {
	if s.set.readOnly {
		return errReadOnly
	}
	return ErrUnbound
}

func (s *registered[T]) Decode(data []byte) (none T, err error) {
	id, body, err := header(data)
	if err != nil {
		return none, fmt.Errorf("registry: %w", err)
	}
	reader := serde.Serde[T](s.inner)
	if !s.owns(id) {
		if reader, err = s.reader(id); err != nil {
			return none, fmt.Errorf("registry: %w", err)
		}
	}
	if s.schema.Format == serde.FormatProtobuf {
		if body, err = s.afterIndex(body, id); err != nil {
			return none, fmt.Errorf("registry: %w", err)
		}
	}
	return reader.Decode(body)
}

// owns says whether a number is that of the schema which this serde writes.
func (s *registered[T]) owns(id int) bool { return s.header != nil && id == s.id }

// Own does what the inner serde's does.
func (s *registered[T]) Own(v T) T {
	if owner, ok := s.inner.(serde.Owner[T]); ok {
		return owner.Own(v)
	}
	return v
}

// reader returns what reads the schema of a number.
func (s *registered[T]) reader(id int) (serde.Serde[T], error) {
	if known := s.readers.find(id); known != nil {
		return known, nil
	}
	writer, err := s.registry.schema(id)
	if err != nil {
		return nil, err
	}
	made, err := s.inner.ForWriter(writer)
	if err != nil {
		return nil, fmt.Errorf("schema %d: %w: %w", id, ErrIncompatible, err)
	}
	s.readers.add(id, made)
	return made, nil
}

// ForTopic registers the schema, or looks for it, and returns the serde that writes it.
func (s *registered[T]) ForTopic(topic string, key bool) (serde.Serde[T], error) {
	subject, err := s.set.strategy(topic, key, s.schema.Record)
	if err != nil {
		return nil, fmt.Errorf("registry: %w", err)
	}
	bound := *s
	if s.set.readOnly {
		err = bound.readable(subject)
	} else {
		err = bound.announce(subject)
	}
	if err != nil {
		return nil, fmt.Errorf("registry: subject %q: %w", subject, err)
	}
	return &bound, nil
}

func (s *registered[T]) announce(subject string) (err error) {
	ctx, cancel := s.registry.context()
	defer cancel()
	if s.id, err = s.registry.register(ctx, subject, s.schema, s.set.lookup); err != nil {
		return err
	}
	s.header, err = (&sr.ConfluentHeader{}).AppendEncode(nil, s.id, s.schema.Index)
	return err
}

// readable checks that the newest schema of a subject can be read, if there is one, and
// remembers how.
func (s *registered[T]) readable(subject string) error {
	ctx, cancel := s.registry.context()
	defer cancel()
	newest, err := s.registry.client.SchemaByVersion(ctx, subject, -1)
	if missing(err) {
		return nil
	}
	if err != nil {
		return failed(err)
	}
	_, err = s.reader(newest.ID)
	return err
}

// readers are the serdes for schemas of others, found without a lock: first the one
// that was used last, since data of one schema comes in long runs.
type readers[T any] struct {
	last atomic.Pointer[reader[T]]
	all  sync.Map // of int to *reader[T]
}

type reader[T any] struct {
	id    int
	serde serde.Serde[T]
}

func (r *readers[T]) find(id int) serde.Serde[T] {
	if last := r.last.Load(); last != nil && last.id == id {
		return last.serde
	}
	found, ok := r.all.Load(id)
	if !ok {
		return nil
	}
	r.last.Store(found.(*reader[T]))
	return found.(*reader[T]).serde
}

func (r *readers[T]) add(id int, s serde.Serde[T]) {
	one := &reader[T]{id, s}
	r.all.Store(id, one)
	r.last.Store(one)
}
