package sagas

import (
	"encoding/json/v2"
	"fmt"
	"strconv"
)

// registry is the definitions of an orchestrator by name and version.
type registry struct {
	byID map[string]*Definition
	// newest is the highest version of each name.
	newest map[string]*Definition
}

func definitionID(name string, version int) string { return name + "/" + strconv.Itoa(version) }

// register collects definitions and what is wrong with them.
func register(all []Defined) (r registry, faults []error) {
	r = registry{map[string]*Definition{}, map[string]*Definition{}}
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf("sagas: "+format, args...)) }
	for _, one := range all {
		d := one.Definition()
		if err := d.Err(); err != nil {
			faults = append(faults, err)
		}
		id := definitionID(d.name, d.version)
		if r.byID[id] != nil {
			fault("definition %q is there twice with version %d: give one of them another version", d.name, d.version)
		}
		r.byID[id] = d
		if have := r.newest[d.name]; have == nil || have.version < d.version {
			r.newest[d.name] = d
		}
	}
	for _, d := range r.byID {
		for _, n := range d.named {
			if n.action != nil && n.action.sub != nil && r.byID[definitionID(n.action.sub.name, n.action.sub.version)] != n.action.sub {
				fault("definition %q: step %q is saga %q, which the orchestrator does not have: add it", d.name, n.name, n.action.sub.name)
			}
		}
	}
	return r, faults
}

// find is a definition; version 0 is the newest.
func (r registry) find(name string, version int) *Definition {
	if version == 0 {
		return r.newest[name]
	}
	return r.byID[definitionID(name, version)]
}

// inUse is what a task knows of a definition: what it was, and how many of its sagas
// there are.
type inUse struct {
	Fingerprint string `json:"fingerprint"`
	Sagas       int    `json:"sagas"`
}

// verify compares the definitions with those that a task's sagas go by.
func (r registry) verify(used rows) error {
	for item, err := range used.All() {
		if err != nil {
			return err
		}
		var u inUse
		if err := json.Unmarshal(item.Value, &u); err != nil {
			return fmt.Errorf("sagas: definition %q in the store: %w", item.Key, err)
		}
		d := r.byID[item.Key]
		switch {
		case u.Sagas == 0:
		case d == nil:
			return fmt.Errorf("sagas: %d sagas go by definition %s, which the orchestrator does not have: keep it until they are forgotten", u.Sagas, item.Key)
		case d.Fingerprint() != u.Fingerprint:
			return fmt.Errorf("sagas: %d sagas go by definition %s, whose steps have changed since: give it a new version, and keep the old one beside it; it is now\n%s", u.Sagas, item.Key, d.Describe())
		}
	}
	return nil
}

// count adds to the number of sagas of a definition.
func (r registry) count(used rows, d *Definition, by int) error {
	id := definitionID(d.name, d.version)
	var u inUse
	have, ok, err := used.Get(id)
	if err != nil {
		return err
	}
	if ok {
		if err := json.Unmarshal(have, &u); err != nil {
			return fmt.Errorf("sagas: definition %q in the store: %w", id, err)
		}
	}
	u.Fingerprint, u.Sagas = d.Fingerprint(), max(0, u.Sagas+by)
	data, err := encode(u)
	if err != nil {
		return err
	}
	return used.Put(id, data)
}
