package processors

import (
	"bytes"

	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/state"
)

// HeaderRows keeps, beside a store, the headers of the record that wrote a row last, by
// the encoded key of the row.
type HeaderRows = state.KeyValue[[]byte, record.Headers]

// HeadersName is the name of the HeaderRows of a store.
func HeadersName(store string) string { return store + "-headers" }

// KeepHeaders has the headers of what is written to a store kept.
func KeepHeaders(t *Task, of state.Watched, store string) {
	kept := &keptHeaders{task: t, name: HeadersName(store)}
	of.Watch(func(key string, present bool, headers record.Headers) error {
		if !present {
			headers = nil
		}
		return kept.put([]byte(key), headers)
	})
}

// keptHeaders are the HeaderRows of a store, opened when they are needed.
type keptHeaders struct {
	task *Task
	name string
	rows *HeaderRows
	// taken is the row whose headers were taken last.
	taken        []byte
	takenHeaders record.Headers
}

// keptHeadersOf returns nil if the headers of a store are not kept.
func keptHeadersOf(t *Task, store string) *keptHeaders {
	name := HeadersName(store)
	if _, kept := t.stores[name]; !kept {
		return nil
	}
	return &keptHeaders{task: t, name: name}
}

func (k *keptHeaders) open() (err error) {
	if k.rows == nil {
		k.rows, err = Store[*HeaderRows](k.task, k.name)
	}
	return err
}

// put keeps the headers of a row; there are none to keep if it has none.
func (k *keptHeaders) put(key []byte, headers record.Headers) error {
	if err := k.open(); err != nil {
		return err
	}
	return k.rows.Put(key, headers)
}

// take returns the headers of a row and keeps them no longer. If they were the last that
// were taken, it returns them again.
func (k *keptHeaders) take(key []byte) (record.Headers, error) {
	if err := k.open(); err != nil {
		return nil, err
	}
	headers, found, err := k.rows.Delete(key)
	if found || !bytes.Equal(key, k.taken) {
		k.taken, k.takenHeaders = append(k.taken[:0], key...), headers
	}
	return k.takenHeaders, err
}
