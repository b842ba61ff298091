package topology_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/serde"
	"github.com/tidemill/tidemill/topology"
)

func look(_ context.Context, _, value string) (string, error) { return value, nil }

func lookAtRecord(_ context.Context, r record.Record[string, string]) (record.Record[string, string], error) {
	return r, nil
}

func TestBuildSaysWhatIsWrongWithCalls(t *testing.T) {
	b := topology.New("app")
	s := in(b, "in")
	s.Async(look, named("a"), topology.Concurrency(0), topology.CallTimeout(-time.Second), topology.CallRetries(-1, time.Second))
	s.AsyncRecords(lookAtRecord, named("b"), topology.CallRetries(1, 0))
	s.Async(look, named("c"), topology.KeySerde(serde.Bytes()))
	b.Stream[int64, string]("in2").
		Map(func(int64, string) (withoutSerde, string) { return withoutSerde{}, "" }).
		Async(func(context.Context, withoutSerde, string) (string, error) { return "", nil }, named("d"))
	wantFaults(t, b, []string{
		`topology: node "a": Concurrency is 0: give at least 1`,
		`topology: node "a": CallTimeout is -1s: give more than 0, or 0 for calls without end`,
		`topology: node "a": CallRetries is -1: give 0 to make no call again`,
		`topology: node "b": the backoff of CallRetries is 0s: give more than 0`,
		`topology: node "c": the chosen serde is a `,
		`topology: node "d": no serde for the key: no encoding follows from the type topology_test.withoutSerde: `,
	})
}

func TestAsyncKeepsKeysAndTheGeneralFormChangesThem(t *testing.T) {
	for _, c := range []struct {
		name        string
		build       func(s *stream) *stream
		repartition bool
	}{
		{"keys are kept", func(s *stream) *stream { return s.Async(look) }, false},
		{"keys that were changed before stay so", func(s *stream) *stream { return s.SelectKey(value).Async(look) }, true},
		{"keys may be changed", func(s *stream) *stream { return s.AsyncRecords(lookAtRecord) }, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			plan := build(t, func(b *builder) { c.build(in(b, "in")).GroupByKey().Count() })
			if got := strings.Contains(plan.Describe(), "repartition"); got != c.repartition {
				t.Errorf("repartitioned: %v, want %v\n%s", got, c.repartition, plan.Describe())
			}
		})
	}
}

func TestTheLongestCallsAreThoseOnOnePath(t *testing.T) {
	plan := build(t, func(b *builder) {
		s := in(b, "in")
		long := s.Async(look, named("a"), topology.CallTimeout(4*time.Second))
		short := s.Async(look, named("b"), topology.CallTimeout(time.Second), topology.CallRetries(2, 100*time.Millisecond))
		long.Merge(short).Filter(yes).Async(look, named("c"), topology.CallTimeout(2*time.Second))
		s.Filter(yes)
	})
	d, nodes := plan.Subtopologies[0].LongestCalls(processors.CallRules.Longest)
	if d != 6*time.Second || !slices.Equal(nodes, []string{"a", "c"}) {
		t.Errorf("the longest calls are those of %v with %v, want a and c with 6s", nodes, d)
	}
}

// Customers are looked up at a service, up to 64 at the same time. Busy times of the
// service are waited out, but a customer who is not there stays so.
func ExampleStream_Async() {
	type customer struct{ Name, Country string }
	lookUp := func(ctx context.Context, id string, c customer) (customer, error) {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://customers/"+id+"/country", http.NoBody)
		if err != nil {
			return c, topology.Permanent(err)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return c, err
		}
		defer response.Body.Close()
		switch response.StatusCode {
		case http.StatusOK:
			_, err = fmt.Fscan(response.Body, &c.Country)
		case http.StatusNotFound:
			err = topology.Permanent(errors.New("no such customer"))
		default:
			err = errors.New(response.Status)
		}
		return c, err
	}

	b := topology.New("enrich")
	b.Stream[string, customer]("customers").
		Async(lookUp, topology.Named("look-up"), topology.Concurrency(64), topology.CallTimeout(2*time.Second), topology.CallRetries(3, 100*time.Millisecond)).
		To("enriched-customers")
	show(b)
	// Output:
	// Topologies:
	//    Sub-topology: 0
	//     Source: KSTREAM-SOURCE-0000000000 (topics: [customers])
	//       --> look-up
	//     Processor: look-up (stores: [])
	//       --> KSTREAM-SINK-0000000002
	//       <-- KSTREAM-SOURCE-0000000000
	//     Sink: KSTREAM-SINK-0000000002 (topic: enriched-customers)
	//       <-- look-up
}
