// Package protobuf encodes generated protobuf messages: plain bytes, without a
// header (see serde/registry for that of schema registries).
package protobuf
