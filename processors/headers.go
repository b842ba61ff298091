package processors

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"strings"

	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/serde"
	"github.com/tidemill/tidemill/state"
)

// HeaderRows keeps, beside a store, the headers of the record that wrote a row last, by
// the encoded key of the row.
type HeaderRows = state.KeyValue[[]byte, record.Headers]

// headersSuffix is what the name of a store is followed by in that of its HeaderRows.
const headersSuffix = "-headers"

// HeadersName is the name of the HeaderRows of a store.
func HeadersName(store string) string { return store + headersSuffix }

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

// HeadersSerde encodes headers: their number, and each key and value, with their lengths
// as unsigned varints in front. The length of a value is one more than that, since 0 is
// null.
func HeadersSerde() serde.Serde[record.Headers] { return headersSerde{} }

type headersSerde struct{}

func (headersSerde) Append(dst []byte, headers record.Headers) ([]byte, error) {
	dst = binary.AppendUvarint(dst, uint64(len(headers)))
	for _, h := range headers {
		dst = append(binary.AppendUvarint(dst, uint64(len(h.Key))), h.Key...)
		if h.Value == nil {
			dst = append(dst, 0)
			continue
		}
		dst = append(binary.AppendUvarint(dst, uint64(len(h.Value))+1), h.Value...)
	}
	return dst, nil
}

var errHeaders = errors.New("processors: these are no encoded headers")

func (headersSerde) Decode(data []byte) (record.Headers, error) {
	n, size := binary.Uvarint(data)
	if size <= 0 || n > uint64(len(data)) {
		return nil, errHeaders
	}
	data = data[size:]
	headers := make(record.Headers, n)
	for i := range headers {
		key, rest, ok := cut(data, 0)
		if !ok {
			return nil, errHeaders
		}
		value, rest, ok := cut(rest, 1)
		if !ok {
			return nil, errHeaders
		}
		headers[i], data = record.Header{Key: string(key), Value: value}, rest
	}
	if len(data) > 0 {
		return nil, errHeaders
	}
	return headers, nil
}

// cut takes bytes with their length, more by add, in front of them; nil for length 0
// where 1 is added.
func cut(data []byte, add uint64) (cutOff, rest []byte, ok bool) {
	n, size := binary.Uvarint(data)
	if size <= 0 || n > uint64(len(data))+add {
		return nil, nil, false
	}
	data = data[size:]
	if n < add {
		return nil, data, true
	}
	if n -= add; n > uint64(len(data)) {
		return nil, nil, false
	}
	return data[:n:n], data[n:], true
}

// Own implements serde.Owner: it copies.
func (headersSerde) Own(headers record.Headers) record.Headers {
	out := slices.Clone(headers)
	for i := range out {
		out[i].Key, out[i].Value = strings.Clone(out[i].Key), bytes.Clone(out[i].Value)
	}
	return out
}
