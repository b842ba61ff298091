package bridge

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tidemill/tidemill/connectors"
	"github.com/tidemill/tidemill/connectors/secure"
)

// kinds are what a route may lead to.
var kinds = []string{"channel", "stream", "string", "hash", "list", "set"}

// losses are the values of on_loss.
var losses = map[string]connectors.Loss{
	"report": connectors.Report, "rebuild": connectors.Rebuild, "rebuild-rest": connectors.RebuildRest, "accept": connectors.Accept,
}

// faults collects what is wrong, a line each.
type faults []error

func (f *faults) check(wrong bool, field, format string, args ...any) {
	if wrong {
		*f = append(*f, fmt.Errorf("%s: %s", field, fmt.Sprintf(format, args...)))
	}
}

// Check says what is wrong with a configuration.
func (c Config) Check() error {
	var f faults
	f.check(c.Application == "", "application", "is missing: it names the consumer group")
	f.check(len(c.Kafka.Brokers) == 0, "kafka.brokers", "is missing: give host:port of at least one broker")
	for _, b := range c.Kafka.Brokers {
		f.check(!strings.Contains(b, ":"), "kafka.brokers", "%q has no port", b)
	}
	if s := c.Kafka.SASL; s != nil {
		_, err := secure.Mechanism(s.Mechanism, s.User, s.Password)
		f.check(err != nil, "kafka.sasl.mechanism", "%v", err)
		f.check(s.User == "", "kafka.sasl.user", "is missing")
	}
	if _, err := c.Kafka.tls(); err != nil {
		f = append(f, err)
	}
	if _, err := c.Redis.open(); err != nil {
		f = append(f, err)
	}
	_, known := losses[c.OnLoss]
	f.check(!known, "on_loss", "%q: choose report, rebuild, rebuild-rest or accept", c.OnLoss)
	f.check(len(c.Routes) == 0, "routes", "there are none: give at least one topic and where it goes")
	names, latest := map[string]int{}, map[string]bool{}
	for i, r := range c.Routes {
		at := fmt.Sprintf("routes[%d]", i)
		r.check(&f, at)
		f.check(r.Topic != "" && r.Topic == c.DeadLetter, at+".topic", "%q is the topic for dead letters", r.Topic)
		if other, taken := names[r.Name]; taken && r.Name != "" {
			f.check(true, at+".name", "%q is that of routes[%d] too: positions are kept under it, give one of them another", r.Name, other)
		}
		names[r.Name] = i
		if before, ok := latest[r.Topic]; ok {
			f.check(before != r.FromLatest, at+".from_latest", "is to be the same in all routes of topic %q, which is read once", r.Topic)
		}
		latest[r.Topic] = r.FromLatest
	}
	return errors.Join(f...)
}

func (r Route) check(f *faults, at string) {
	f.check(r.Topic == "", at+".topic", "is missing")
	f.check(!slices.Contains(kinds, r.To), at+".to", "%q: choose %s", r.To, strings.Join(kinds, ", "))
	f.check(r.Key == "", at+".key", "is missing: it says which channel or key, such as %q", "alerts:{key}")
	needsField := r.To == "hash" || r.To == "set"
	f.check(needsField && r.Field == "", at+".field", "is missing: it says which field or member, such as %q", "{key}")
	f.check(!needsField && r.Field != "", at+".field", "is for hash and set")
	f.check(r.To != "stream" && r.Fields != nil, at+".fields", "are for stream")
	f.check(r.To == "stream" && len(r.Fields) == 0, at+".fields", "are none: an entry needs one at least")
	f.check((r.To == "stream" || r.To == "set") && r.Value != "", at+".value", "is not for stream and set: use fields, or field")
	f.check(r.Keep < 0, at+".keep", "%d: give 0 for all, or how many", r.Keep)
	f.check(r.Keep > 0 && r.To != "stream" && r.To != "list", at+".keep", "is for stream and list")
	f.check(r.TTL < 0, at+".ttl", "%v: give a duration such as 24h", r.TTL)
	f.check(r.To == "channel" && r.TTL > 0, at+".ttl", "a channel keeps nothing that could expire")
	f.check(r.Newest && (r.To != "string"), at+".newest", "is for string: a key of another kind holds many records")
	f.check(r.Batch < 1, at+".batch", "%d: give at least 1", r.Batch)
	for _, t := range append([]Field{{at + ".key", r.Key}, {at + ".field", r.Field}, {at + ".value", r.Value}}, r.named(at)...) {
		if _, err := parseTemplate(t.Value); err != nil {
			f.check(true, t.Name, "%v", err)
		}
	}
}

// named are the fields with where they are in the file.
func (r Route) named(at string) (out []Field) {
	for _, f := range r.Fields {
		out = append(out, Field{at + ".fields." + f.Name, f.Value})
	}
	return out
}
