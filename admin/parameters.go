package admin

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/tidemill/tidemill/query"
	"github.com/tidemill/tidemill/topology"
)

// known are the parameters of a query.
var known = []string{"key", "from", "to", "prefix", "since", "until", "asOf", "limit", "partition", "after", "wait", "scope", "stale"}

// requestOf reads the parameters of a query.
func requestOf(store *topology.StorePlan, values url.Values) (r query.Request, wait time.Duration, err error) {
	p := parameters{values: values, rows: store.Rows()}
	p.only(known)
	r = query.Request{Store: store.Name, Until: math.MaxInt64, Partition: -1}
	r.Key, r.From, r.To = p.key("key"), p.key("from"), p.key("to")
	if prefix := values.Get("prefix"); prefix != "" {
		r.From, r.To = []byte(prefix), query.PrefixEnd([]byte(prefix))
	}
	if values.Has("since") {
		r.Since = p.time("since")
	}
	if values.Has("until") {
		r.Until = p.time("until")
	}
	if values.Has("asOf") {
		r.Since = p.time("asOf")
		r.Until = r.Since
	}
	r.Limit = int(p.number("limit", 1, query.MaxLimit, query.DefaultLimit))
	r.Partition = int32(p.number("partition", 0, math.MaxInt32, -1))
	r.After = p.positions("after")
	wait = p.duration("wait", defaultWait)
	if stale := values.Get("stale"); stale == "1" || stale == "true" {
		r.Stale = true
	} else if values.Has("stale") && stale != "0" && stale != "false" {
		p.fault("stale is %q: give 1 if standbys may answer", stale)
	}
	if scope := values.Get("scope"); scope != "" && scope != "local" && scope != "all" {
		p.fault("scope is %q: give local or all", scope)
	}
	return r, wait, errors.Join(p.faults...)
}

// parameters reads parameters and collects what is wrong with them.
type parameters struct {
	values url.Values
	rows   *topology.StoreRows
	faults []error
}

func (p *parameters) fault(format string, args ...any) {
	p.faults = append(p.faults, fmt.Errorf(format, args...))
}

func (p *parameters) only(names []string) {
	allowed := map[string]bool{}
	for _, name := range names {
		allowed[name] = true
	}
	for name := range p.values {
		if !allowed[name] {
			p.fault("there is no parameter %q: there are %s", name, strings.Join(names, ", "))
		}
	}
}

// key encodes a key. One that begins with base64: is encoded already.
func (p *parameters) key(name string) []byte {
	if !p.values.Has(name) {
		return nil
	}
	text := p.values.Get(name)
	encoded, ok := strings.CutPrefix(text, "base64:")
	var key []byte
	var err error
	if ok {
		key, err = base64.StdEncoding.DecodeString(encoded)
	} else {
		key, err = p.rows.KeyOf(text)
	}
	if err != nil {
		p.fault("%s: %w", name, err)
	}
	return key
}

// time reads milliseconds since the Unix epoch, or a time such as 2026-01-02T03:04:05Z.
func (p *parameters) time(name string) int64 {
	text := p.values.Get(name)
	if ms, err := strconv.ParseInt(text, 10, 64); err == nil && ms >= 0 {
		return ms
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil || t.UnixMilli() < 0 {
		p.fault("%s is %q: give milliseconds since 1970, or a time such as 2026-01-02T03:04:05Z", name, text)
	}
	return t.UnixMilli()
}

func (p *parameters) number(name string, least, most, otherwise int64) int64 {
	text := p.values.Get(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < least || n > most {
		p.fault("%s is %q: give %d to %d", name, text, least, most)
	}
	return n
}

func (p *parameters) yes(name string, otherwise bool) bool {
	switch text := p.values.Get(name); text {
	case "":
		return otherwise
	case "true", "false":
		return text == "true"
	default:
		p.fault("%s is %q: give true or false", name, text)
		return otherwise
	}
}

func (p *parameters) duration(name string, otherwise time.Duration) time.Duration {
	text := p.values.Get(name)
	if text == "" {
		return otherwise
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 || d > maxWait {
		p.fault("%s is %q: give a duration such as 500ms, at most %v", name, text, maxWait)
	}
	return d
}

// positions reads topic:partition:offset, as often as it is given.
func (p *parameters) positions(name string) (out []query.Position) {
	for _, text := range p.values[name] {
		parts := strings.Split(text, ":")
		if len(parts) != 3 || len(out) == 100 {
			p.fault("%s is %q: give topic:partition:offset, at most 100 of them", name, text)
			return nil
		}
		partition, err := strconv.ParseInt(parts[1], 10, 32)
		offset, err2 := strconv.ParseInt(parts[2], 10, 64)
		if err != nil || err2 != nil || partition < 0 || offset < 0 {
			p.fault("%s is %q: give topic:partition:offset", name, text)
		}
		out = append(out, query.Position{Topic: parts[0], Partition: int32(partition), Offset: offset})
	}
	return out
}
