package topology_test

import (
	"strings"
	"testing"

	"github.com/tidemill/tidemill/topology"
)

func TestRequireNamesRefusesPositionalNamesOnly(t *testing.T) {
	build := func(named bool) error {
		b := topology.New("app")
		b.RequireNames()
		var group []topology.GroupOption
		var count []topology.AggregateOption
		if named {
			group = append(group, topology.Named("by-value"))
			count = append(count, topology.StoreName("counts"))
		}
		b.Stream[string, string]("in").GroupBy(value, group...).Count(count...).ToStream().To("out")
		_, err := b.Build()
		return err
	}
	if err := build(true); err != nil {
		t.Errorf("with names, Build returns %v", err)
	}
	err := build(false)
	for _, want := range []string{
		`store "KSTREAM-AGGREGATE-STATE-STORE-0000000002": its name would change`,
		`repartition topic "KSTREAM-AGGREGATE-STATE-STORE-0000000002-repartition": its name would change`,
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Build returns %v, want %q", err, want)
		}
	}
}
