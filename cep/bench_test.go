package cep_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/tidemill/tidemill/cep"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/state/memory"
	"github.com/tidemill/tidemill/topology"
)

const benchKeys = 10_000

// BenchmarkThreeStages looks for a, b and c among the events of 10,000 keys in turn, each
// of which has one event a second, from the fetched bytes to the encoded match and the
// changelog, with a commit every 10,000 records.
func BenchmarkThreeStages(b *testing.B) {
	p := begin("a").FollowedBy("b").Where(is("b")).FollowedBy("c").Where(is("c")).Within(time.Minute).SkipPastLastEvent()
	for _, c := range []struct {
		name, events string
		options      []cep.Option
	}{
		{"a match in 6 events", "axbxcx", nil},
		{"a match in 6 events, sorted", "axbxcx", []cep.Option{cep.Grace(2 * time.Second)}},
		{"a match in 30 events", "axxxxxxxxxxxxbxxxxxxxxxxxxxxcx", nil},
		{"nothing to be found", "xxxxxx", nil},
	} {
		b.Run(c.name, func(b *testing.B) {
			builder := topology.New("bench")
			cep.Detect(builder.Stream[string, string]("in"), p, c.options...).MapValues(line).To("out")
			runBench(b, builder, c.events)
		})
	}
}

func runBench(b *testing.B, builder *topology.Builder, events string) {
	t := newTask(b, builder, memory.New())
	keys, values := make([][]byte, benchKeys), make([][]byte, len(events))
	for i := range keys {
		keys[i] = fmt.Appendf(nil, "key-%08d", i*7919%benchKeys)
	}
	for i := range values {
		values[i] = fmt.Appendf(nil, "%c-%0100d", events[i], i)
	}
	raws := make([]record.Raw, 1000)
	b.ReportAllocs()
	for at := int64(0); b.Loop(); at++ {
		i := at % int64(len(raws))
		round := at / benchKeys
		raws[i] = record.Raw{Key: keys[at%benchKeys], Value: values[round%int64(len(values))], Timestamp: at / (benchKeys / 1000), Offset: at}
		if i < int64(len(raws))-1 {
			continue
		}
		t.process(b, raws...)
		if (at+1)%benchKeys == 0 {
			t.commit(b)
		}
		t.drop()
	}
}
