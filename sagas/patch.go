package sagas

import (
	"bytes"
	"encoding/json/jsontext"
	"encoding/json/v2"
)

// diff is the change from one object to another: the members that differ, and null
// for those that are gone. What is no object is changed as a whole. It lets steps
// that run at the same time change different members.
func diff(from, to jsontext.Value) (jsontext.Value, error) {
	before, ok1 := members(from)
	after, ok2 := members(to)
	if !ok1 || !ok2 {
		return to, nil
	}
	patch := map[string]jsontext.Value{}
	for name, value := range after {
		if old, ok := before[name]; !ok || !bytes.Equal(old, value) {
			patch[name] = value
		}
	}
	for name := range before {
		if _, ok := after[name]; !ok {
			patch[name] = jsontext.Value("null")
		}
	}
	return encode(patch)
}

// apply makes the change that diff found.
func applyPatch(data, patch jsontext.Value) (jsontext.Value, error) {
	have, ok1 := members(data)
	changes, ok2 := members(patch)
	if !ok1 || !ok2 {
		return patch, nil
	}
	for name, value := range changes {
		if value.Kind() == 'n' {
			delete(have, name)
			continue
		}
		have[name] = value
	}
	return encode(have)
}

// members are those of an object; ok is false if the value is none.
func members(v jsontext.Value) (m map[string]jsontext.Value, ok bool) {
	if v.Kind() != '{' || json.Unmarshal(v, &m) != nil {
		return nil, false
	}
	return m, true
}
