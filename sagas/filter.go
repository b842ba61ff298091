package sagas

import "slices"

// Filter chooses sagas for a list. The zero Filter chooses all.
type Filter struct {
	// Statuses are those to choose. None is all.
	Statuses []Status
	// Definition and Version are those that the sagas go by. Empty and 0 are any.
	Definition string
	Version    int
	// BegunBefore chooses sagas that are older, and ChangedBefore those that nothing has
	// happened to since, by times in milliseconds. 0 is no bound.
	BegunBefore, ChangedBefore int64
}

// Matches says whether the filter chooses an instance.
func (f Filter) Matches(i Instance) bool {
	return (len(f.Statuses) == 0 || slices.Contains(f.Statuses, i.Status)) &&
		(f.Definition == "" || f.Definition == i.Definition) &&
		(f.Version == 0 || f.Version == i.Version) &&
		(f.BegunBefore == 0 || i.Began < f.BegunBefore) &&
		(f.ChangedBefore == 0 || i.Changed < f.ChangedBefore)
}

// ParseStatus is the status of a name, as it is written in lists and in JSON.
func ParseStatus(name string) (s Status, ok bool) {
	s = Status(name)
	return s, slices.Contains([]Status{Running, Compensating, Parked, Completed, Compensated}, s)
}
