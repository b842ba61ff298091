package serde

import "bytes"

// Bytes returns the Serde of Kafka's ByteArraySerializer: the bytes themselves.
// Decoding copies nothing: the result is the data, so treat it as read-only. It
// implements [Owner], which copies.
func Bytes() Serde[[]byte] { return raw{} }

type raw struct{}

func (raw) Append(dst, v []byte) ([]byte, error) { return append(dst, v...), nil }

func (raw) Decode(data []byte) ([]byte, error) { return data, nil }

// Own returns a copy; nil stays nil, and empty stays empty.
func (raw) Own(v []byte) []byte { return bytes.Clone(v) }
