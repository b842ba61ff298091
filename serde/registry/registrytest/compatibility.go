package registrytest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/twmb/avro"
	"github.com/twmb/franz-go/pkg/sr"
)

// post handles the two requests that ask about compatibility, and hands on the others.
func (r *Registry) post(w http.ResponseWriter, request *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	subject, asks, registers := parsePath(request.URL)
	if !asks && !registers {
		r.fake.Handler().ServeHTTP(w, request)
		return
	}
	body, err := io.ReadAll(request.Body)
	var schema sr.Schema
	if err = errors.Join(err, json.Unmarshal(body, &schema)); err != nil {
		answer(w, http.StatusUnprocessableEntity, fault{sr.ErrInvalidSchema.Code, err.Error()})
		return
	}
	faults, err := r.incompatible(request.Context(), subject, schema)
	switch {
	case err != nil:
		answer(w, http.StatusUnprocessableEntity, fault{sr.ErrInvalidSchema.Code, err.Error()})
	case asks:
		answer(w, http.StatusOK, sr.CheckCompatibilityResult{Is: len(faults) == 0, Messages: faults})
	case len(faults) > 0:
		message := "Schema being registered is incompatible with an earlier schema: " + strings.Join(faults, "; ")
		answer(w, http.StatusConflict, fault{sr.ErrIncompatibleSchema.Code, message})
	default:
		request.Body = io.NopCloser(bytes.NewReader(body))
		r.fake.Handler().ServeHTTP(w, request)
	}
}

// parsePath takes the subject out of /subjects/S/versions, which registers, or out of
// /compatibility/subjects/S/versions/V, which asks.
func parsePath(at *url.URL) (subject string, asks, registers bool) {
	path, asks := strings.CutPrefix(at.EscapedPath(), "/compatibility")
	parts := strings.Split(strings.Trim(path, "/"), "/")
	if len(parts) < 3 || parts[0] != "subjects" || parts[2] != "versions" {
		return "", false, false
	}
	subject, err := url.PathUnescape(parts[1])
	return subject, asks && err == nil, !asks && err == nil
}

// incompatible says why a schema does not go with the earlier ones of a subject.
func (r *Registry) incompatible(ctx context.Context, subject string, next sr.Schema) ([]string, error) {
	if next.Type != sr.TypeAvro {
		return nil, nil
	}
	schema, err := r.parse(ctx, next)
	if err != nil {
		return nil, err
	}
	earlier, err := r.within.Schemas(ctx, subject)
	if absent, ok := errors.AsType[*sr.ResponseError](err); ok && absent.StatusCode == http.StatusNotFound || err == nil && len(earlier) == 0 {
		return nil, nil // a new subject
	}
	if err != nil {
		return nil, err
	}
	level := r.within.Compatibility(sr.WithParams(ctx, sr.DefaultToGlobal), subject)[0]
	if level.Err != nil {
		return nil, level.Err
	}
	mode := modeOf(level.Level)
	if !mode.all {
		earlier = earlier[len(earlier)-1:]
	}
	var faults []string
	for _, e := range earlier {
		old, err := r.parse(ctx, e.Schema)
		if err != nil {
			return nil, err
		}
		faults = append(faults, mode.compare(e.Version, old, schema)...)
	}
	return faults, nil
}

// parse compiles a schema after those that it refers to.
func (r *Registry) parse(ctx context.Context, s sr.Schema) (*avro.Schema, error) {
	var cache avro.SchemaCache
	if err := r.parseReferences(ctx, &cache, s); err != nil {
		return nil, err
	}
	return cache.Parse(s.Schema)
}

func (r *Registry) parseReferences(ctx context.Context, cache *avro.SchemaCache, s sr.Schema) error {
	for _, ref := range s.References {
		found, err := r.within.SchemaByVersion(ctx, ref.Subject, ref.Version)
		if err != nil {
			return fmt.Errorf("reference %q: %w", ref.Name, err)
		}
		if err := r.parseReferences(ctx, cache, found.Schema); err != nil {
			return err
		}
		if _, err := cache.Parse(found.Schema.Schema); err != nil {
			return fmt.Errorf("reference %q: %w", ref.Name, err)
		}
	}
	return nil
}

// mode is a compatibility level taken apart.
type mode struct {
	backward bool // the new schema reads old data
	forward  bool // old schemas read new data
	all      bool // with every version, not with the newest alone
}

func modeOf(level sr.CompatibilityLevel) mode {
	switch level {
	case sr.CompatBackward:
		return mode{backward: true}
	case sr.CompatBackwardTransitive:
		return mode{backward: true, all: true}
	case sr.CompatForward:
		return mode{forward: true}
	case sr.CompatForwardTransitive:
		return mode{forward: true, all: true}
	case sr.CompatFull:
		return mode{backward: true, forward: true}
	case sr.CompatFullTransitive:
		return mode{backward: true, forward: true, all: true}
	}
	return mode{}
}

func (m mode) compare(version int, old, next *avro.Schema) (faults []string) {
	if m.backward {
		if err := avro.CheckCompatibility(old, next); err != nil {
			faults = append(faults, fmt.Sprintf("it cannot read data of version %d: %v", version, err))
		}
	}
	if m.forward {
		if err := avro.CheckCompatibility(next, old); err != nil {
			faults = append(faults, fmt.Sprintf("version %d cannot read its data: %v", version, err))
		}
	}
	return faults
}
