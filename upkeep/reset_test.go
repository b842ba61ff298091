package upkeep

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tidemill/tidemill"
	"github.com/tidemill/tidemill/topology"
)

// counts counts words by their first letter, behind a repartition topic.
func counts() *topology.Builder {
	b := topology.New("counts")
	b.Stream[string, string]("words").
		GroupBy(func(_, word string) string { return word[:1] }).
		Count(topology.WithoutCache()).ToStream().
		MapValues(func(n int64) string { return fmt.Sprint(n) }).
		To("totals")
	return b
}

// words fills the input.
func (s *site) words() {
	for i, w := range []string{"ape", "bee", "ant", "cat", "bat", "asp"} {
		s.produce(&kgo.Record{Topic: "words", Partition: int32(i % 2), Value: []byte(w), Timestamp: time.UnixMilli(int64(1000 * i))})
	}
}

// totals are the counts of each letter, in their order.
func totals(all []*kgo.Record) string {
	by := map[string]string{}
	for _, r := range all {
		by[string(r.Key)] += string(r.Value)
	}
	return fmt.Sprint(by)
}

func TestAnApplicationThatIsResetDoesTheSameAgain(t *testing.T) {
	for _, guarantee := range []struct {
		name    string
		options []tidemill.Option
	}{{"at least once", nil}, {"exactly once", []tidemill.Option{tidemill.ExactlyOnce(), tidemill.CommitInterval(10 * time.Millisecond)}}} {
		t.Run(guarantee.name, func(t *testing.T) {
			s := newSite(t, "words", "totals")
			s.words()
			dir := t.TempDir()
			s.run(counts(), dir, func() {
				s.await("totals", 6)
				if _, err := s.PlanReset(t.Context(), "counts", Earliest()); !errors.Is(err, ErrActive) {
					t.Errorf("the error is %v", err)
				}
			}, guarantee.options...)
			first := s.read("totals")
			plan, err := s.PlanReset(t.Context(), "counts", Earliest())
			s.must(err)
			s.expectPlan(plan)
			s.must(s.Reset(t.Context(), plan))
			var again []*kgo.Record
			s.run(counts(), dir, func() { again = s.await("totals", 2*len(first)) }, guarantee.options...)
			again = slices.DeleteFunc(again, func(r *kgo.Record) bool {
				return slices.ContainsFunc(first, func(f *kgo.Record) bool { return f.Partition == r.Partition && f.Offset == r.Offset })
			})
			if got, want := totals(again), totals(first); got != want || want != "map[a:123 b:12 c:1]" {
				t.Errorf("again the totals are %s, first they were %s", got, want)
			}
		})
	}
}

// expectPlan checks the plan of setting counts back to the beginning.
func (s *site) expectPlan(plan ResetPlan) {
	s.t.Helper()
	if len(plan.Delete) != 2 || kindOf(plan.Delete[0])+kindOf(plan.Delete[1]) != "changelogrepartition" {
		s.t.Errorf("topics to delete: %v", plan.Delete)
	}
	if got := fmt.Sprint(plan.Offsets); got != "[{words 0 3 0} {words 1 3 0}]" {
		s.t.Errorf("offsets: %s", got)
	}
	if before, err := s.Lag(s.t.Context(), "counts"); err != nil || before.Total != 0 {
		s.t.Errorf("a plan has changed the lag to %+v, %v", before, err)
	}
}

func TestAResetGoesToATarget(t *testing.T) {
	s := newSite(t, "words", "totals")
	s.words()
	for _, row := range []struct{ target, want string }{
		{"earliest", "[{words 0 -1 0} {words 1 -1 0}]"},
		{"latest", "[{words 0 -1 3} {words 1 -1 3}]"},
		{"2", "[{words 0 -1 2} {words 1 -1 2}]"},
		{"99", "[{words 0 -1 3} {words 1 -1 3}]"},
		{"1970-01-01T00:00:02.5Z", "[{words 0 -1 2} {words 1 -1 1}]"},
		{"2170-01-01T00:00:00Z", "[{words 0 -1 3} {words 1 -1 3}]"},
	} {
		to, err := ParseTarget(row.target)
		s.must(err)
		plan, err := s.PlanReset(t.Context(), "counts", to, "words")
		s.must(err)
		if got := fmt.Sprint(plan.Offsets); got != row.want {
			t.Errorf("to %s: %s, want %s", to, got, row.want)
		}
	}
}

func TestAResetThatMakesNoSenseIsRefused(t *testing.T) {
	s := newSite(t, "words")
	for _, target := range []string{"", "-1", "yesterday", "2026-01-01"} {
		if _, err := ParseTarget(target); err == nil || !strings.Contains(err.Error(), "give earliest, latest") {
			t.Errorf("%q: the error is %v", target, err)
		}
	}
	for _, row := range []struct {
		application string
		to          Target
		inputs      []string
		want        string
	}{
		{"", Earliest(), nil, "is empty"},
		{"nobody", Earliest(), nil, "check its id"},
		{"counts", Earliest(), []string{"missing"}, `"missing" does not exist`},
		{"counts", Target{}, []string{"words"}, "there is no target"},
	} {
		if _, err := s.PlanReset(t.Context(), row.application, row.to, row.inputs...); err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%q: the error is %v, want %q in it", row.application, err, row.want)
		}
	}
}

func TestTopicsOfAnotherApplicationAreLeftAlone(t *testing.T) {
	topics := []string{
		"app-a-changelog", "app-b-repartition", "app-x", "app-eu-a-changelog", "other-app-a-changelog",
		"app-KTABLE-FK-JOIN-SUBSCRIPTION-RESPONSE-0000000012-topic", "app-j-subscription-registration-topic",
	}
	want := "[app-KTABLE-FK-JOIN-SUBSCRIPTION-RESPONSE-0000000012-topic app-a-changelog app-b-repartition app-j-subscription-registration-topic]"
	if got := fmt.Sprint(internal("app", topics, []string{"app", "app-eu"})); got != want {
		t.Errorf("the topics are %s", got)
	}
}

func TestLagAndTopicsOfAnApplication(t *testing.T) {
	s := newSite(t, "words", "totals")
	s.words()
	s.run(counts(), t.TempDir(), func() {
		s.await("totals", 6)
		if lag, err := s.Lag(t.Context(), "counts"); err != nil || lag.Members != 1 || lag.State != "Stable" {
			t.Errorf("the lag is %+v, %v", lag, err)
		}
	})
	s.words()
	lag, err := s.Lag(t.Context(), "counts")
	s.must(err)
	if lag.Total != 6 || lag.State != "Empty" || len(lag.Partitions) != 4 {
		t.Errorf("the lag is %+v", lag)
	}
	topics, err := s.Topics(t.Context(), "counts")
	s.must(err)
	if len(topics) != 2 || topics[0].Kind != "changelog" || topics[0].Records < 3 || topics[0].Partitions != 2 || topics[0].Bytes <= 0 {
		t.Errorf("the topics are %+v", topics)
	}
	if _, err := s.Lag(t.Context(), "nobody"); !errors.Is(err, ErrNothing) {
		t.Errorf("the error is %v", err)
	}
	if _, err := s.Topics(t.Context(), "nobody"); !errors.Is(err, ErrNothing) {
		t.Errorf("the error is %v", err)
	}
}
