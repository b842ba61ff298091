package sagas_test

import (
	"testing"

	"github.com/tidemill/tidemill/sagas"
)

func TestAFilterChoosesByStatusDefinitionAndAge(t *testing.T) {
	i := sagas.Instance{ID: "x", Definition: "d", Version: 2, Status: sagas.Parked, Began: 100, Changed: 200}
	for _, row := range []struct {
		name   string
		filter sagas.Filter
		want   bool
	}{
		{"the zero filter chooses all", sagas.Filter{}, true},
		{"a status among several", sagas.Filter{Statuses: []sagas.Status{sagas.Running, sagas.Parked}}, true},
		{"another status", sagas.Filter{Statuses: []sagas.Status{sagas.Running}}, false},
		{"the definition", sagas.Filter{Definition: "d", Version: 2}, true},
		{"another definition", sagas.Filter{Definition: "e"}, false},
		{"another version", sagas.Filter{Definition: "d", Version: 1}, false},
		{"older than a time", sagas.Filter{BegunBefore: 101}, true},
		{"not older than a time", sagas.Filter{BegunBefore: 100}, false},
		{"unchanged since a time", sagas.Filter{ChangedBefore: 201}, true},
		{"changed since a time", sagas.Filter{ChangedBefore: 200}, false},
	} {
		if got := row.filter.Matches(i); got != row.want {
			t.Errorf("%s: %v", row.name, got)
		}
	}
	if s, ok := sagas.ParseStatus("parked"); !ok || s != sagas.Parked {
		t.Errorf("parked is %q", s)
	}
	if _, ok := sagas.ParseStatus("gone"); ok {
		t.Error("gone is a status")
	}
}
