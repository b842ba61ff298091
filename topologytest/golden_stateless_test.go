package topologytest_test

import (
	"strings"

	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/topology"
)

var statelessScenarios = map[string]func(b *topology.Builder, g *golden){
	"stateless-filter-map-chain": func(b *topology.Builder, _ *golden) {
		b.Stream[*string, *string]("in").
			Filter(func(_, v *string) bool { return v != nil && len(*v) >= 3 }).
			FilterNot(func(k, _ *string) bool { return k != nil && strings.HasPrefix(*k, "x") }).
			MapValues(func(v *string) string { return strings.ToUpper(*v) }).
			Map(func(k *string, v string) (string, string) { return v[:1], orNull(k) + ":" + v }).
			To("out")
	},
	"stateless-flatmap-words": func(b *topology.Builder, _ *golden) {
		s := b.Stream[*string, *string]("in")
		s.FlatMapValues(func(v *string) []string {
			if v == nil {
				return nil
			}
			return strings.FieldsFunc(*v, func(c rune) bool { return c == '_' })
		}).To("words")
		s.FlatMap(func(k, v *string, emit func(*string, string)) {
			if v == nil {
				emit(k, "<none>")
				return
			}
			for i, c := range []byte((*v)[:min(len(*v), 3)]) {
				char := string(c)
				emit(&char, orNull(k)+string(rune('0'+i)))
			}
		}).To("chars")
	},
	"stateless-peek-processvalues": func(b *topology.Builder, g *golden) {
		traced := func(name string) func(k, v *string) {
			return func(k, v *string) { g.trace(name, orNull(k)+"="+orNull(v)) }
		}
		b.Stream[*string, *string]("in").
			Peek(traced("peek-before")).
			Process(duplicate).
			Peek(traced("peek-after")).
			To("out")
	},
	"stateless-split-default": func(b *topology.Builder, _ *golden) {
		split := b.Stream[*string, *string]("in").Split()
		split.Branch(func(k, _ *string) bool { return k == nil }).To("null-keys")
		split.Branch(func(_, v *string) bool { return v != nil && strings.Contains(*v, "apple") }).
			MapValues(func(v *string) string { return *v + "!" }).To("apples")
		split.Branch(func(_, v *string) bool { return v != nil && len(*v) > 5 }).To("longs")
		split.Default().MapValues(func(v *string) string { return "rest:" + orNull(v) }).To("rest")
	},
}

// orNull is a text, or "null".
func orNull(s *string) string {
	if s == nil {
		return "null"
	}
	return *s
}

// duplicate marks values, and passes on twice those that ask for it.
func duplicate(c *processors.Context[*string, *string]) (processors.Processor[*string, *string], error) {
	forward := func(r record.Record[*string, *string], mark string, later int64) error {
		marked := *r.Value + mark
		r = record.WithValue(r, &marked)
		r.Timestamp += later
		return c.Forward(r)
	}
	return processors.Func[*string, *string](func(r record.Record[*string, *string]) error {
		switch {
		case r.Value == nil:
			return nil
		case !strings.HasPrefix(*r.Value, "dup"):
			return forward(r, "#", 0)
		}
		if err := forward(r, "#1", 0); err != nil {
			return err
		}
		return forward(r, "#2", 1000)
	}), nil
}
