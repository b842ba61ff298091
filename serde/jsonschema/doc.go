// Package jsonschema encodes values as JSON that has to follow a JSON Schema, drafts 4
// to 2020-12: what does not follow it is neither written nor read.
package jsonschema
