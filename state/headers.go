package state

import (
	"errors"

	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/serde"
)

// Headers returns the Serde of headers, in the form in which Kafka Streams' buffers have
// them: their number, then each key and value behind its length, all lengths in 4 bytes,
// and -1 for null.
func Headers() serde.Serde[record.Headers] { return headersSerde{} }

type headersSerde struct{}

func (headersSerde) Append(dst []byte, headers record.Headers) ([]byte, error) {
	return appendHeaders(dst, headers), nil
}

func (headersSerde) Decode(data []byte) (record.Headers, error) {
	d := blocks{rest: data}
	headers := d.headers()
	if d.err == nil && len(d.rest) > 0 {
		return nil, errors.New("state: there is more behind the headers")
	}
	return headers, d.err
}

// Own implements serde.Owner: it copies.
func (headersSerde) Own(headers record.Headers) record.Headers { return ownHeaders(headers) }
