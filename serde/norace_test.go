//go:build !race

package serde_test

// pooling says whether sync.Pool keeps what it is given.
const pooling = true
