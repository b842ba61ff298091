package main

import (
	"io"
	"strings"
	"testing"
)

// What it writes is checked against a real PostgreSQL by the integration tests.
func TestItSaysWhatItNeeds(t *testing.T) {
	plan, err := build(nil).Build()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"threats", "newest", "all"} {
		if !strings.Contains(plan.Describe(), want) {
			t.Errorf("%s is not in\n%s", want, plan.Describe())
		}
	}
	if err := run(t.Context(), io.Discard, ""); err == nil || !strings.Contains(err.Error(), "POSTGRES_URL") {
		t.Errorf("without an address: %v", err)
	}
}
