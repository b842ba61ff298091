package topology

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"unicode/utf8"

	"github.com/tidemill/tidemill/serde"
)

// StoreRows tells how to read and show the rows of a store without knowing its types.
type StoreRows struct {
	kind string
	// Key and Value are the serde.Serde[K] and serde.Serde[V] of the store.
	Key, Value any
	// KeyOf encodes a key that is given as text: as it is if keys are strings or bytes,
	// else as JSON.
	KeyOf func(text string) ([]byte, error)
	// ShowKey and ShowValue decode to what JSON shows: text, numbers, objects.
	ShowKey, ShowValue func(encoded []byte) (json.RawMessage, error)
}

// Kind is the kind of store: key-value, window, session, sliding or versioned, or buffer
// for one that only its operator can read.
func (s *StorePlan) Kind() string {
	if s.use.rows == nil {
		return "buffer"
	}
	return s.use.rows.kind
}

// Rows tells how to read the store, nil if only its operator can.
func (s *StorePlan) Rows() *StoreRows { return s.use.rows }

func rowsOf[K, V any](kind string, key serde.Serde[K], value serde.Serde[V]) *StoreRows {
	return &StoreRows{
		kind: kind, Key: key, Value: value,
		KeyOf: func(text string) ([]byte, error) {
			var k K
			if err := readKey(&k, text); err != nil {
				return nil, fmt.Errorf("key %q is no %T: %w", text, k, err)
			}
			return key.Append([]byte{}, k)
		},
		ShowKey:   func(encoded []byte) (json.RawMessage, error) { k, err := key.Decode(encoded); return show(k, err) },
		ShowValue: func(encoded []byte) (json.RawMessage, error) { v, err := value.Decode(encoded); return show(v, err) },
	}
}

// readKey reads a key from text. into points to the key.
func readKey(into any, text string) error {
	switch k := into.(type) {
	case *string:
		*k = text
		return nil
	case *[]byte:
		*k = []byte(text)
		return nil
	}
	err := json.Unmarshal([]byte(text), into)
	if err == nil {
		return nil
	}
	quoted, _ := json.Marshal(text)
	if json.Unmarshal(quoted, into) == nil {
		return nil
	}
	return err
}

// show is the JSON of a decoded key or value.
func show(v any, err error) (json.RawMessage, error) {
	if err != nil {
		return nil, err
	}
	if b, ok := v.([]byte); ok {
		if v = any(string(b)); !utf8.Valid(b) {
			v = "base64:" + base64.StdEncoding.EncodeToString(b)
		}
	}
	out, err := json.Marshal(v)
	if err != nil {
		return json.Marshal(fmt.Sprint(v))
	}
	return out, nil
}
