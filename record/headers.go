package record

// Header is one header of a record. Kafka allows a key to appear several times.
type Header struct {
	Key   string
	Value []byte
}

// Headers are the headers of a record in their order. They are shared between
// records: use With and Without, which copy, rather than changing an element.
type Headers []Header

// Get returns the last header with this key, which is the one that Kafka's own
// clients call the last header, and whether there is one.
func (h Headers) Get(key string) ([]byte, bool) {
	for i := len(h) - 1; i >= 0; i-- {
		if h[i].Key == key {
			return h[i].Value, true
		}
	}
	return nil, false
}

// With returns a copy with one more header at the end.
func (h Headers) With(key string, value []byte) Headers {
	out := make(Headers, len(h), len(h)+1)
	copy(out, h)
	return append(out, Header{Key: key, Value: value})
}

// Without returns a copy that has no header with this key.
func (h Headers) Without(key string) Headers {
	out := make(Headers, 0, len(h))
	for _, one := range h {
		if one.Key != key {
			out = append(out, one)
		}
	}
	return out
}
