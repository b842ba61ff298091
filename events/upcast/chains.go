package upcast

import (
	"encoding/json/v2"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// Chains are the ways from old versions of event types to the newest. They are
// filled before anything reads with them, and are safe for concurrent use then.
type Chains struct {
	types  map[string]*chain
	faults []error
}

// chain is the way of one type. links are by the version that they begin with.
type chain struct {
	links  map[int]link
	newest int
}

type link struct {
	to    int
	steps []Step
}

// New returns chains for no type yet.
func New() *Chains { return &Chains{types: map[string]*chain{}} }

// Add tells how a payload of version from of a type becomes one of version to, which
// is usually the next one.
func (c *Chains) Add(eventType string, from, to int, steps ...Step) *Chains {
	if fault := c.refuse(eventType, from, to, steps); fault != nil {
		c.faults = append(c.faults, fault)
		return c
	}
	one := c.types[eventType]
	if one == nil {
		one = &chain{links: map[int]link{}}
		c.types[eventType] = one
	}
	one.links[from] = link{to, steps}
	one.newest = max(one.newest, to)
	return c
}

func (c *Chains) refuse(eventType string, from, to int, steps []Step) error {
	switch {
	case eventType == "":
		return errors.New("upcast: a chain needs the type of its events")
	case from < 1:
		return fmt.Errorf("upcast: %q: versions begin with 1, got %d", eventType, from)
	case to <= from:
		return fmt.Errorf("upcast: %q: from version %d to %d is a cycle: a step leads to a later version", eventType, from, to)
	case slices.ContainsFunc(steps, func(s Step) bool { return s == nil }):
		return fmt.Errorf("upcast: %q: a step from version %d is nil", eventType, from)
	}
	if one := c.types[eventType]; one != nil {
		if other, ok := one.links[from]; ok {
			return fmt.Errorf("upcast: %q: version %d leads to both %d and %d: keep one", eventType, from, other.to, to)
		}
	}
	return nil
}

// Check reports everything that is wrong: versions out of order, and gaps, where a
// chain ends before the newest version.
func (c *Chains) Check() error {
	if c == nil {
		return nil
	}
	faults := slices.Clone(c.faults)
	for _, name := range slices.Sorted(maps.Keys(c.types)) {
		one := c.types[name]
		for _, from := range slices.Sorted(maps.Keys(one.links)) {
			to := one.links[from].to
			if _, ok := one.links[to]; !ok && to != one.newest {
				faults = append(faults, fmt.Errorf("upcast: %q: a gap: nothing leads from version %d towards the newest, %d", name, to, one.newest))
			}
		}
		for v := slices.Min(slices.Collect(maps.Keys(one.links))); v < one.newest; v++ {
			if _, ok := one.links[v]; !ok && !one.reaches(v) {
				faults = append(faults, fmt.Errorf("upcast: %q: a gap: nothing begins with version %d", name, v))
			}
		}
	}
	return errors.Join(faults...)
}

// reaches says whether a link ends at a version, whose gap is reported as such.
func (c *chain) reaches(version int) bool {
	for _, l := range c.links {
		if l.to == version {
			return true
		}
	}
	return false
}

// Newest is the newest version of a type, or 0 if there is no chain for it.
func (c *Chains) Newest(eventType string) int {
	if c == nil || c.types[eventType] == nil {
		return 0
	}
	return c.types[eventType].newest
}

// Apply brings a payload to the newest version of its type, and says which that is.
// A payload of the newest version, or of a type without a chain, is returned as it is.
func (c *Chains) Apply(eventType string, version int, data []byte) (out []byte, newest int, err error) {
	newest = c.Newest(eventType)
	if newest == 0 || newest == version {
		return data, version, nil
	}
	if version > newest {
		return nil, version, &Error{eventType, version, fmt.Errorf("%w: %d is the newest", ErrNewer, newest)}
	}
	fields, err := parse(data)
	for at := version; err == nil && at < newest; {
		at, err = c.types[eventType].step(at, fields)
	}
	if err == nil {
		out, err = json.Marshal(fields, json.Deterministic(true))
	}
	if err != nil {
		return nil, version, &Error{eventType, version, err}
	}
	return out, newest, nil
}

// step changes fields of a version to those of the version that its link leads to.
func (c *chain) step(at int, fields Fields) (to int, err error) {
	l, ok := c.links[at]
	if !ok {
		return at, fmt.Errorf("%w: %d", ErrVersion, at)
	}
	for _, step := range l.steps {
		if err := step(fields); err != nil {
			return at, err
		}
	}
	return l.to, nil
}
