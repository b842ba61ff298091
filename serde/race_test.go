//go:build race

package serde_test

// pooling says whether sync.Pool keeps what it is given: the race detector makes
// it drop some at random.
const pooling = false
