package registry

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/sr"

	"github.com/tidemill/tidemill/serde"
)

// defaultTimeout bounds how long one question to the registry may take, together
// with the questions that its references give rise to.
const defaultTimeout = 10 * time.Second

// Registry is a schema registry and what it has said so far. Make one for a
// program: its serdes share what is remembered. It is safe for concurrent use.
type Registry struct {
	client  *sr.Client
	timeout time.Duration

	mu      sync.Mutex
	schemas map[int]serde.Schema
}

// New returns the registry that a client talks to.
func New(client *sr.Client, options ...ClientOption) *Registry {
	r := &Registry{client: client, timeout: defaultTimeout, schemas: map[int]serde.Schema{}}
	for _, o := range options {
		o(r)
	}
	return r
}

// ClientOption changes how a registry is used.
type ClientOption func(*Registry)

// Timeout bounds how long a question to the registry may take, 10 seconds by default.
func Timeout(d time.Duration) ClientOption { return func(r *Registry) { r.timeout = d } }

func (r *Registry) context() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), r.timeout)
}

// schema returns the schema of a number. Numbers never change their meaning, so each
// is asked for once.
func (r *Registry) schema(id int) (serde.Schema, error) {
	r.mu.Lock()
	known, ok := r.schemas[id]
	r.mu.Unlock()
	if ok {
		return known, nil
	}
	ctx, cancel := r.context()
	defer cancel()
	found, err := r.client.SchemaByID(ctx, id)
	if missing(err) {
		return serde.Schema{}, fmt.Errorf("schema %d: %w", id, ErrUnknownID)
	}
	if err != nil {
		return serde.Schema{}, fmt.Errorf("schema %d: %w", id, failed(err))
	}
	out, err := r.whole(ctx, found, 0)
	if err != nil {
		return serde.Schema{}, fmt.Errorf("schema %d: %w", id, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.schemas[id] = out
	return out, nil
}

// maxDepth is how deep references may go: registries refuse circles, but this
// program should not depend on it.
const maxDepth = 32

// whole fetches the schemas that one refers to.
func (r *Registry) whole(ctx context.Context, s sr.Schema, depth int) (serde.Schema, error) {
	out := serde.Schema{Format: s.Type.String(), Text: s.Schema}
	if depth > maxDepth {
		return out, fmt.Errorf("references go deeper than %d", maxDepth)
	}
	for _, ref := range s.References {
		found, err := r.client.SchemaByVersion(ctx, ref.Subject, ref.Version)
		if err != nil {
			return out, fmt.Errorf("reference %q: %w", ref.Name, failed(err))
		}
		inner, err := r.whole(ctx, found.Schema, depth+1)
		if err != nil {
			return out, err
		}
		out.References = append(out.References, serde.Reference{Name: ref.Name, Schema: inner})
	}
	return out, nil
}

// register brings a schema and what it refers to into the registry, each reference
// under the subject of its name, and returns its number. With lookup it only looks
// whether they are there.
func (r *Registry) register(ctx context.Context, subject string, s serde.Schema, lookup bool) (int, error) {
	full, err := r.outgoing(ctx, s, lookup)
	if err != nil {
		return 0, err
	}
	if lookup {
		found, err := r.client.LookupSchema(ctx, subject, full)
		if missing(err) {
			return 0, ErrNotRegistered
		}
		return found.ID, failed(err)
	}
	id, err := r.client.RegisterSchema(ctx, subject, full, -1, -1)
	return id, failed(err)
}

// outgoing is a schema as the client sends it, its references registered.
func (r *Registry) outgoing(ctx context.Context, s serde.Schema, lookup bool) (sr.Schema, error) {
	out := sr.Schema{Schema: s.Text}
	if err := out.Type.UnmarshalText([]byte(s.Format)); err != nil {
		return out, err
	}
	for _, ref := range s.References {
		if _, err := r.register(ctx, ref.Name, ref.Schema, lookup); err != nil {
			return out, fmt.Errorf("reference %q: %w", ref.Name, err)
		}
		inner, err := r.outgoing(ctx, ref.Schema, lookup)
		if err != nil {
			return out, err
		}
		found, err := r.client.LookupSchema(ctx, ref.Name, inner)
		if err != nil {
			return out, fmt.Errorf("reference %q: %w", ref.Name, failed(err))
		}
		out.References = append(out.References, sr.SchemaReference{Name: ref.Name, Subject: ref.Name, Version: found.Version})
	}
	return out, nil
}
